using Testbed.Harness.Cli;
using Testbed.Harness.Cli.Views;

namespace Testbed.Harness.Runs;

/// <summary>Carries out <c>harness compare</c>.</summary>
internal static class CompareCommand
{
    /// <summary>Compares finished runs, or makes the runs first; returns the exit code.</summary>
    public static Task<int> ExecuteAsync(CompareOptions options, IRunView view, CancellationToken cancel)
    {
        view.Note("the comparison of " + string.Join(" and ", options.Strategies) + " is not part of this build");
        return Task.FromResult(cancel.IsCancellationRequested ? ExitCodes.Interrupted : ExitCodes.Void);
    }
}
