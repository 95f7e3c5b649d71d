using System.Globalization;
using Testbed.Harness.Cli;
using Testbed.Harness.Cli.Views;
using Testbed.Reports;

namespace Testbed.Harness.Runs;

/// <summary>Carries out <c>harness compare</c>.</summary>
internal static class CompareCommand
{
    /// <summary>Compares finished runs, or makes the runs first; returns the exit code.</summary>
    public static async Task<int> ExecuteAsync(CompareOptions options, IRunView view, CancellationToken cancel)
    {
        var (baseline, candidate, worst) = (options.Baseline, options.Candidate, ExitCodes.Ok);
        if (options.Strategies.Count > 0)
        {
            (baseline, candidate, worst) = await MakeCellsAsync(options, view, cancel).ConfigureAwait(false);
            if (baseline.Count == 0 || candidate.Count == 0)
            {
                view.Done("nothing to compare: the runs did not come to their end\n", null);
                return worst;
            }
        }

        var name = string.Create(CultureInfo.InvariantCulture, $"compare-{DateTime.UtcNow:yyyyMMdd'T'HHmmss'Z'}");
        var folder = Path.Combine(options.Run.ResultsRoot, name);
        view.Phase("report");
        var result = ComparisonReport.Write(baseline, candidate, folder, options.Force);
        view.Done(result.Text, result.Refused ? null : folder);
        return result.Refused ? ExitCodes.Usage : worst;
    }

    /// <summary>
    /// Makes the runs of every cell. One that is void ends its cell; one that is invalid or interrupted ends all.
    /// </summary>
    private static async Task<(IReadOnlyList<string> Baseline, IReadOnlyList<string> Candidate, int Worst)> MakeCellsAsync(
        CompareOptions options, IRunView view, CancellationToken cancel)
    {
        List<string> baseline = [];
        List<string> candidate = [];
        var worst = ExitCodes.Ok;
        foreach (var cell in options.Cells)
        {
            if (options.Cells.Count > 1)
            {
                view.Note(string.Create(CultureInfo.InvariantCulture, $"values of {cell.ValueBytes} bytes"));
            }

            var made = await MakeRunsAsync(options, cell, view, cancel).ConfigureAwait(false);
            baseline.AddRange(made.Baseline);
            candidate.AddRange(made.Candidate);
            worst = Math.Max(worst, made.ExitCode);
            if (made.ExitCode is ExitCodes.Invalid or ExitCodes.Interrupted)
            {
                break;
            }
        }

        return (baseline, candidate, worst);
    }

    /// <summary>
    /// Runs the strategies in turn, A B B A A B ..., each pair with a seed of its own that both sides share,
    /// so that a drift of the machine's speed meets both alike. A run that is invalid, void or interrupted
    /// ends the series.
    /// </summary>
    private static async Task<(List<string> Baseline, List<string> Candidate, int ExitCode)> MakeRunsAsync(
        CompareOptions options, RunOptions cell, IRunView view, CancellationToken cancel)
    {
        List<string>[] folders = [[], []];
        var worst = ExitCodes.Ok;
        for (var i = 0; i < options.Repeat * 2; i++)
        {
            var pair = i / 2;
            var side = pair % 2 == 0 ? i % 2 : 1 - (i % 2);
            var run = cell with
            {
                Argv = options.Argv,
                Strategy = options.Strategies[side],
                Seed = cell.Seed + (ulong)pair,
            };
            view.Note(string.Create(CultureInfo.InvariantCulture,
                $"run {i + 1} of {options.Repeat * 2}: {run.ClusterName}, seed {run.Seed}"));
            var result = await RunCommand.MakeAsync(run, view, cancel).ConfigureAwait(false);
            view.Note(result.Summary.Verdict + ": " + result.Summary.VerdictReason);
            worst = Math.Max(worst, result.Summary.ExitCode);
            if (result.Summary.ExitCode > ExitCodes.Missed)
            {
                break;
            }

            folders[side].Add(result.Folder);
        }

        var pairs = Math.Min(folders[0].Count, folders[1].Count);
        return (folders[0][..pairs], folders[1][..pairs], worst);
    }
}
