using Testbed.Checker;

namespace Testbed.Tests.Unit.Checker;

/// <summary>
/// Small random histories of one key: times with many ties, deletes, compare-and-sets, indefinite and failed
/// operations.
/// </summary>
internal sealed class SmallHistories(ulong seed)
{
    private ulong _state = seed;
    private Mix _mix = Mix.Deletes;

    /// <summary>What besides reads and writes may occur.</summary>
    private enum Mix
    {
        Deletes,
        CasAndDeletes,
        CasOnAbsent,
        Neither,
    }

    public ulong Initial { get; private set; }

    /// <summary>Draws what besides reads and writes occurs.</summary>
    public void Mixed() => _mix = (Mix)Next(4);

    /// <summary>Begins again with another seed.</summary>
    public void Reset(ulong next) => _state = next;

    public int Next(int bound)
    {
        _state += 0x9E3779B97F4A7C15ul;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ul;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBul;
        return (int)((z ^ (z >> 31)) % (ulong)bound);
    }

    public List<HistoryOperation> Draw(int maxOperations)
    {
        Initial = Next(4) == 0 ? 100ul : 0;
        Mixed();
        var count = (maxOperations / 2) + 1 + Next(maxOperations / 2);
        var history = Next(3) == 0 ? Anything(count) : Executed(count);
        if (Next(4) != 0)
        {
            Disturb(history);
        }

        return history;
    }

    /// <summary>Answers drawn without any thought; mostly invalid.</summary>
    private List<HistoryOperation> Anything(int count)
    {
        var history = new List<HistoryOperation>();
        var times = 2 + Next(3 * count);
        var longest = 1 + Next(6);
        for (var i = 0; i < count; i++)
        {
            var start = Next(times);
            var end = start + Next(longest);
            var kind = AnyKind();
            var value = kind is HistoryKind.Write or HistoryKind.Cas ? (ulong)(i + 1) : 0;
            history.Add(new HistoryOperation(i, kind, 7, value, start, end, AnyOutcome()));
        }

        for (var i = 0; i < count; i++)
        {
            if (history[i].Kind == HistoryKind.Read)
            {
                history[i] = history[i] with { Value = AnyValue(history) };
            }
            else if (history[i].Kind == HistoryKind.Cas)
            {
                history[i] = history[i] with { Expected = AnyExpected(history) };
            }
        }

        return history;
    }

    /// <summary>
    /// Answers of a real register: each operation takes effect at one point of its interval. Valid.
    /// </summary>
    public List<HistoryOperation> Executed(int count)
    {
        var history = new List<HistoryOperation>();
        var state = Initial;
        var point = 0;
        var spread = 1 + Next(6);
        for (var i = 0; i < count; i++)
        {
            point += Next(3);
            var kind = AnyKind();
            var outcome = AnyOutcome();
            var value = kind is HistoryKind.Write or HistoryKind.Cas ? (ulong)(i + 1) : 0;
            var expected = kind != HistoryKind.Cas ? 0 : Next(4) == 0 ? AnyExpected(history) : state;
            if (kind == HistoryKind.Cas && expected == 0 && _mix != Mix.CasOnAbsent)
            {
                kind = HistoryKind.Write;
            }

            var start = point - Next(spread);
            var end = point + Next(spread);
            if (kind == HistoryKind.Read)
            {
                value = outcome == HistoryOutcome.Ok ? state : AnyValue(history);
            }
            else if (kind == HistoryKind.Cas && expected != state)
            {
                outcome = outcome == HistoryOutcome.Info ? outcome : HistoryOutcome.Fail;
            }
            else if (outcome == HistoryOutcome.Ok || (outcome == HistoryOutcome.Info && Next(2) == 0))
            {
                state = value;
                // The client may give an indefinite operation up before it takes effect.
                end = outcome == HistoryOutcome.Info ? start + Next(2) : end;
            }

            history.Add(new HistoryOperation(i, kind, 7, value, start, end, outcome) { Expected = expected });
        }

        return history;
    }

    private void Disturb(List<HistoryOperation> history)
    {
        for (var i = Next(3); i >= 0; i--)
        {
            var at = Next(history.Count);
            var operation = history[at];
            history[at] = Next(6) switch
            {
                0 or 4 or 5 when operation.Kind == HistoryKind.Read => operation with { Value = AnyValue(history) },
                0 when operation.Kind == HistoryKind.Cas => operation with { Expected = AnyExpected(history) },
                1 => operation with { InvokeNanos = operation.InvokeNanos - Next(4) },
                2 => operation with { CompleteNanos = operation.CompleteNanos + Next(4) },
                3 => operation with { Outcome = AnyOutcome() },
                _ => operation with
                {
                    InvokeNanos = operation.InvokeNanos + 2, CompleteNanos = operation.CompleteNanos + 2,
                },
            };
        }
    }

    /// <summary>Absent, the initial value, one that was written, rarely one that was not.</summary>
    private ulong AnyValue(List<HistoryOperation> history)
    {
        if (history.Count == 0 || Next(3) == 0)
        {
            return 0;
        }

        var other = history[Next(history.Count)];
        return Next(8) == 0 ? Initial
            : other.Kind is HistoryKind.Write or HistoryKind.Cas ? other.Value
            : Next(40) == 0 ? 999ul
            : Initial;
    }

    /// <summary>Beside deletes never "absent": that only the exhaustive search settles.</summary>
    private ulong AnyExpected(List<HistoryOperation> history)
    {
        var value = AnyValue(history);
        return value != 0 || _mix == Mix.CasOnAbsent ? value : 999;
    }

    private HistoryKind AnyKind() => (Next(8), _mix) switch
    {
        (0 or 1, Mix.Deletes) or (0, Mix.CasAndDeletes) => HistoryKind.Delete,
        (1 or 2, Mix.CasAndDeletes) or (0 or 1 or 2, Mix.CasOnAbsent) => HistoryKind.Cas,
        (<= 4, _) => HistoryKind.Write,
        _ => HistoryKind.Read,
    };

    private HistoryOutcome AnyOutcome() => Next(12) switch
    {
        0 => HistoryOutcome.Fail,
        1 or 2 => HistoryOutcome.Info,
        _ => HistoryOutcome.Ok,
    };
}
