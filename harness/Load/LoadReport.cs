namespace Testbed.Harness.Load;

/// <summary>What one phase of load did. Times are nanoseconds since the run's start.</summary>
public sealed record LoadReport
{
    /// <summary>Operations the schedule wanted (closed loop: those attempted).</summary>
    public required long Offered { get; init; }

    /// <summary>Operations given to the client.</summary>
    public required long Attempted { get; init; }

    /// <summary>Ended ok.</summary>
    public required long Ok { get; init; }

    /// <summary>Ended with the answer that the key is absent.</summary>
    public required long NotFound { get; init; }

    /// <summary>Ended certainly without effect.</summary>
    public required long Failed { get; init; }

    /// <summary>Ended with effect unknown.</summary>
    public required long Unknown { get; init; }

    /// <summary>Returned a value that is not what its identity says.</summary>
    public required long Corrupt { get; init; }

    /// <summary>Never sent, because too many were in flight.</summary>
    public required long Shed { get; init; }

    /// <summary>Among the unknown ones: those the client never ended.</summary>
    public required long Abandoned { get; init; }

    /// <summary>
    /// Load phase: records not known to be inserted. Final read: keys that never gave an answer.
    /// </summary>
    public required long Unfinished { get; init; }

    /// <summary>Most operations in flight at once.</summary>
    public required int MaxInFlight { get; init; }

    /// <summary>Median of the schedule lag; null for a closed loop.</summary>
    public required long? LagP50Nanos { get; init; }

    /// <summary>99th percentile of the schedule lag; null for a closed loop.</summary>
    public required long? LagP99Nanos { get; init; }

    /// <summary>Largest schedule lag; null for a closed loop.</summary>
    public required long? LagMaxNanos { get; init; }

    /// <summary>When it began.</summary>
    public required long StartNanos { get; init; }

    /// <summary>When the last operation ended.</summary>
    public required long EndNanos { get; init; }

    /// <summary>True when it was cancelled before its end.</summary>
    public required bool Interrupted { get; init; }

    /// <summary>Why the generator itself was the limit; null when it was not.</summary>
    public required string? VoidReason { get; init; }

    /// <summary>True when the figures say more about the generator than about the cluster.</summary>
    public bool IsVoid => VoidReason is not null;

    /// <summary>Time it took.</summary>
    public double Seconds => (EndNanos - StartNanos) / 1e9;

    /// <summary>Attempted over offered; 1 when nothing was offered.</summary>
    public double AttemptedShare => Offered == 0 ? 1 : (double)Attempted / Offered;
}
