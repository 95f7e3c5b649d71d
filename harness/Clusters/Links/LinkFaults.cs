using Testbed.Faults;

namespace Testbed.Harness.Clusters.Links;

/// <summary>Which bytes a link fault keeps from arriving.</summary>
internal static class LinkFaults
{
    /// <summary>The pairs that are stalled while the fault is in force.</summary>
    public static IReadOnlyList<LinkPair> PairsOf(FaultKind kind, int node, int nodes)
    {
        var name = LinkPlan.NodeName(node);
        var others = Enumerable.Range(0, nodes).Where(n => n != node).Select(LinkPlan.NodeName);
        string[] parties = kind == FaultKind.Isolate ? [.. others, LinkPlan.Client] : [.. others];
        var towards = parties.Select(p => new LinkPair(p, name));
        var from = parties.Select(p => new LinkPair(name, p));
        return kind switch
        {
            FaultKind.Partition or FaultKind.Isolate => [.. towards, .. from],
            FaultKind.PartitionIn => [.. towards],
            FaultKind.PartitionOut => [.. from],
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a link fault"),
        };
    }

    /// <summary>
    /// The command that puts the union of these faults in force; faults may share pairs.
    /// </summary>
    public static string Command(IEnumerable<IReadOnlyList<LinkPair>> faults)
    {
        var pairs = faults.SelectMany(p => p).Distinct().Select(p => p.ToString()).Order(StringComparer.Ordinal);
        return string.Join(' ', pairs.Select(p => p + ":stall").Prepend("rules"));
    }
}
