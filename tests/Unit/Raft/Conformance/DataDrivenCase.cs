using System.Globalization;

namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>One argument of a directive: <c>key</c>, <c>key=value</c> or <c>key=(value, value)</c>.</summary>
internal sealed record DataDrivenArgument(string Key, IReadOnlyList<string> Values);

/// <summary>
/// One case of a data-driven file: a directive line, input up to the separator, the output that is expected.
/// </summary>
internal sealed record DataDrivenCase
{
    /// <summary>File and line of the directive, for messages.</summary>
    public required string Position { get; init; }

    public required string Command { get; init; }

    public required IReadOnlyList<DataDrivenArgument> Arguments { get; init; }

    /// <summary>Without white space at both ends.</summary>
    public required string Input { get; init; }

    /// <summary>Every line with its line feed.</summary>
    public required string Expected { get; init; }

    /// <summary>Names of the subtests it is in, outermost first, joined as the file joins them.</summary>
    public string Subtest { get; init; } = "";

    public bool Has(string key) => Arguments.Any(a => a.Key == key);

    /// <summary>The values of an argument; none where it is absent.</summary>
    public IReadOnlyList<string> Values(string key) =>
        Arguments.FirstOrDefault(a => a.Key == key)?.Values ?? [];

    public ulong Number(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Wrong($"'{text}' is no number");

    public bool Flag(string key) => Values(key) switch
    {
        ["true"] => true,
        ["false"] => false,
        var other => throw Wrong($"{key} is '{string.Join(',', other)}', neither true nor false"),
    };

    /// <summary>
    /// Fails on arguments that the interpreter does not know: they would be ignored silently.
    /// </summary>
    public void Expect(params ReadOnlySpan<string> keys)
    {
        foreach (var argument in Arguments)
        {
            if (!keys.Contains(argument.Key))
            {
                throw Wrong($"unknown argument '{argument.Key}' of command '{Command}'");
            }
        }
    }

    public DataDrivenException UnknownCommand() => Wrong($"unknown command '{Command}'");

    public DataDrivenException Wrong(string message) => new($"{Position}: {message}");
}

/// <summary>
/// A data-driven file that cannot be read or interpreted; the message begins with file and line.
/// </summary>
internal sealed class DataDrivenException : Exception
{
    public DataDrivenException(string message)
        : base(message)
    {
    }

    public DataDrivenException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
