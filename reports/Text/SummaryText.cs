using Testbed.Results;

namespace Testbed.Reports;

/// <summary>
/// What the terminal shows at the end of a run, and <c>summary.txt</c>: plain text, no colour codes.
/// </summary>
public static class SummaryText
{
    private const int MaxNotes = 6;
    private const int MaxCounterexampleLines = 12;

    /// <summary>
    /// The summary, at most <paramref name="width"/> columns (paths and commands may be longer).
    /// </summary>
    public static string Render(RunData run, int width = 100)
    {
        Findings findings = new(run);
        TextLines lines = new(Math.Max(60, width));
        Head(lines, findings);
        Operations(lines, findings);
        FaultText.Append(lines, findings);
        RebuildText.Append(lines, run.Summary);
        Correctness(lines, run.Summary);
        Cost(lines, findings);
        Nodes(lines, run.Summary);
        Tail(lines, run);
        return lines.ToString();
    }

    private static void Head(TextLines lines, Findings findings)
    {
        Summary summary = findings.Run.Summary;
        Manifest manifest = findings.Run.Manifest;
        string verdict = summary.Verdict.ToUpperInvariant();
        lines.Wrap($"{verdict}  {summary.VerdictReason}", verdict.Length + 2);
        if (!summary.Complete)
        {
            lines.Wrap("The run was interrupted: figures cover what was measured until then.");
        }

        lines.Blank();
        lines.Wrap(Setting(manifest), 2);
        lines.Wrap(Rate(findings), 2);
    }

    private static string Setting(Manifest m)
    {
        string width = m.Options.GetValueOrDefault("width") == "fixed" ? " of fixed width" : "";
        string code = m.Strategy == "ecc" ? $"ECC ({m.Nodes},{m.DataElements}){width}"
            : $"{ChartNames.Strategy(m.Strategy)}, {m.Nodes} nodes";
        return $"{code}, tolerates {m.Tolerance}; workload {m.Workload}; durability {m.Durability}; "
            + $"{(m.Options.GetValueOrDefault("reads") == "lease" ? "reads by lease; " : "")}{m.Cluster} cluster; "
            + $"node build {m.NodeBuild}; seed {m.Seed}";
    }

    private static string Rate(Findings findings)
    {
        Summary summary = findings.Run.Summary;
        string time = $"for {Units.Seconds(summary.MeasuredNs / 1e9)}";
        if (findings.Run.Manifest.OfferedRate is not double offered)
        {
            return $"goodput {Units.Rate(findings.Goodput)} closed loop {time}: latency leaves out what waited for a free client";
        }

        string lag = summary.ScheduleLagP99Ns is long l ? $"; schedule lag p99 {Units.Nanos(l)}" : "";
        string attempted = summary.AttemptedShare is double share ? $", attempted {Units.Percent(share)}"
            : "";
        return $"offered {Units.Rate(offered)} {time}{attempted}, goodput {Units.Rate(findings.Goodput)}{lag}";
    }

    private static void Operations(TextLines lines, Findings findings)
    {
        lines.Blank();
        if (findings.Total.Count == 0)
        {
            lines.Wrap("no operation was measured");
            return;
        }

        TextTable table = new(
            "operation", "ok", "not found", "failed", "unknown", "corrupt", "shed", "p50", "p90", "p99",
                "p99.9", "max");
        foreach (OperationFigures o in findings.Total)
        {
            table.Add(
                o.Operation, Units.Count(o.Ok), Optional(o.NotFound), Units.Count(o.Failed),
                    Units.Count(o.Unknown),
                Optional(o.Corrupt), Optional(o.Shed), Units.Micros(o.LatencyP50Us),
                    Units.Micros(o.LatencyP90Us),
                Units.Micros(o.LatencyP99Us), Units.Micros(o.LatencyP999Us), Units.Micros(o.LatencyMaxUs));
        }

        lines.Add(table.Lines());
        Phases(lines, findings);
    }

    /// <summary>p99 per phase, when there is more than one: where the time went.</summary>
    private static void Phases(TextLines lines, Findings findings)
    {
        string[] phases = [.. findings.Phases.Where(p =>
            RunClock.IsShown(p) && p is not ("warm-up" or "warmup"))];
        if (phases.Length < 2)
        {
            return;
        }

        lines.Blank();
        TextTable table = new(["p99 by phase", .. phases]);
        foreach (OperationFigures total in findings.Total)
        {
            table.Add([
                total.Operation,
                .. phases.Select(p => findings.Of(p, total.Operation) is OperationFigures o
                    ? Units.Micros(o.LatencyP99Us) : Units.None),
            ]);
        }

        lines.Add(table.Lines());
    }

