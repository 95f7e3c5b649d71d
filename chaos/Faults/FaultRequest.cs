namespace Testbed.Faults;

/// <summary>
/// The faults a person asked for, as options; <see cref="FaultPlanCompiler"/> makes a plan of them.
/// </summary>
public sealed record FaultRequest
{
    /// <summary>Nothing asked for.</summary>
    public static FaultRequest None { get; } = new();

    /// <summary>Number of nodes to kill.</summary>
    public int Kill { get; init; }

    /// <summary>Who is killed: <c>any</c> (drawn by the seed), <c>leader</c> or <c>follower</c>.</summary>
    public string KillRole { get; init; } = "any";

    /// <summary>First kill; null: one third of the measured time.</summary>
    public long? KillAtNanos { get; init; }

    /// <summary>First restart; null: two thirds of the measured time.</summary>
    public long? RestartAtNanos { get; init; }

    /// <summary>Killed nodes stay down until the measured time ends.</summary>
    public bool NoRestart { get; init; }

    /// <summary>Number of nodes to pause.</summary>
    public int Pause { get; init; }

    /// <summary>First pause; null: one third of the measured time.</summary>
    public long? PauseAtNanos { get; init; }

    /// <summary>First resume; null: two thirds of the measured time.</summary>
    public long? ResumeAtNanos { get; init; }

    /// <summary>Single faults in the language of <see cref="FaultText"/>.</summary>
    public IReadOnlyList<string> Faults { get; init; } = [];

    /// <summary>True when nothing is asked for.</summary>
    public bool IsEmpty => Kill == 0 && Pause == 0 && Faults.Count == 0;
}

/// <summary>What a plan has to fit.</summary>
public sealed record FaultLimits
{
    /// <summary><c>raft</c> or <c>ecc</c>; only one of them has a leader.</summary>
    public required string Strategy { get; init; }

    /// <summary>Nodes of the cluster.</summary>
    public required int Nodes { get; init; }

    /// <summary>Nodes that may be away while reads and writes go on.</summary>
    public required int Tolerance { get; init; }

    /// <summary>Measured time.</summary>
    public required long DurationNanos { get; init; }

    /// <summary>Permits more nodes away at once than <see cref="Tolerance"/>.</summary>
    public bool AllowOutage { get; init; }

    /// <summary>
    /// <c>process</c>, <c>docker</c> or <c>attach</c>: not every cluster can suffer every fault.
    /// </summary>
    public string Cluster { get; init; } = "process";

    /// <summary>How the cluster is named in messages, such as <c>ecc (5,3)</c>.</summary>
    public required string ClusterName { get; init; }
}
