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
            text += $" (clients noticed after {Units.Nanos(detect)})";
        }

        if (row.HealedNs is not long healed)
        {
            return text + ", not brought back";
        }

        text += $", back at {Units.Seconds(clock.Seconds(healed))}";
        return figures?.CaughtUpNs is long caughtUp
            ? text + $", caught up {Units.Nanos(caughtUp)} later"
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
            yield return $"while {nodes} down ({Units.Seconds(down.End - down.Start)}): {string.Join(", ", parts)}";
        }

        List<string> gaps = [];
        if (!findings.Reads.IsEmpty)
        {
            gaps.Add("reads " + Gap(findings.LongestReadGapNs));
        }

        if (!findings.Writes.IsEmpty)
        {
            gaps.Add("writes " + Gap(findings.LongestWriteGapNs));
        }

        if (gaps.Count > 0)
        {
            yield return "longest time without a success: " + string.Join(", ", gaps);
        }

        long? recovery = findings.Run.Summary.Faults.Max(f => f.FullRecoveryNs);
        bool all = findings.Run.Summary.Faults.All(f => f.FullRecoveryNs is not null);
        if (findings.Run.Summary.Faults.Count > 0)
        {
            yield return all
                ? $"full goodput and latency again after at most {Units.Nanos(recovery)}"
                : "full goodput and latency were not seen again for every fault";
        }
    }

    /// <summary>A gap in words.</summary>
    public static string Gap(long? nanos) => nanos is null or 0 ? "none" : Units.Nanos(nanos);

    /// <summary>The fault as something done to a node.</summary>
    public static string Participle(string kind) => kind switch
    {
        "kill" => "killed",
        "stop" => "stopped",
        "pause" => "paused",
        "partition" => "partitioned",
        "throttle" => "throttled",
        "reset" => "reset",
        "corrupt" => "corrupted",
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
            [.. findings.Total.Where(o => wanted(o.Operation)).Select(o => findings.WhileDown(o.Operation)).OfType<OperationFigures>()];
        double? p99 = figures.Max(f => f.LatencyP99Us);
        string latency = p99 is null ? "" : $" (p99 {Units.Micros(p99)})";
        parts.Add($"{Units.Count(series.GoodBetween(down.Start, down.End))} {kind} ok{latency}");
    }
}