    private static void Correctness(TextLines lines, Summary summary)
    {
        CheckFigures check = summary.Check;
        lines.Blank();
        lines.Wrap($"checked   {Units.Count(check.Operations)} operations on {Units.Count(check.Keys)} keys in "
            + $"{Units.Seconds(check.CheckSeconds)}: {check.Result}", 10);
        string beside = summary.DeclaredLost is null ? "" : " beside what was declared LOST";
        lines.Wrap($"writes    lost {Units.Count(check.LostWrites)} of {Units.Count(check.AcknowledgedWrites)} acknowledged{beside}; "
            + $"stale reads {Units.Count(check.StaleReads)}; corrupt reads {Units.Count(check.CorruptReads)}", 10);
        if (check.IndefiniteWrites > 0)
        {
            long unseen = Math.Max(0, check.IndefiniteWrites - check.IndefiniteSeen);
            lines.Wrap($"          unknown {Units.Count(check.IndefiniteWrites)}: {Units.Count(check.IndefiniteSeen)} took effect, "
                + $"{Units.Count(unseen)} were never seen", 10);
        }

        if (!string.IsNullOrWhiteSpace(check.Counterexample))
        {
            lines.Blank();
            lines.Wrap("counterexample");
            string[] steps = check.Counterexample.ReplaceLineEndings("\n").Trim().Split('\n');
            foreach (string step in steps.Take(MaxCounterexampleLines))
            {
                lines.Wrap("  " + step, 4);
            }

            if (steps.Length > MaxCounterexampleLines)
            {
                lines.Wrap($"  ... {steps.Length - MaxCounterexampleLines} more lines in checks/");
            }
        }
    }

    private static void Cost(TextLines lines, Findings findings)
    {
        ByteFigures bytes = findings.Run.Summary.Bytes;
        if (bytes.LogicalBytes > 0)
        {
            double payload = (double)bytes.StoredPayloadBytes / bytes.LogicalBytes;
            double total = (double)bytes.StoredTotalBytes / bytes.LogicalBytes;
            lines.Wrap($"stored    {Units.Times(payload)} the {Units.Bytes(bytes.LogicalBytes)} of logical bytes (theory "
                + $"{Units.Times(bytes.TheoryStoredPerLogical)}); {Units.Times(total)} with keys and metadata", 10);
        }
        else
        {
            lines.Wrap(findings.Run.Summary.DeclaredLost is null ? "stored    nothing" : "stored    nothing that can be read");
        }

        List<string> costs = [];
        if (bytes.CpuMicrosPerOperation is double cpu)
        {
            costs.Add($"{Units.Three(cpu)} us of node CPU");
        }

        if (bytes.SentPerOperation is double sent)
        {
            costs.Add($"{Units.Bytes(sent)} sent by clients and nodes");
        }

        if (costs.Count > 0)
        {
            lines.Wrap("per op    " + string.Join(", ", costs), 10);
        }
    }

    private static void Nodes(TextLines lines, Summary summary)
    {
        if (summary.Nodes.Count == 0)
        {
            return;
        }

        lines.Blank();
        TextTable table = new(
            "node", "state", "restarts", "caught up", "CPU", "max RSS", "net sent", "net received",
                "disk written");
        table.Left(1);
        foreach (NodeFigures node in summary.Nodes)
        {
            table.Add(
                node.Node, node.State, Units.Count(node.Restarts), node.Restarts == 0 ? "" : node.CaughtUp
                    ? "yes" : "NO",
                node.CpuSeconds is double cpu ? Units.Seconds(cpu) : Units.None,
                    Units.Bytes(node.MaxRssBytes),
                Units.Bytes(node.NetworkTxBytes), Units.Bytes(node.NetworkRxBytes),
                    Units.Bytes(node.DiskWriteBytes));
        }

        lines.Add(table.Lines());
    }

    private static void Tail(TextLines lines, RunData run)
    {
        lines.Blank();
        foreach (string note in run.Summary.Notes.Take(MaxNotes))
        {
            lines.Wrap("note      " + note, 10);
        }

        if (run.Summary.Notes.Count > MaxNotes)
        {
            lines.Wrap($"note      {run.Summary.Notes.Count - MaxNotes} more in summary.json", 10);
        }

        if (run.Folder.Length > 0)
        {
            string page = Path.Combine(run.Folder, "report", "index.html");
            if (File.Exists(page))
            {
                lines.Wrap("report    " + page, 10);
            }

            lines.Wrap("data      " + run.Folder + Path.DirectorySeparatorChar, 10);
        }

        lines.Wrap("again     " + RunCommand.Of(run.Manifest), 10);
    }

    private static string Optional(long count) => count == 0 ? "" : Units.Count(count);
}
