using System.Security.Cryptography;
using System.Text;
using Testbed.Harness.Cli;
using Testbed.Harness.Cli.Views;
using Testbed.Reports;
using Testbed.Results;

namespace Testbed.Harness.Runs;

/// <summary>Carries out <c>harness run</c>.</summary>
internal static class RunCommand
{
    /// <summary>Makes one run; returns the exit code.</summary>
    public static async Task<int> ExecuteAsync(RunOptions options, IRunView view, CancellationToken cancel)
    {
        var result = await MakeAsync(options, view, cancel).ConfigureAwait(false);
        view.Done(result.Text, result.Folder);
        return result.Summary.ExitCode;
    }

    /// <summary>Makes one run with its report.</summary>
    internal static async Task<RunResult> MakeAsync(RunOptions options, IRunView view, CancellationToken cancel)
    {
        if (options.Cluster == "attach")
        {
            options = await Attachment.ResolveAsync(options, cancel).ConfigureAwait(false);
        }

        var withCount = WithOperationCount(options);
        var (workload, warnings) = WorkloadChoice.Resolve(withCount, Environment.CurrentDirectory);
        var plan = options.CompilePlan();
        foreach (var warning in warnings)
        {
            view.Note(warning);
        }

        var started = DateTimeOffset.UtcNow;
        var faults = plan.Faults.Count == 0 ? "healthy" : FaultWord(options);
        var folder = RunFolder.Create(options.ResultsRoot, started, options.Strategy, workload.Name, faults);
        if (options.Cluster == "attach")
        {
            workload = workload with { KeyPrefix = KeyPrefix(folder.RunId) };
        }

        var manifest = RunManifest.Build(options, folder.RunId, started, workload, plan.ToJson());
        folder.Write(manifest);
        view.Note(FormattableString.Invariant($"run {folder.RunId}, seed {options.Seed}"));

        var session = new RunSession(options, workload, plan, folder, manifest, started, view);
        var summary = await session.RunAsync(cancel).ConfigureAwait(false);
        return Report(options, summary, folder, view);
    }

    private static RunResult Report(RunOptions options, Summary summary, RunFolder folder, IRunView view)
    {
        folder.Write(summary);
        if (options.Report)
        {
            view.Phase("report");
            RunReport.Write(folder.FullPath);
        }

        var text = Testbed.Reports.SummaryText.Render(RunData.Load(folder.FullPath));
        folder.WriteSummaryText(text);
        return new RunResult(folder.FullPath, summary, text);
    }

    /// <summary>
    /// YCSB sizes the set of popular records by the inserts to come, so the operation count follows from rate
    /// and time unless the user gives one.
    /// </summary>
    private static RunOptions WithOperationCount(RunOptions options)
    {
        if (options.RatePerSecond is not { } rate || options.Properties.ContainsKey("operationcount"))
        {
            return options;
        }

        var count = (long)Math.Ceiling(rate * ((options.WarmupNanos + options.DurationNanos) / 1e9));
        var properties = new Dictionary<string, string>(options.Properties)
        {
            ["operationcount"] = count.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        return options with { Properties = properties };
    }

    /// <summary>
    /// What the keys of a run begin with in a cluster that outlives it: values of other runs, before or at the
    /// same time, must never be read as this run's. The operations drawn are the same with and without.
    /// </summary>
    private static string KeyPrefix(string runId)
    {
        const int prefixBytes = 5;
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(runId));
        return Convert.ToHexStringLower(hash.AsSpan(0, prefixBytes)) + ":";
    }

    private static string FaultWord(RunOptions options)
    {
        var f = options.Faults;
        var parts = new List<string>();
        if (f.Kill > 0)
        {
            parts.Add(FormattableString.Invariant($"kill{f.Kill}"));
        }

        if (f.Pause > 0)
        {
            parts.Add(FormattableString.Invariant($"pause{f.Pause}"));
        }

        if (f.Faults.Count > 0)
        {
            parts.Add(FormattableString.Invariant($"faults{f.Faults.Count}"));
        }

        return string.Concat(parts);
    }
}

/// <summary>How a run ended.</summary>
internal sealed record RunResult(string Folder, Summary Summary, string Text);
