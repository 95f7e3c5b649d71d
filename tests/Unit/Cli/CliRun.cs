using Testbed.Harness.Cli;
using Testbed.Harness.Cli.Views;
using Testbed.Harness.Runs;

namespace Testbed.Tests.Unit.Cli;

/// <summary>One call of the command line in memory; runs and comparisons are only captured.</summary>
internal sealed class CliRun : IDisposable
{
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();

    public string Folder { get; } = Directory.CreateTempSubdirectory("testbed-unit-").FullName;

    public RunOptions? Captured { get; private set; }

    public CompareOptions? Comparison { get; private set; }

    public Func<IRunView, CancellationToken, Task<int>> Behaviour { get; set; } = (_, _) => Task.FromResult(0);

    public string Out => _out.ToString();

    public string Error => _error.ToString();

    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public Task<int> Run(params string[] args) => Run(CancellationToken.None, args);

    public Task<int> Run(CancellationToken cancel, params string[] args) => CliHost.RunAsync(Context(args), cancel);

    public CliContext Context(params string[] args) => new()
    {
        Out = _out,
        Error = _error,
        Argv = args,
        Folder = Folder,
        DrawSeed = () => 4711,
        Run = (options, view, cancel) =>
        {
            Captured = options;
            return Behaviour(view, cancel);
        },
        Compare = (options, view, cancel) =>
        {
            Comparison = options;
            return Behaviour(view, cancel);
        },
    };

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
