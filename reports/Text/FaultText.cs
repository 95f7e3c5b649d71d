using Testbed.Results;

namespace Testbed.Reports;

/// <summary>What happened around the faults, in sentences.</summary>
internal static class FaultText
{
    private const int MaxFaults = 6;

    /// <summary>Appends the sentences; one line when nothing was planned.</summary>
    public static void Append(TextLines lines, Findings findings)
    {
        IReadOnlyList<FaultRow> rows = findings.Run.Faults;
        lines.Blank();
        if (rows.Count == 0)
        {
            lines.Wrap("faults    none planned");
            return;
        }

        string head = "faults    ";
        foreach (FaultRow row in rows.Take(MaxFaults))
        {
            FaultFigures? figures = findings.Run.Summary.Faults.FirstOrDefault(f => f.Id == row.Id);
            lines.Wrap(head + Sentence(row, figures, findings.Clock), 12);
            head = new string(' ', head.Length);
        }

        if (rows.Count > MaxFaults)
        {
            lines.Wrap($"{head}and {rows.Count - MaxFaults} more in faults.csv");
        }

        foreach (string sentence in Around(findings))
        {
            lines.Wrap(head + sentence, 12);
        }
    }

    /// <summary>One fault: applied, healed, caught up.</summary>
    public static string Sentence(FaultRow row, FaultFigures? figures, RunClock clock)
    {
        string node = row.Node.Length == 0 ? "the cluster" : row.Node;
        if (row.AppliedNs is not long applied)
        {
            string why = row.Evidence.Length == 0 ? "" : $": {row.Evidence}";
            return $"{row.Kind} of {node} wanted at {Units.Seconds(clock.Seconds(row.RequestedNs))} was NOT applied{why}";
        }

        string text = $"{node} {Participle(row.Kind)} at {Units.Seconds(clock.Seconds(applied))}";
        if (figures?.DetectNs is long detect)
        {
            text += $" (noticed {WithinWindow(detect)})";
        }

        if (row.HealedNs is not long healed)
        {
            return text + ", not brought back";
        }

        text += $", back at {Units.Seconds(clock.Seconds(healed))}";
        return CatchUpNs(figures) is long catchUp
            ? text + $", caught up {Units.Nanos(catchUp)} later" + (figures!.BySnapshot ? " by a snapshot" : "")
            : text + ", not seen to catch up";
    }

    /// <summary>What clients got while most nodes were down, and the longest silence.</summary>
    public static IEnumerable<string> Around(Findings findings)
    {
        if (findings.Deepest is not DownSpan down)
        {
            yield break;
        }

        string nodes = down.Nodes == 1 ? "1 node was" : $"{down.Nodes} nodes were";
        List<string> parts = [];
        AddKind(parts, findings, findings.Reads, "reads", OperationWords.IsRead);
        AddKind(parts, findings, findings.Writes, "writes", OperationWords.IsWrite);
        if (parts.Count > 0)
        {
            yield return $"while {nodes} {Downtime.Word(findings.Faults)} ({Units.Seconds(down.End - down.Start)}): {string.Join(", ", parts)}";
        }

        string stalls = string.Join(", ", Stalls(findings));
        if (stalls.Length > 0)
        {
            yield return "longest time a client got no answer: " + stalls;
        }

        long? recovery = findings.Run.Summary.Faults.Max(f => f.FullRecoveryNs);
        bool all = findings.Run.Summary.Faults.All(f => f.FullRecoveryNs is not null);
        if (findings.Run.Summary.Faults.Count > 0)
        {
            yield return all
                ? $"full goodput and latency again {WithinWindow(recovery)} of the fault"
                : "full goodput and latency were not seen again after every fault";
        }
    }

    /// <summary>Longest stall per kind of operation: "reads 35 ms".</summary>
    public static IEnumerable<string> Stalls(Findings findings)
    {
        if (findings.ReadStallNs is long read)
        {
            yield return "reads " + Units.Nanos(read);
        }

        if (findings.WriteStallNs is long write)
        {
            yield return "writes " + Units.Nanos(write);
        }
    }

    /// <summary>A time that is known to a window: "within 100 ms".</summary>
    public static string WithinWindow(long? nanos) => nanos is long ns
        ? "within " + Units.Nanos(((ns / WindowSeries.WindowNs) + 1) * WindowSeries.WindowNs)
        : Units.None;

    /// <summary>From back to caught up; null when it was not seen.</summary>
    public static long? CatchUpNs(FaultFigures? figures) =>
        figures is { CaughtUpNs: long caughtUp, HealedNs: long healed } ? Math.Max(0, caughtUp - healed)
            : null;

    /// <summary>The fault as something done to a node.</summary>
    public static string Participle(string kind) => kind switch
    {
        "kill" => "killed",
        "stop" => "stopped",
        "pause" => "paused",
        "restart" => "restarted",
        "throttle" => "throttled",
        "oom" => "out of memory",
        "disk-full" => "out of disk",
        "partition" => "cut off from the other nodes",
        "partition-in" => "deaf to the other nodes",
        "partition-out" => "mute to the other nodes",
        "isolate" => "cut off from everybody",
        "transfer" => "asked to lead",
        "remove" => "taken out of the cluster",
        "replace" => "killed with its data",
        _ => $"under {kind}",
    };

    private static void AddKind(
        List<string> parts, Findings findings, WindowSeries series, string kind, Func<string, bool> wanted)
    {
        if (series.IsEmpty || findings.Deepest is not DownSpan down)
        {
            return;
        }

        OperationFigures[] figures =
            [.. findings.Total.Where(o => wanted(o.Operation)).Select(o => findings.WhileDown(o.Operation))
                .OfType<OperationFigures>()];
        double? p99 = figures.Max(f => f.LatencyP99Us);
        string latency = p99 is null ? "" : $" (p99 {Units.Micros(p99)})";
        parts.Add($"{Units.Count(series.GoodBetween(down.Start, down.End))} {kind} ok{latency}");
    }
}
