using Testbed.Checker;

namespace Testbed.Results;

/// <summary><c>checks/verdict.json</c>: what the checker found, with counterexamples.</summary>
public sealed record VerdictFile
{
    /// <summary>Name and version of this form.</summary>
    public string Schema { get; init; } = "testbed.verdict/1";

    /// <summary>valid, invalid or unknown.</summary>
    public required string Result { get; init; }

    /// <summary>The counts, as in the summary.</summary>
    public required CheckFigures Counts { get; init; }

    /// <summary>Keys that are not linearizable.</summary>
    public required long InvalidKeys { get; init; }

    /// <summary>Keys on which the search ran out.</summary>
    public required long UnknownKeys { get; init; }

    /// <summary>Violations found; described are at most a few per key.</summary>
    public required long ViolationCount { get; init; }

    /// <summary>The described violations, by key.</summary>
    public required IReadOnlyList<ViolationEntry> Violations { get; init; }
}

/// <summary>One violation of <see cref="VerdictFile"/>.</summary>
public sealed record ViolationEntry(
    long Key, string Kind, long? StalenessNs, long? StalenessVersions, string Explanation,
    IReadOnlyList<OperationEntry> Operations)
{
    /// <summary>From the checker's form.</summary>
    public static ViolationEntry From(Violation violation, HistoryTexts? texts = null) => new(
        violation.Key, violation.KindText, violation.StalenessNanos, violation.StalenessVersions,
        violation.Explanation, [.. violation.Operations.Select(o => OperationEntry.From(o, texts))]);
}

/// <summary>
/// One operation of a counterexample. Values as <c>writer.sequence</c> or as the history had them; null when
/// absent; Expected is what a compare-and-set replaces.
/// </summary>
public sealed record OperationEntry(
    int Process, string F, long Key, string? Value, long InvokeNs, long CompleteNs, string Type,
    string? Expected = null)
{
    /// <summary>From the checker's form.</summary>
    public static OperationEntry From(HistoryOperation operation, HistoryTexts? texts = null) => new(
        operation.Process, HistoryNames.Of(operation.Kind), operation.Key, Text(operation.Value, texts),
        operation.InvokeNanos, operation.CompleteNanos, HistoryNames.Of(operation.Outcome),
        operation.Kind == HistoryKind.Cas ? Text(operation.Expected, texts) : null);

    private static string? Text(ulong value, HistoryTexts? texts) =>
        value == 0 ? null : texts?.TextOf(value) ?? ValueIdentity.Format(value);
}
