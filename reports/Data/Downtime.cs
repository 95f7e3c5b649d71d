using Testbed.Results;

namespace Testbed.Reports;

/// <summary>
/// A fault on the report's clock; End is the end of what the run shows when it was never healed.
/// </summary>
internal readonly record struct FaultSpan(
    int Id, string Kind, string Node, double Start, double End, bool Healed);

/// <summary>A stretch of time in which this many nodes were under a fault.</summary>
internal readonly record struct DownSpan(int Nodes, double Start, double End);

/// <summary>When nodes were away, from the times faults were really applied and healed.</summary>
internal static class Downtime
{
    /// <summary>True when the node answers nobody meanwhile; a throttled one is only slow.</summary>
    public static bool TakesAway(string kind) => kind is not ("throttle" or "transfer");

    /// <summary>
    /// What nodes are that suffer these faults: down when their process ended or stands still, away when only
    /// their links are cut.
    /// </summary>
    public static string Word(IReadOnlyList<FaultSpan> spans) =>
        spans.Any(s => s.Kind.StartsWith("partition", StringComparison.Ordinal) || s.Kind == "isolate") ? "away" : "down";

    /// <summary>Faults that were applied, in order of time.</summary>
    public static IReadOnlyList<FaultSpan> Spans(RunData run, RunClock clock)
    {
        double end = clock.Phases.Count == 0 ? 0 : clock.Phases.Max(p => p.End);
        List<FaultSpan> spans = [];
        foreach (FaultRow fault in run.Faults)
        {
            if (fault.AppliedNs is long applied)
            {
                double start = clock.Seconds(applied);
                double healed = fault.HealedNs is long h ? clock.Seconds(h) : Math.Max(end, start);
                spans.Add(new FaultSpan(
                    fault.Id, fault.Kind, fault.Node, start, healed, fault.HealedNs is not null));
            }
        }

        return [.. spans.OrderBy(s => s.Start).ThenBy(s => s.Id)];
    }

    /// <summary>
    /// The longest stretch with the most nodes away at once; null without faults that take nodes away.
    /// </summary>
    public static DownSpan? Deepest(IReadOnlyList<FaultSpan> all)
    {
        FaultSpan[] spans = [.. all.Where(s => TakesAway(s.Kind))];
        double[] edges = [.. spans.SelectMany(s => new[] { s.Start, s.End }).Distinct().Order()];
        DownSpan? best = null;
        DownSpan current = default;
        for (int i = 0; i + 1 < edges.Length; i++)
        {
            double middle = (edges[i] + edges[i + 1]) / 2;
            int down = spans.Where(s => s.Start <= middle && middle < s.End).Select(s => s.Node).Distinct()
                .Count();
            bool continues = i > 0 && current.Nodes == down;
            current = new DownSpan(down, continues ? current.Start : edges[i], edges[i + 1]);
            bool deeper = best is null || current.Nodes > best.Value.Nodes;
            bool longer = best is DownSpan b && current.Nodes == b.Nodes && Length(current) > Length(b);
            best = down > 0 && (deeper || longer) ? current : best;
        }

        return best;
    }

    private static double Length(DownSpan span) => span.End - span.Start;
}
