namespace Testbed.Faults;

/// <summary>What is true of each kind of fault, whoever carries it out.</summary>
public static class FaultKinds
{
    private static readonly (FaultKind Kind, string Name)[] Names =
    [
        (FaultKind.Kill, "kill"), (FaultKind.Stop, "stop"), (FaultKind.Pause, "pause"), (FaultKind.Restart, "restart"),
        (FaultKind.Throttle, "throttle"), (FaultKind.Oom, "oom"), (FaultKind.DiskFull, "disk-full"),
        (FaultKind.Partition, "partition"), (FaultKind.PartitionIn, "partition-in"),
        (FaultKind.PartitionOut, "partition-out"), (FaultKind.Isolate, "isolate"),
        (FaultKind.Transfer, "transfer"), (FaultKind.Remove, "remove"), (FaultKind.Replace, "replace"),
    ];

    /// <summary>All names, for messages: <c>kill, stop, ... or isolate</c>.</summary>
    public static string AllNames { get; } =
        string.Join(", ", Names.SkipLast(1).Select(n => n.Name)) + " or " + Names[^1].Name;

    /// <summary>The name of a kind in plans, options and <c>faults.csv</c>.</summary>
    public static string NameOf(FaultKind kind) => Names[(int)kind].Name;

    /// <summary>Reads a name.</summary>
    public static bool TryParse(string text, out FaultKind kind)
    {
        foreach (var (known, name) in Names)
        {
            if (name == text)
            {
                kind = known;
                return true;
            }
        }

        kind = default;
        return false;
    }

    /// <summary>True when the node's process always ends and its undo is a start.</summary>
    public static bool EndsNode(FaultKind kind) =>
        kind is FaultKind.Kill or FaultKind.Stop or FaultKind.Restart or FaultKind.Oom or FaultKind.Replace;

    /// <summary>True when it takes effect only once something has run out.</summary>
    public static bool RunsOut(FaultKind kind) => kind is FaultKind.Oom or FaultKind.DiskFull;

    /// <summary>True when it acts on links, for which the link proxy must be in place.</summary>
    public static bool IsLink(FaultKind kind) =>
        kind is FaultKind.Partition or FaultKind.PartitionIn or FaultKind.PartitionOut or FaultKind.Isolate;

    /// <summary>
    /// True when the node counts as away meanwhile; a throttled one is slow but answers, and who hands over the
    /// leadership stays.
    /// </summary>
    public static bool TakesAway(FaultKind kind) => kind is not (FaultKind.Throttle or FaultKind.Transfer);

    /// <summary>True when it changes who belongs to the cluster, or who leads it: Raft's members change.</summary>
    public static bool IsMembership(FaultKind kind) => kind is FaultKind.Transfer or FaultKind.Remove;

    /// <summary>True when only a cluster of processes can do it.</summary>
    public static bool NeedsProcess(FaultKind kind) => kind is FaultKind.Remove or FaultKind.Replace;

    /// <summary>True when only a cluster of containers can do it.</summary>
    public static bool NeedsContainer(FaultKind kind) =>
        kind is FaultKind.Throttle or FaultKind.Oom or FaultKind.DiskFull;
}
