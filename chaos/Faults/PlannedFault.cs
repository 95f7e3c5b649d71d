namespace Testbed.Faults;

/// <summary>One fault of a plan. Times are nanoseconds since the measured time began.</summary>
public sealed record PlannedFault
{
    /// <summary>Number within the plan, from 1, in order of <see cref="AtNanos"/>.</summary>
    public required int Id { get; init; }

    /// <summary>What to do.</summary>
    public required FaultKind Kind { get; init; }

    /// <summary>To whom.</summary>
    public required FaultTarget Target { get; init; }

    /// <summary>When to do it.</summary>
    public required long AtNanos { get; init; }

    /// <summary>
    /// When to undo it; null leaves it until everything is healed at the end of the measured time.
    /// </summary>
    public long? HealAtNanos { get; init; }

    /// <summary>CPUs a throttled node keeps; null for every other kind.</summary>
    public double? Amount { get; init; }
}
