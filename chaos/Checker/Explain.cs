using System.Globalization;

namespace Testbed.Checker;

/// <summary>Makes violations with their paragraph for people.</summary>
internal sealed class Explain(HistoryTexts? texts)
{
    public Violation Phantom(in HistoryOperation read) => Make(
        ViolationKind.Phantom, read, [read], null, null,
        $"{Sentence(read)} Nobody ever wrote that value.");

    public Violation WrongKey(in HistoryOperation read, in HistoryOperation write) => Make(
        ViolationKind.WrongKey, read, [read], null, null,
        $"{Sentence(read)} That value was written to key {Number(write.Key)}, "
        + $"by process {Number(write.Process)}.");

    public Violation FutureRead(in HistoryOperation read, in HistoryOperation write) => Make(
        ViolationKind.FutureRead, read, [read, write], null, null,
        $"{Sentence(read)} The write of that value began only afterwards: {Clause(write)}.");

    public Violation FailedWriteVisible(
        in HistoryOperation read, in HistoryOperation failed,
        IReadOnlyList<HistoryOperation> witness) => Make(
        ViolationKind.FailedWriteVisible, read, [read, failed, .. witness], null, null,
        $"{Sentence(read)} The only operation that explains it had reported to have no effect: "
        + $"{Clause(failed)}.");

    public Violation Overwritten(
        ViolationKind kind, in HistoryOperation read, in HistoryOperation? olderWrite,
        in HistoryOperation newerDone, in HistoryOperation? newerWrite,
        IReadOnlyList<HistoryOperation> witness, long staleNanos, long versions)
    {
        var older = olderWrite is { } write ? $" (written earlier: {Clause(write)})" : " (the initial value)";
        var newer = newerWrite is { } overwrite && overwrite != newerDone
            ? $"{Clause(newerDone)}, the value of {Clause(overwrite)}"
            : Clause(newerDone);
        var ending = kind == ViolationKind.LostAcknowledgedWrite
            ? " The newer value was acknowledged and is not seen again."
            : " The newer value is seen again later or was in force.";
        return Make(kind, read, witness, staleNanos, versions,
            $"{Sentence(read)} That answer{older} had been overwritten {Millis(staleNanos)} before the read "
            + $"began, and is {Number(versions)} version(s) old: {newer} had already ended.{ending}");
    }

    public Violation MissingDelete(
        ViolationKind kind, in HistoryOperation read, in HistoryOperation? present,
        IReadOnlyList<HistoryOperation> witness, long? staleNanos, int deletes)
    {
        var why = present is { } seen ? $"the key held a value: {Clause(seen)}" : "the key began with a value";
        var other = deletes == 0
            ? "there is no delete of this key"
            : $"none of the {Number(deletes)} delete(s) of this key can have come in between";
        return Make(kind, read, witness, staleNanos, null,
            $"{Sentence(read)} Before that {why}; {other}.");
    }

    public Violation DeleteUndone(
        ViolationKind kind, in HistoryOperation delete, in HistoryOperation before, in HistoryOperation after,
        IReadOnlyList<HistoryOperation> witness, long staleNanos) => Make(
        kind, after, witness, staleNanos, 1,
        $"{Sentence(after)} But before it began, the key had been deleted: {Clause(delete)}; and the value was there "
        + $"before the delete began: {Clause(before)}. The delete ended {Millis(staleNanos)} before the read began"
        + (kind == ViolationKind.ResurrectedValue ? ", and its effect had been seen." : "."));

    public Violation DeadExpectation(in HistoryOperation cas, IReadOnlyList<HistoryOperation> witness) => Make(
        ViolationKind.Phantom, cas, witness, null, null,
        $"{Sentence(cas)} Nobody ever wrote the value it replaced.");

    public Violation FailedExpectation(
        in HistoryOperation cas, in HistoryOperation failed, IReadOnlyList<HistoryOperation> witness) => Make(
        ViolationKind.FailedWriteVisible, cas, [.. witness, failed], null, null,
        $"{Sentence(cas)} The value it replaced was that of an operation that had reported to have no effect: "
        + $"{Clause(failed)}.");

