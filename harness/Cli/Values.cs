using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Testbed.Faults;

namespace Testbed.Harness.Cli;

/// <summary>
/// Options and arguments whose values are read by us, so that every error is one line that says what to
/// write.
/// </summary>
internal static class Values
{
    private static readonly (string Suffix, long Bytes)[] SizeUnits =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("K", 1L << 10), ("M", 1L << 20), ("G", 1L << 30),
        ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1), ("", 1),
    ];

    private delegate bool Reader<T>(string text, out T value);

    /// <summary>A flag.</summary>
    public static Option<bool> Flag(string name, string description, bool hidden = false) =>
        new(name) { Description = description, Hidden = hidden };

    /// <summary>Any text.</summary>
    public static Option<string?> Text(string name, string placeholder, string description) =>
        new(name) { Description = description, HelpName = placeholder };

    /// <summary>One of some words.</summary>
    public static Option<string> Word(string name, string fallback, string description, params string[] words)
    {
        var option = Make<string>(
            name, string.Join('|', words), description, (string text, out string value) =>
            {
                value = text;
                return words.Contains(text);
            },
            text => $"'{text}' is not {string.Join(" or ", words)}" + Suggestions.Hint(text, words));
        option.DefaultValueFactory = _ => fallback;
        option.CompletionSources.Add(words);
        return option;
    }

    /// <summary>A whole number within bounds.</summary>
    public static Option<int?> Number(string name, string description, int min, int max) => Make<int?>(
        name, "N", description, (string text, out int? value) =>
        {
            var read = int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number);
            value = number;
            return read && number >= min && number <= max;
        },
        text => string.Create(CultureInfo.InvariantCulture, $"'{text}' is not a whole number from {min} to {max}"));

    /// <summary>A number of nodes to start, or the addresses of nodes that run.</summary>
    public static Option<NodeChoice?> Nodes(string name, string description, int max) => Make<NodeChoice?>(
        name, "N|host:port,...", description, (string text, out NodeChoice? value) =>
        {
            value = null;
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count))
            {
                value = new NodeChoice(count, []);
                return count >= 1 && count <= max;
            }

            var addresses = text.Split(',', StringSplitOptions.TrimEntries);
            value = new NodeChoice(addresses.Length, addresses);
            return addresses.Length <= max && addresses.All(IsAddress)
                && addresses.Distinct(StringComparer.Ordinal).Count() == addresses.Length;
        },
        text => string.Create(CultureInfo.InvariantCulture, $"'{text}' is not a whole number from 1 to {max}")
            + (text.Contains(':', StringComparison.Ordinal) ? ", nor host:port,host:port,... with each address once" : ""));

    /// <summary>True for host:port.</summary>
    public static bool IsAddress(string text) =>
        text.LastIndexOf(':') is > 0 and var colon
        && ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0
        && Uri.CheckHostName(text[..colon].Trim('[', ']')) != UriHostNameType.Unknown;

    /// <summary>A whole number within bounds, counted in thousands with K.</summary>
    public static Option<long?> Count(string name, string description, long min, long max) => Make<long?>(
        name, "N", description, (string text, out long? value) =>
        {
            var read = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            value = number;
            return read && number >= min && number <= max;
        },
        text => string.Create(CultureInfo.InvariantCulture, $"'{text}' is not a whole number from {min} to {max}"));

    /// <summary>A positive real number.</summary>
    public static Option<double?> Real(string name, string placeholder, string description) => Make<double?>(
        name, placeholder, description, (string text, out double? value) =>
        {
            var read = double.TryParse(
                text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number);
            value = number;
            return read && double.IsFinite(number) && number > 0;
        },
        text => $"'{text}' is not a number above 0");

    /// <summary>A seed.</summary>
    public static Option<ulong?> Seed(string description) => Make<ulong?>(
        "--seed", "N", description, (string text, out ulong? value) =>
        {
            var read = ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            value = number;
            return read;
        },
        text => $"'{text}' is not a whole number from 0 to 2^64-1");

    /// <summary>A duration.</summary>
    public static Option<long?> Duration(string name, string description, bool zeroAllowed = false) => Make<long?>(
        name, "TIME", description, (string text, out long? value) =>
        {
            var read = DurationText.TryParse(text, out var nanos);
            value = nanos;
            return read && (zeroAllowed || nanos > 0);
        },
        text => $"'{text}' is not a duration such as 500ms, 30s or 2m");

    /// <summary>A number of bytes.</summary>
    public static Option<long?> Size(string name, string description, long min, long max) => Make<long?>(
        name, "SIZE", description, (string text, out long? value) =>
        {
            var read = TryParseSize(text, out var bytes);
            value = bytes;
            return read && bytes >= min && bytes <= max;
        },
        text => string.Create(
            CultureInfo.InvariantCulture, $"'{text}' is not a size from {min} to {max} bytes such as 1KiB, 16K or 1000"));

    /// <summary>Several numbers of bytes with commas between, none twice; ascending.</summary>
    public static Option<IReadOnlyList<long>?> Sizes(string name, string description, long min, long max, int most) =>
        Make<IReadOnlyList<long>?>(
            name, "SIZE,...", description, (string text, out IReadOnlyList<long>? value) =>
            {
                var sizes = new SortedSet<long>();
                value = null;
                foreach (var word in text.Split(','))
                {
                    if (!TryParseSize(word, out var bytes) || bytes < min || bytes > max || !sizes.Add(bytes))
                    {
                        return false;
                    }
                }

                value = [.. sizes];
                return sizes.Count <= most;
            },
            text => string.Create(CultureInfo.InvariantCulture,
                $"'{text}' is not one size or up to {most} different ones with commas between, from {min} to {max} bytes such as 1KiB,16K"));

    /// <summary>A rate per second, or max; max is infinity.</summary>
    public static Option<double?> Rate(string name, string description) => Make<double?>(
        name, "N|max", description, (string text, out double? value) =>
        {
            value = double.PositiveInfinity;
            if (text == "max")
            {
                return true;
            }

            var read = double.TryParse(
                text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number);
            value = number;
            return read && number is >= 0.1 and <= 10_000_000;
        },
        text => $"'{text}' is not a number of operations per second from 0.1 to 10000000, or max");

    /// <summary>The code of the ECC strategy, n,k.</summary>
    public static Option<(int Nodes, int DataElements)?> Code(string name, string description) =>
        Make<(int Nodes, int DataElements)?>(
            name, "n,k", description, (string text, out (int Nodes, int DataElements)? value) =>
            {
                value = null;
                var words = text.Split(',');
                if (words.Length != 2
                    || !int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var n)
                    || !int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var k)
                    || n is < 1 or > 32 || k < 1 || k > n)
                {
                    return false;
                }

                value = (n, k);
                return true;
            },
            text => $"'{text}' is not n,k with 1 <= k <= n <= 32, such as 5,3");

    /// <summary>Pairs name=value, the option may come many times.</summary>
    public static Option<string[]> Pairs(string name, string alias, string description)
    {
        var option = new Option<string[]>(name, alias)
        {
            Description = description,
            HelpName = "name=value",
            Arity = ArgumentArity.OneOrMore,
            AllowMultipleArgumentsPerToken = false,
        };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(t => t.Value.IndexOf('=', StringComparison.Ordinal) < 1))
            {
                result.AddError($"{name}: '{token.Value}' is not name=value, such as recordcount=5000");
                return;
            }
        });
        return option;
    }

    /// <summary>Text that may come many times.</summary>
    public static Option<string[]> Many(string name, string placeholder, string description) => new(name)
    {
        Description = description,
        HelpName = placeholder,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    /// <summary>A size with or without unit; K, M, G are binary.</summary>
    public static bool TryParseSize(string text, out long bytes)
    {
        bytes = 0;
        foreach (var (suffix, unit) in SizeUnits)
        {
            if (!text.EndsWith(suffix, StringComparison.Ordinal))
            {
                continue;
            }

            var number = text.AsSpan(0, text.Length - suffix.Length);
            if (decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
                && value <= long.MaxValue / unit)
            {
                bytes = (long)(value * unit);
                return true;
            }
        }

        return false;
    }

    private static Option<T> Make<T>(
        string name, string placeholder, string description, Reader<T> read, Func<string, string> why)
    {
        return new Option<T>(name)
        {
            Description = description,
            HelpName = placeholder,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result => Parse(result, name, read, why),
        };
    }

    private static T Parse<T>(ArgumentResult result, string name, Reader<T> read, Func<string, string> why)
    {
        var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        if (!read(text, out var value))
        {
            result.AddError($"{name}: {why(text)}");
        }

        return value;
    }
}

/// <summary>What <c>--nodes</c> says: how many, and where they listen when they run already.</summary>
internal sealed record NodeChoice(int Count, IReadOnlyList<string> Addresses);
