using System.CommandLine;
using System.Globalization;
using System.Text;
using Testbed.Client;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>get</c>, <c>set</c>, <c>cas</c>, <c>delete</c>, <c>scan</c> against a cluster that is up.</summary>
internal static class KeyVerbs
{
    private const int MaxKeyBytes = 1024;
    private const int MaxValueBytes = 16 * 1024 * 1024;
    private const int MaxScan = 10_000;
    private const int ShownBytes = 32;

    /// <summary>get.</summary>
    public static Verb Get(CliContext context)
    {
        var key = KeyArgument();
        var target = new ClusterTarget();
        var raw = Values.Flag("--raw", "Writes the value's bytes as they are, for a file or a pipe.");
        var verb = new Verb(
            "get", "Reads one key, linearizable; exit code 1 when it is absent.",
            "harness get greeting", "harness get picture --raw > cat.png").With(key).With(raw);
        return target.AddTo(verb).Does((parse, cancel) => target.UseAsync(parse, context, cancel, async (client, timeout) =>
        {
            var result = await client.GetAsync(Key(parse, key), timeout).ConfigureAwait(false);
            if (result.Outcome == Outcome.Ok)
            {
                WriteValue(context, result.Value.Span, parse.GetValue(raw));
                return ExitCodes.Ok;
            }

            return Explain(context, "get", result);
        }));
    }

    /// <summary>set.</summary>
    public static Verb Set(CliContext context)
    {
        var key = KeyArgument();
        var value = new Argument<string?>("value")
        {
            HelpName = "VALUE", Description = "The value as text; leave it out with --file.", Arity = ArgumentArity.ZeroOrOne,
        };
        var file = Values.Text("--file", "FILE", "Takes the value from a file.");
        var ifAbsent = Values.Flag(
            "--if-absent", "Only if the key is absent; exit code 1 when it is not. Raft only.");
        var target = new ClusterTarget();
        var verb = new Verb(
            "set", "Writes one key.", "harness set greeting hello", "harness set picture --file cat.png",
            "harness set greeting hello --if-absent").With(key, value).With(file).With(ifAbsent);
        return target.AddTo(verb).Does((parse, cancel) => target.UseAsync(parse, context, cancel, async (client, timeout) =>
        {
            var bytes = Value(parse.GetValue(value), parse.GetValue(file), context);
            var put = parse.GetValue(ifAbsent)
                ? client.PutIfAbsentAsync(Key(parse, key), bytes, timeout)
                : client.PutAsync(Key(parse, key), bytes, timeout);
            return Done(context, "set", await put.ConfigureAwait(false));
        }));
    }

    /// <summary>cas.</summary>
    public static Verb CompareAndSet(CliContext context)
    {
        var key = KeyArgument();
        var expected = new Argument<string>("expected") { HelpName = "EXPECTED", Description = "The value it must hold, as text." };
        var value = new Argument<string>("value") { HelpName = "VALUE", Description = "The value as text." };
        var target = new ClusterTarget();
        var verb = new Verb(
            "cas", "Writes one key if it holds a value (compare-and-set); exit code 1 when it does not. Raft only.",
            "harness cas greeting hello goodbye").With(key, expected, value);
        return target.AddTo(verb).Does((parse, cancel) => target.UseAsync(parse, context, cancel, async (client, timeout) =>
        {
            var old = Encoding.UTF8.GetBytes(parse.GetRequiredValue(expected));
            var bytes = Value(parse.GetRequiredValue(value), null, context);
            var result = await client.CompareAndSetAsync(Key(parse, key), old, bytes, timeout).ConfigureAwait(false);
            return Done(context, "cas", result);
        }));
    }

    /// <summary>delete.</summary>
    public static Verb Delete(CliContext context)
    {
        var key = KeyArgument();
        var target = new ClusterTarget();
        var verb = new Verb("delete", "Removes one key.", "harness delete greeting").With(key);
        return target.AddTo(verb).Does((parse, cancel) => target.UseAsync(parse, context, cancel, async (client, timeout) =>
        {
            var result = await client.DeleteAsync(Key(parse, key), timeout).ConfigureAwait(false);
            return Done(context, "delete", result);
        }));
    }

