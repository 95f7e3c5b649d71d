namespace Testbed.Faults;

/// <summary>
/// What a fault does to a node. Each has an undo: a killed or stopped node is started, a paused one resumed.
/// </summary>
public enum FaultKind : byte
{
    /// <summary>SIGKILL: the process is gone at once, what it had not written is lost.</summary>
    Kill = 0,

    /// <summary>SIGTERM: the process ends in an orderly way.</summary>
    Stop = 1,

    /// <summary>SIGSTOP: the process stays, its connections stay, it answers nothing.</summary>
    Pause = 2,
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
