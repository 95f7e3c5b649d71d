using Testbed.Harness.Cli;
using Testbed.Harness.Cli.Views;

namespace Testbed.Harness.Runs;

/// <summary>Carries out <c>harness run</c>.</summary>
internal static class RunCommand
{
    /// <summary>Makes one run; returns the exit code.</summary>
    public static Task<int> ExecuteAsync(RunOptions options, IRunView view, CancellationToken cancel)
    {
        view.Note("the run of " + options.ClusterName + " is not part of this build");
        return Task.FromResult(cancel.IsCancellationRequested ? ExitCodes.Interrupted : ExitCodes.Void);
    }
}
