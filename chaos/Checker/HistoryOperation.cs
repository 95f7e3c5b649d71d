using System.Runtime.InteropServices;

namespace Testbed.Checker;

/// <summary>What an operation of a history did.</summary>
public enum HistoryKind : byte
{
    /// <summary>Read of a key.</summary>
    Read = 0,

    /// <summary>Write of a unique value.</summary>
    Write = 1,

    /// <summary>Removal of a key.</summary>
    Delete = 2,

    /// <summary>
    /// Compare-and-set: writes its value if the key holds the expected one. Ok only when it did.
    /// </summary>
    Cas = 3,

    /// <summary>Appends its text to the text the key holds; absent is the empty text.</summary>
    Append = 4,
}

/// <summary>How an operation of a history ended.</summary>
public enum HistoryOutcome : byte
{
    /// <summary>It took effect, or the read's answer counts.</summary>
    Ok = 0,

    /// <summary>It certainly had no effect.</summary>
    Fail = 1,

    /// <summary>It may have taken effect at any time after its invocation.</summary>
    Info = 2,
}

/// <summary>
/// One operation on one key. Values are identities; 0 stands for "absent". The check is fast where every write
/// and compare-and-set of a key has a non-zero value of its own.
/// </summary>
/// <param name="Process">The logical client; one outstanding operation at a time; not used again after an
/// info.</param>
/// <param name="Kind">What it did.</param>
/// <param name="Key">Number of the key.</param>
/// <param name="Value">Identity written, read or appended; 0 for a delete, and for a read that found
/// nothing.</param>
/// <param name="InvokeNanos">Invocation, nanoseconds since the run's start.</param>
/// <param name="CompleteNanos">Completion, same clock; for info the time it was given up.</param>
/// <param name="Outcome">How it ended.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct HistoryOperation(
    int Process, HistoryKind Kind, long Key, ulong Value, long InvokeNanos, long CompleteNanos,
    HistoryOutcome Outcome)
{
    /// <summary>Identity a compare-and-set expects; 0 when it expects the key to be absent.</summary>
    public ulong Expected { get; init; }
}
