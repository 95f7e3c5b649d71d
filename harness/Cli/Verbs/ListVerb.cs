using System.Globalization;
using Testbed.Results;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>list</c>: the runs there are.</summary>
internal static class ListVerb
{
    private const int DefaultCount = 20;
    private const int MaxCount = 100_000;

    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context)
    {
        var results = Values.Text("--results", "DIR", "Folder that holds the runs. [default: as for run]");
        var count = Values.Number("--count", "Most runs to show, newest first. [default: 20]", 1, MaxCount);
        return new Verb("list", "Shows the runs there are, newest first.", "harness list", "harness list --count 100")
            .With(results, count).Does((parse, cancel) =>
            {
                var root = ResultsRoot.Resolve(parse.GetValue(results), context.Folder);
                var runs = RunFolder.List(root);
                if (runs.Count == 0)
                {
                    context.Error.WriteLine($"no runs in {root}; make one with: harness run --workload b --kill 2");
                    return Task.FromResult(ExitCodes.Ok);
                }

                var table = new TextTable("run", "strategy", "workload", "verdict", "goodput/s", "read p99 ms", "write p99 ms", "faults");
                foreach (var run in runs.Take(parse.GetValue(count) ?? DefaultCount))
                {
                    cancel.ThrowIfCancellationRequested();
                    table.Add(Row(run));
                }

                table.Write(context.Out);
                return Task.FromResult(ExitCodes.Ok);
            });
    }

    private static string[] Row(RunFolder run)
    {
        try
        {
            var manifest = run.ReadManifest();
            var summary = run.ReadSummary();
            var measured = summary?.Operations.Where(o => o.Phase == "measured").ToList() ?? [];
            return
            [
                run.RunId, manifest.Strategy, manifest.Workload,
                summary is null ? "incomplete" : summary.Complete ? summary.Verdict : summary.Verdict + ", incomplete",
                measured.Count == 0 ? "" : Number(measured.Sum(o => o.GoodputPerSecond), "F0"),
                P99(measured.Where(o => o.Operation is "read" or "scan")),
                P99(measured.Where(o => o.Operation is "update" or "insert" or "delete")),
                (summary?.Faults.Count ?? 0).ToString(CultureInfo.InvariantCulture),
            ];
        }
        catch (ResultsException)
        {
            return [run.RunId, "", "", "unreadable", "", "", "", ""];
        }
    }

    /// <summary>
    /// The p99 of the operation kind that has most; percentiles of several kinds cannot be joined.
    /// </summary>
    private static string P99(IEnumerable<OperationFigures> figures) =>
        figures.MaxBy(o => o.Ok)?.LatencyP99Us is { } micros ? Number(micros / 1000, "F2") : "";

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
