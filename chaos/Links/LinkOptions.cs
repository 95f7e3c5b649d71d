using System.Globalization;
using System.Net;

namespace Testbed.Links;

/// <summary>
/// A command line that cannot be used; the message is one line for the person who typed it.
/// </summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>What the link proxy was asked to be; checked once, here.</summary>
internal sealed record LinkOptions
{
    /// <summary>Most links one proxy carries: 32 nodes with each other, and a client with each.</summary>
    public const int MaxLinks = 1024;

    /// <summary>Printed for <c>--help</c>.</summary>
    public const string Help = """
        testbed-linkd: carries the TCP links of a cluster, so that they can be cut, reset and mended

          testbed-linkd --control 127.0.0.1:9000 --link 'n0>n1=127.0.0.1:9001=127.0.0.1:7001' ...

          --link FROM>TO=LISTEN=TARGET
                                FROM dials LISTEN and is carried on to TARGET, where TO listens; IP:PORT each;
                                give it once per link
          --control IP:PORT     where commands are taken
          --exit-with-parent    end when standard input ends, and not at Ctrl-C
          --help                print this

        Commands are lines over TCP to the control address; each answer ends with a line "ok" or "error ...".

          rules [SOURCE>SINK:RULE[,RULE] ...]
                                replaces all rules at once, for living connections too; RULE is about the bytes
                                that SOURCE sends to SINK over the links of both directions:
                                stall: nothing passes, nothing is lost; reset: connections are reset
          counters              one line per link
          links                 one line per link: name, where it listens, where it leads

        """;

    /// <summary>The links.</summary>
    public required IReadOnlyList<LinkSpec> Links { get; init; }

    /// <summary>Where commands are taken.</summary>
    public required IPEndPoint Control { get; init; }

    /// <summary>True: the proxy ends with its standard input.</summary>
    public bool ExitWithParent { get; init; }

    /// <summary>Reads a command line; throws <see cref="UsageException"/>.</summary>
    public static LinkOptions Parse(IReadOnlyList<string> args)
    {
        var links = new List<LinkSpec>();
        IPEndPoint? control = null;
        var exitWithParent = false;
        for (var i = 0; i < args.Count; i++)
        {
            switch (args[i])
            {
                case "--exit-with-parent":
                    exitWithParent = true;
                    break;
                case "--control" when control is not null:
                    throw new UsageException("--control is given twice");
                case "--control":
                    control = Address("--control", ValueOf(args, ref i));
                    break;
                case "--link":
                    links.Add(Link(ValueOf(args, ref i)));
                    break;
                default:
                    throw new UsageException($"unknown option '{args[i]}': see --help");
            }
        }

        return new LinkOptions
        {
            Links = Checked(links),
            Control = control ?? throw new UsageException("--control is missing: see --help"),
            ExitWithParent = exitWithParent,
        };
    }

    private static List<LinkSpec> Checked(List<LinkSpec> links)
    {
        if (links.Count is 0 or > MaxLinks)
        {
            throw new UsageException(string.Create(
                CultureInfo.InvariantCulture, $"--link: between 1 and {MaxLinks} links are needed"));
        }

        var twice = links.GroupBy(l => l.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1);
        return twice is null ? links : throw new UsageException($"--link: {twice.Key} is given twice");
    }

    private static LinkSpec Link(string text)
    {
        var parts = text.Split('=');
        var ends = parts[0].Split('>');
        return parts.Length == 3 && ends.Length == 2 && ends.All(IsName) && ends[0] != ends[1]
            ? new LinkSpec(ends[0], ends[1], Address("--link", parts[1]), Address("--link", parts[2]))
            : throw new UsageException($"--link {text}: must be FROM>TO=LISTEN=TARGET");
    }

    private static bool IsName(string text) => text.Length is > 0 and <= 32
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private static IPEndPoint Address(string option, string text) =>
        text.LastIndexOf(':') is > 0 and var colon && text[^1] != ']'
            && IPAddress.TryParse(text[..colon], out var address)
            && ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            ? new IPEndPoint(address, port)
            : throw new UsageException($"{option} {text}: must be IP:PORT");

    private static string ValueOf(IReadOnlyList<string> args, ref int i) =>
        ++i < args.Count ? args[i] : throw new UsageException($"{args[i - 1]} needs a value");
}
