using Testbed.Harness.Cli.Views;
using Testbed.Harness.Runs;

namespace Testbed.Harness.Cli;

/// <summary>
/// What verbs have besides their options: where to write, where they are. Tests put their own in its place.
/// </summary>
internal sealed record CliContext
{
    /// <summary>Standard output.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Standard error.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Arguments as typed.</summary>
    public IReadOnlyList<string> Argv { get; init; } = [];

    /// <summary>True when a person watches: a terminal, no NO_COLOR, no CI.</summary>
    public bool Interactive { get; init; }

    /// <summary>Current folder.</summary>
    public string Folder { get; init; } = Environment.CurrentDirectory;

    /// <summary>Draws a seed when none is given; small enough to be exact in every JSON reader.</summary>
    public Func<ulong> DrawSeed { get; init; } = () => (ulong)Random.Shared.NextInt64(1L << 48);

    /// <summary>Carries out a run.</summary>
    public Func<RunOptions, IRunView, CancellationToken, Task<int>> Run { get; init; } = RunCommand.ExecuteAsync;

    /// <summary>Carries out a comparison.</summary>
    public Func<CompareOptions, IRunView, CancellationToken, Task<int>> Compare { get; init; } =
        CompareCommand.ExecuteAsync;

    /// <summary>The view that fits the terminal.</summary>
    public IRunView CreateView(bool quiet) =>
        quiet ? new QuietView(Out) : Interactive ? new LiveView(Out) : new PlainView(Out, Error);

    /// <summary>The context of a real process.</summary>
    public static CliContext OfProcess(IReadOnlyList<string> argv)
    {
        static bool Set(string name) => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name));
        return new CliContext
        {
            Out = Console.Out,
            Error = Console.Error,
            Argv = argv,
            Interactive = !Console.IsErrorRedirected && !Set("NO_COLOR") && !Set("CI"),
        };
    }
}
