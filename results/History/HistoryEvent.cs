using System.Runtime.InteropServices;
using Testbed.Checker;

namespace Testbed.Results;

/// <summary>What a line of a history says.</summary>
public enum HistoryEventType : byte
{
    /// <summary>A process begins an operation.</summary>
    Invoke = 0,

    /// <summary>It ended ok.</summary>
    Ok = 1,

    /// <summary>It certainly had no effect.</summary>
    Fail = 2,

    /// <summary>Whether it had an effect is not known.</summary>
    Info = 3,
}

/// <summary>
/// One line of a history. Value is the identity written, read or appended; 0 when absent or not known yet.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct HistoryEvent(
    int Process, HistoryEventType Type, HistoryKind Kind, long Key, ulong Value, long TimeNanos)
{
    /// <summary>Identity a compare-and-set expects; 0 for absent.</summary>
    public ulong Expected { get; init; }

    /// <summary>The beginning of an operation.</summary>
    public static HistoryEvent Invocation(in HistoryOperation operation) => new(
        operation.Process, HistoryEventType.Invoke, operation.Kind, operation.Key,
        operation.Kind == HistoryKind.Read ? 0 : operation.Value, operation.InvokeNanos)
    {
        Expected = operation.Expected,
    };

    /// <summary>The end of an operation.</summary>
    public static HistoryEvent Completion(in HistoryOperation operation) => new(
        operation.Process, (HistoryEventType)((int)operation.Outcome + 1), operation.Kind, operation.Key,
        operation.Value, operation.CompleteNanos)
    {
        Expected = operation.Expected,
    };
}