    public Violation LostUpdate(
        in HistoryOperation first, in HistoryOperation second, IReadOnlyList<HistoryOperation> witness) => Make(
        ViolationKind.LostUpdate, second, witness, null, null,
        $"{Sentence(second)} But the same value had been replaced by another: {Clause(first)}. A value is in force "
        + "once, so only one of the two can have succeeded.");

    public Violation Circular(IReadOnlyList<HistoryOperation> circle) => Make(
        ViolationKind.FutureRead, circle[0], circle, null, null,
        $"{Sentence(circle[0])} The value it replaced exists only after its own: the compare-and-sets need each "
        + "other to come first.");

    public Violation ChainBroken(
        ViolationKind kind, in HistoryOperation early, in HistoryOperation late,
        IReadOnlyList<HistoryOperation> witness) => Make(
        kind, kind == ViolationKind.FutureRead ? early : late, witness, kind == ViolationKind.FutureRead ? null : late.InvokeNanos - early.CompleteNanos, null,
        kind == ViolationKind.FutureRead
            ? $"{Sentence(early)} But what led to that value began only afterwards: {Clause(late)}."
            : $"{Sentence(late)} That value had been replaced by then: {Clause(early)}, "
            + $"{Millis(late.InvokeNanos - early.CompleteNanos)} before it began.");

    public Violation NoOrder(long key, IReadOnlyList<HistoryOperation> stuck) => new(
        key, ViolationKind.NoOrder, stuck, null, null,
        $"Key {Number(key)}: {Violation.Describe(ViolationKind.NoOrder)}. The written values are not unique, so every "
        + "order was tried; none explains all answers. The longest explained part ends before: "
        + string.Join("; ", stuck.Select(operation => Clause(operation))) + ".");

    private Violation Make(
        ViolationKind kind, in HistoryOperation offending, IReadOnlyList<HistoryOperation> operations,
        long? staleNanos, long? versions, string text)
    {
        var distinct = new List<HistoryOperation>(6);
        foreach (var operation in operations)
        {
            if (!distinct.Contains(operation))
            {
                distinct.Add(operation);
            }
        }

        distinct.Sort((a, b) => a.InvokeNanos.CompareTo(b.InvokeNanos));
        var key = operations[0].Key;
        return new Violation(
            key, kind, distinct, staleNanos, versions, $"Key {Number(key)}: {Violation.Describe(kind)}. {text}")
        {
            Offending = offending,
        };
    }

    private string Sentence(in HistoryOperation operation)
    {
        var clause = Clause(operation);
        return char.ToUpperInvariant(clause[0]) + clause[1..] + ".";
    }

    private string Clause(in HistoryOperation operation)
    {
        var what = operation.Kind switch
        {
            HistoryKind.Read when operation.Value == 0 => "read absent",
            HistoryKind.Read => "read " + Value(operation.Value),
            HistoryKind.Write => "wrote " + Value(operation.Value),
            HistoryKind.Cas => $"replaced {Value(operation.Expected)} by {Value(operation.Value)}",
            HistoryKind.Append => "appended " + Value(operation.Value),
            _ => "deleted the key",
        };
        var until = operation.Outcome == HistoryOutcome.Info ? "no answer by" : "to";
        var outcome = operation.Outcome.ToString().ToLowerInvariant();
        return $"process {Number(operation.Process)} {what} from {Seconds(operation.InvokeNanos)} {until} "
            + $"{Seconds(operation.CompleteNanos)} ({outcome})";
    }

    private string Value(ulong value)
    {
        const int Most = 80;
        return texts?.TextOf(value) is not { } text ? ValueIdentity.Format(value)
            : text.Length <= Most ? $"\"{text}\""
            : string.Create(CultureInfo.InvariantCulture, $"\"{text[..Most]}...\" ({text.Length} characters)");
    }

    private static string Seconds(long nanos) =>
        string.Create(CultureInfo.InvariantCulture, $"{nanos / 1e9:F6} s");

    private static string Millis(long nanos) =>
        string.Create(CultureInfo.InvariantCulture, $"{nanos / 1e6:F3} ms");

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
