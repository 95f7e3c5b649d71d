namespace Testbed.Faults;

/// <summary>
/// What a fault does to a node. Each has an undo: a node that ended is started again, a paused one resumed, a
/// limit lifted, a link mended. Which cluster can do what is said by <see cref="FaultKinds"/>.
/// </summary>
public enum FaultKind : byte
{
    /// <summary>SIGKILL: the process is gone at once, what it had not written is lost.</summary>
    Kill = 0,

    /// <summary>SIGTERM: the process ends in an orderly way.</summary>
    Stop = 1,

    /// <summary>SIGSTOP or freezer: the process stays, its connections stay, it answers nothing.</summary>
    Pause = 2,

    /// <summary>SIGTERM, and started again at once.</summary>
    Restart = 3,

    /// <summary>The node gets only a share of a CPU; <see cref="PlannedFault.Amount"/> in CPUs.</summary>
    Throttle = 4,

    /// <summary>The memory limit falls until the kernel's OOM killer ends the node.</summary>
    Oom = 5,

    /// <summary>The node's disk is filled to the last byte.</summary>
    DiskFull = 6,

    /// <summary>No bytes pass between the node and the other nodes; clients still reach it.</summary>
    Partition = 7,

    /// <summary>What the other nodes send does not reach the node; what it sends reaches them.</summary>
    PartitionIn = 8,

    /// <summary>What the node sends does not reach the other nodes; what they send reaches it.</summary>
    PartitionOut = 9,

    /// <summary>No bytes pass between the node and anybody else, clients included.</summary>
    Isolate = 10,

    /// <summary>The leadership is handed to the node; from a node that leads, to the next one. Raft only.</summary>
    Transfer = 11,

    /// <summary>The node is taken out of the cluster, and comes back as a new, empty member. Raft only.</summary>
    Remove = 12,

    /// <summary>SIGKILL, and what the node kept is gone: it comes back empty, under a new incarnation.</summary>
    Replace = 13,
}

/// <summary>How a fault's node is chosen.</summary>
public enum TargetKind : byte
{
    /// <summary>The node with a given number, known when the plan is made.</summary>
    Node = 0,

    /// <summary>Whoever leads when the fault is applied.</summary>
    Leader = 1,

    /// <summary>A node that does not lead when the fault is applied, drawn by the plan's seed.</summary>
    Follower = 2,
}

/// <summary>The node a fault is for: fixed, or a role that is looked up when the fault is applied.</summary>
/// <param name="Kind">How it is chosen.</param>
/// <param name="Index">The node's number for <see cref="TargetKind.Node"/>; 0 otherwise.</param>
public readonly record struct FaultTarget(TargetKind Kind, int Index)
{
    /// <summary>Whoever leads.</summary>
    public static FaultTarget Leader => new(TargetKind.Leader, 0);

    /// <summary>A node that does not lead.</summary>
    public static FaultTarget Follower => new(TargetKind.Follower, 0);

    /// <summary>The node with this number.</summary>
    public static FaultTarget Node(int index) => new(TargetKind.Node, index);

    /// <summary>The text form: <c>n2</c>, <c>leader</c>, <c>follower</c>.</summary>
    public override string ToString() => Kind switch
    {
        TargetKind.Leader => "leader",
        TargetKind.Follower => "follower",
        _ => FormattableString.Invariant($"n{Index}"),
    };
}
