using Testbed.Checker;

namespace Testbed.Results;

/// <summary>How operation kinds are called in files.</summary>
public static class OperationNames
{
    /// <summary>Number of operation kinds.</summary>
    public const int Count = 6;

    /// <summary>The name in files.</summary>
    public static string Of(OperationType type) => type switch
    {
        OperationType.Read => "read",
        OperationType.Update => "update",
        OperationType.Insert => "insert",
        OperationType.Scan => "scan",
        OperationType.ReadModifyWrite => "read-modify-write",
        _ => "delete",
    };

    /// <summary>True for the names of operations that change nothing.</summary>
    public static bool IsRead(string name) => name is "read" or "scan";
}

/// <summary>How outcomes are called in files.</summary>
public static class OutcomeNames
{
    /// <summary>Number of outcomes.</summary>
    public const int Count = 6;

    /// <summary>The name in files.</summary>
    public static string Of(OperationOutcome outcome) => outcome switch
    {
        OperationOutcome.Ok => "ok",
        OperationOutcome.NotFound => "not-found",
        OperationOutcome.Failed => "failed",
        OperationOutcome.Unknown => "unknown",
        OperationOutcome.Corrupt => "corrupt",
        _ => "shed",
    };

    /// <summary>True for the names of outcomes that count as goodput.</summary>
    public static bool IsGood(string name) => name is "ok" or "not-found";
}

/// <summary>How the parts of a history are called in files.</summary>
internal static class HistoryNames
{
    public static string Of(HistoryKind kind) => kind switch
    {
        HistoryKind.Read => "read",
        HistoryKind.Write => "write",
        HistoryKind.Cas => "cas",
        HistoryKind.Append => "append",
        _ => "delete",
    };

    public static string Of(HistoryOutcome outcome) => outcome switch
    {
        HistoryOutcome.Ok => "ok",
        HistoryOutcome.Fail => "fail",
        _ => "info",
    };
}
