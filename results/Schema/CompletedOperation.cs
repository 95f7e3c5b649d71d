namespace Testbed.Results;

/// <summary>The operation kinds figures are kept for.</summary>
public enum OperationType : byte
{
    /// <summary>YCSB read.</summary>
    Read = 0,

    /// <summary>YCSB update.</summary>
    Update = 1,

    /// <summary>YCSB insert.</summary>
    Insert = 2,

    /// <summary>YCSB scan.</summary>
    Scan = 3,

    /// <summary>YCSB read-modify-write; ok only when both halves are.</summary>
    ReadModifyWrite = 4,

    /// <summary>Delete.</summary>
    Delete = 5,
}

/// <summary>How an operation ended, for figures.</summary>
public enum OperationOutcome : byte
{
    /// <summary>Ok; counts as goodput.</summary>
    Ok = 0,

    /// <summary>The key was absent; an answer, counts as goodput.</summary>
    NotFound = 1,

    /// <summary>Certainly no effect.</summary>
    Failed = 2,

    /// <summary>Effect unknown.</summary>
    Unknown = 3,

    /// <summary>A value came back that is not what its identity says; makes the verdict invalid.</summary>
    Corrupt = 4,

    /// <summary>Never sent: the in-flight limit was reached.</summary>
    Shed = 5,
}

/// <summary>
/// One operation as the load generator saw it. Times are nanoseconds since the run's start.
/// </summary>
public readonly record struct CompletedOperation
{
    /// <summary>What it was.</summary>
    public required OperationType Type { get; init; }

    /// <summary>How it ended.</summary>
    public required OperationOutcome Outcome { get; init; }

    /// <summary>
    /// When the schedule wanted it to start; latency counts from here. Closed loop: the actual start.
    /// </summary>
    public required long IntendedNanos { get; init; }

    /// <summary>When it was sent; service time counts from here.</summary>
    public required long StartNanos { get; init; }

    /// <summary>When it ended.</summary>
    public required long EndNanos { get; init; }

    /// <summary>It needed a parity element or was stored narrower than k.</summary>
    public bool Degraded { get; init; }

    /// <summary>A constant phrase that says why it failed or is unknown; null when neither.</summary>
    public string? Reason { get; init; }
}