    /// <summary>scan.</summary>
    public static Verb Scan(CliContext context)
    {
        var start = new Argument<string?>("start")
        {
            HelpName = "START", Description = "The first key; left out: the first there is.", Arity = ArgumentArity.ZeroOrOne,
        };
        var limit = Values.Number("--limit", "Most keys to show. [default: 10]", 1, MaxScan);
        var keysOnly = Values.Flag("--keys-only", "Shows no values.");
        var target = new ClusterTarget();
        var verb = new Verb(
            "scan", "Shows keys in byte order with their values.", "harness scan user --limit 5").With(start)
            .With(limit, keysOnly);
        return target.AddTo(verb).Does((parse, cancel) => target.UseAsync(parse, context, cancel, async (client, timeout) =>
        {
            var first = Encoding.UTF8.GetBytes(parse.GetValue(start) ?? "");
            var result = await client.ScanAsync(first, parse.GetValue(limit) ?? 10, timeout).ConfigureAwait(false);
            if (result.Outcome != Outcome.Ok)
            {
                return Explain(context, "scan", result);
            }

            foreach (var (key, value) in result.Entries ?? [])
            {
                context.Out.WriteLine(parse.GetValue(keysOnly) ? Shown(key.Span) : Shown(key.Span) + "\t" + Shown(value.Span));
            }

            return ExitCodes.Ok;
        }));
    }

    /// <summary>Bytes as text when they are text, else their number and the first of them.</summary>
    internal static string Shown(ReadOnlySpan<byte> bytes)
    {
        var text = Encoding.UTF8.GetString(bytes);
        if (!text.Contains('\uFFFD') && !text.Any(c => char.IsControl(c) && c is not ('\n' or '\t')))
        {
            return text;
        }

        var shown = bytes[..Math.Min(bytes.Length, ShownBytes)];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"({bytes.Length} bytes: {Convert.ToHexStringLower(shown)}{(bytes.Length > ShownBytes ? "..." : "")})");
    }

    private static Argument<string> KeyArgument() => new("key") { HelpName = "KEY", Description = "The key." };

    private static byte[] Key(ParseResult parse, Argument<string> argument)
    {
        var key = Encoding.UTF8.GetBytes(parse.GetRequiredValue(argument));
        return key.Length is > 0 and <= MaxKeyBytes ? key : throw new UsageException("a key has 1 to 1024 bytes");
    }

    private static byte[] Value(string? value, string? file, CliContext context)
    {
        if (value is null == file is null)
        {
            throw new UsageException("set needs a value: VALUE or --file FILE");
        }

        try
        {
            var bytes = file is null
                ? Encoding.UTF8.GetBytes(value ?? "")
                : File.ReadAllBytes(Path.GetFullPath(file, context.Folder));
            return bytes.Length <= MaxValueBytes ? bytes : throw new UsageException("a value has at most 16 MiB");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--file: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static void WriteValue(CliContext context, ReadOnlySpan<byte> value, bool raw)
    {
        if (!raw)
        {
            context.Out.WriteLine(Shown(value));
            return;
        }

        using var stream = Console.OpenStandardOutput();
        stream.Write(value);
    }

    private static int Done(CliContext context, string what, in KvResult result)
    {
        if (result.Outcome is not (Outcome.Ok or Outcome.NotFound))
        {
            return Explain(context, what, result);
        }

        context.Out.WriteLine("ok");
        return ExitCodes.Ok;
    }

    private static int Explain(CliContext context, string what, in KvResult result)
    {
        var why = result.Reason ?? "no reason given";
        switch (result.Outcome)
        {
            case Outcome.PreconditionFailed:
                context.Error.WriteLine(what == "set"
                    ? "not set: the key is there already"
                    : "not set: the key does not hold the expected value");
                return ExitCodes.Missed;
            case Outcome.NotFound:
                context.Error.WriteLine("not found");
                return ExitCodes.Missed;
            case Outcome.Unknown:
                context.Error.WriteLine($"unknown: the {what} may or may not have taken effect ({why})");
                return ExitCodes.Undecided;
            default:
                context.Error.WriteLine($"failed: the {what} had no effect ({why})");
                return ExitCodes.Missed;
        }
    }
}
