namespace Testbed.Checker;

/// <summary>In what way a history breaks linearizability.</summary>
public enum ViolationKind : byte
{
    /// <summary>A read returned a value nobody ever wrote.</summary>
    Phantom = 0,

    /// <summary>A read ended before the write of its value began.</summary>
    FutureRead = 1,

    /// <summary>A read returned a value that was written to another key.</summary>
    WrongKey = 2,

    /// <summary>A write or delete that reported "certainly no effect" had one.</summary>
    FailedWriteVisible = 3,

    /// <summary>A read returned an overwritten value; the newer one was seen again later.</summary>
    StaleRead = 4,

    /// <summary>An acknowledged write was contradicted by later reads and never seen again.</summary>
    LostAcknowledgedWrite = 5,

    /// <summary>A deleted value came back after its absence had been seen.</summary>
    ResurrectedValue = 6,

    /// <summary>An acknowledged delete had no effect: reads after it still returned the value.</summary>
    LostDelete = 7,

    /// <summary>
    /// The exhaustive search (values not unique) found no order; nothing more specific is known.
    /// </summary>
    NoOrder = 8,

    /// <summary>Two compare-and-sets both replaced the same value: one of the updates is gone.</summary>
    LostUpdate = 9,
}

/// <summary>
/// A counterexample: operations of one key that no order explains. Its operations alone, without the rest of
/// the history, are already not linearizable (except for <see cref="ViolationKind.NoOrder"/>).
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Kind">What is wrong.</param>
/// <param name="Operations">At most six, by invocation; and the compare-and-sets that link them.</param>
/// <param name="StalenessNanos">How long before the offending read began its answer had been
/// overwritten.</param>
/// <param name="StalenessVersions">By how many versions the answer was old.</param>
/// <param name="Explanation">One paragraph for people.</param>
public sealed record Violation(
    long Key, ViolationKind Kind, IReadOnlyList<HistoryOperation> Operations, long? StalenessNanos,
    long? StalenessVersions, string Explanation)
{
    /// <summary>The operation whose answer is wrong; null when nothing so specific is known.</summary>
    public HistoryOperation? Offending { get; init; }

    /// <summary>The kind in words.</summary>
    public string KindText => Describe(Kind);

    /// <summary>A kind in words.</summary>
    public static string Describe(ViolationKind kind) => kind switch
    {
        ViolationKind.Phantom => "phantom",
        ViolationKind.FutureRead => "future read",
        ViolationKind.WrongKey => "wrong key",
        ViolationKind.FailedWriteVisible => "failed write visible",
        ViolationKind.StaleRead => "stale read",
        ViolationKind.LostAcknowledgedWrite => "lost acknowledged write",
        ViolationKind.ResurrectedValue => "resurrected value",
        ViolationKind.LostDelete => "lost delete",
        ViolationKind.LostUpdate => "lost update",
        _ => "no order",
    };
}
