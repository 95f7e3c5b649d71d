namespace Testbed.Checker;

/// <summary>What a running history was found to contradict first.</summary>
/// <param name="Operation">The operation whose completion showed it.</param>
/// <param name="Reason">Why, in a clause.</param>
public sealed record StreamingViolation(HistoryOperation Operation, string Reason);

/// <summary>
/// Checks a history while it grows, in the order in which things happen, and keeps per key only the clusters
/// that can still matter. Exact for reads and writes of unique values, also indefinite and failed ones. Beside
/// deletes and compare-and-sets it raises no false alarm but may miss something, and a key with appends or with
/// values that are not unique is left out: the check of the whole history has the last word.
/// </summary>
/// <remarks>
/// <para>A cluster is forgotten once another one has m before W and M behind its own m, W being the smallest
/// start that an operation not yet completed can have. Then any later read of the forgotten value begins
/// behind the other's m, so both would have to precede each other: a violation without further look. And no
/// cluster that is left or yet to come can ever conflict with it: all clusters are judged before any is
/// dropped, so one that conflicts later (m before M of the forgotten one, whose M is before W) is dropped
/// in the same round.</para>
/// <para>An invocation must not be given after a completion of a later time. One that is counts as late: its
/// answer is not judged.</para>
/// </remarks>
public sealed class StreamingChecker
{
    private const long Never = ValueClusters.Never;
    private const long Forever = ValueClusters.Forever;
    private const int None = -1;

    private readonly CheckOptions _options;
    private readonly StreamingKeys _keys = new();
    private readonly SlotPool<Live> _clusters = new();
    private readonly SlotPool<Open> _open = new();
    private readonly Dictionary<int, int> _openOf = [];
    private long _latest = Never;

    /// <summary>A cluster that can still matter.</summary>
    private struct Live
    {
        public ulong Value;
        public long FirstEnd;
        public long LastStart;
        public long WriteStart;
        public int Next;
        public bool Read;
        public bool Replaced;
    }

    /// <summary>An operation under way.</summary>
    private struct Open
    {
        public long Start;
        public ulong Value;
        public ulong Expected;
        public int Key;
        public int Next;
        public HistoryKind Kind;
        public bool Late;
    }

    /// <summary>Creates it.</summary>
    public StreamingChecker(CheckOptions? options = null) => _options = options ?? CheckOptions.Default;

    /// <summary>The first violation; null as long as there is none.</summary>
    public StreamingViolation? First { get; private set; }

    /// <summary>Keys seen.</summary>
    public int Keys => _keys.Count;

    /// <summary>Clusters kept now.</summary>
    public int LiveClusters => _clusters.Used;

    /// <summary>Operations whose invocation came too late to be judged.</summary>
    public long Late { get; private set; }

    /// <summary>Bytes held now.</summary>
    public long Bytes => _keys.Bytes + _clusters.Bytes + _open.Bytes + (24L * _openOf.Count);

    /// <summary>An operation begins.</summary>
    public void Invoke(int process, HistoryKind kind, long key, ulong value, ulong expected, long nanos)
    {
        var at = KeyOf(key);
        ref var state = ref _keys.At(at);
        if (kind == HistoryKind.Write && value == 0)
        {
            kind = HistoryKind.Delete;
        }

        var late = nanos < _latest;
        Late += late ? 1 : 0;
        state.Deleted |= kind == HistoryKind.Delete;
        if (kind is HistoryKind.Write or HistoryKind.Cas)
        {
            state.LeftOut |= Find(state, value) != None;
            AddCluster(ref state, value, Forever, nanos);
        }

        state.LeftOut |= kind == HistoryKind.Append || (kind == HistoryKind.Cas && value == 0);
        var slot = _open.Take();
        _open.At(slot) = new Open
        {
            Start = nanos, Value = value, Expected = expected, Key = at, Next = state.FirstOpen, Kind = kind,
            Late = late,
        };
        state.FirstOpen = slot;
        if (!_openOf.TryAdd(process, slot))
        {
            // A process begins again before it ended: not a history; the key cannot be judged.
            state.LeftOut = true;
            RemoveOpen(ref state, slot);
        }
    }

    /// <summary>
    /// An operation ends; <paramref name="value"/> is what a read returned. False when this shows a violation.
    /// </summary>
    public bool Complete(int process, ulong value, HistoryOutcome outcome, long nanos)
    {
        if (!_openOf.Remove(process, out var slot))
        {
            return true;
        }

        var open = _open.At(slot);
        ref var state = ref _keys.At(open.Key);
        RemoveOpen(ref state, slot);
        _latest = Math.Max(_latest, nanos);
        if (state.LeftOut)
        {
            Drop(ref state);
            return true;
        }

        var wrong = open.Kind switch
        {
            HistoryKind.Read when outcome == HistoryOutcome.Ok && !open.Late =>
                Read(ref state, value, open.Start, nanos),
            HistoryKind.Write or HistoryKind.Cas => Written(ref state, open, outcome, nanos),
            HistoryKind.Delete => Deleted(ref state, open, outcome, nanos),
            _ => null,
        };
        Forget(ref state);
        if (wrong is null)
        {
            return true;
        }

        var shown = open.Kind == HistoryKind.Read ? value : open.Value;
        First ??= new StreamingViolation(
            new HistoryOperation(process, open.Kind, state.Key, shown, open.Start, nanos, outcome)
            {
                Expected = open.Expected,
            }, wrong);
        return false;
    }

    private string? Read(ref StreamingKey state, ulong value, long start, long end)
    {
        if (value == 0)
        {
            return Absent(ref state, start);
        }

        var at = Find(state, value);
        if (at == None)
        {
            return "its value had been overwritten before it began, or was never written";
        }

        ref var cluster = ref _clusters.At(at);
        if (end < cluster.WriteStart)
        {
            return "the write of its value began only after it had ended";
        }

        cluster.Read = true;
        cluster.FirstEnd = Math.Min(cluster.FirstEnd, end);
        cluster.LastStart = Math.Max(cluster.LastStart, start);
        return Judge(ref state, at);
    }

    private string? Written(ref StreamingKey state, in Open open, HistoryOutcome outcome, long end)
    {
        var at = Find(state, open.Value);
        if (outcome == HistoryOutcome.Info || at == None)
        {
            return null;
        }

        ref var cluster = ref _clusters.At(at);
        if (outcome == HistoryOutcome.Fail)
        {
            if (cluster.Read)
            {
                return "it reported to have no effect, but its value had been read";
            }

            RemoveCluster(ref state, at);
            return null;
        }

        cluster.FirstEnd = Math.Min(cluster.FirstEnd, end);
        return (open.Kind == HistoryKind.Cas ? Replaced(ref state, open, end) : null) ?? Judge(ref state, at);
    }

    /// <summary>A compare-and-set is a read of the value it expects, too.</summary>
    private string? Replaced(ref StreamingKey state, in Open open, long end)
    {
        if (open.Late)
        {
            return null;
        }

        if (Read(ref state, open.Expected, open.Start, end) is { } wrong)
        {
            return wrong;
        }

        var from = Find(state, open.Expected);
        if (from == None)
        {
            return null;
        }

        ref var cluster = ref _clusters.At(from);
        var twice = cluster.Replaced;
        cluster.Replaced = true;
        return twice ? "another compare-and-set had replaced the same value" : null;
    }

    private string? Deleted(ref StreamingKey state, in Open open, HistoryOutcome outcome, long end)
    {
        if (outcome == HistoryOutcome.Fail)
        {
            return null;
        }

        state.LatestDeleteEnd = Math.Max(
            state.LatestDeleteEnd, outcome == HistoryOutcome.Ok ? end : Forever);
        if (outcome == HistoryOutcome.Info || open.Start <= state.DeleteStart)
        {
            return null;
        }

        state.DeleteStart = open.Start;
        state.DeleteEnd = end;
        for (var at = state.FirstCluster; at != None; at = _clusters.At(at).Next)
        {
            if (OutlivesDelete(state, _clusters.At(at)))
            {
                return "the value it deleted was read before it began and after it had ended";
            }
        }

        return null;
    }

    /// <summary>
    /// A read that found nothing. Without deletes that is the initial value, exactly; with them it is judged
    /// by the latest end of a delete.
    /// </summary>
    private string? Absent(ref StreamingKey state, long start)
    {
        const string Why = "the key held a value before it began, and no delete can have come in between";
        if (!state.Deleted)
        {
            state.LatestAbsentStart = Math.Max(state.LatestAbsentStart, start);
            return state.BeganPresent || state.EarliestEnd < start ? Why : null;
        }

        var present = Never;
        for (var at = state.FirstCluster; at != None; at = _clusters.At(at).Next)
        {
            ref var cluster = ref _clusters.At(at);
            present = cluster.FirstEnd < start ? Math.Max(present, cluster.LastStart) : present;
        }

        for (var at = state.FirstOpen; at != None; at = _open.At(at).Next)
        {
            // A delete under way may be the reason.
            if (_open.At(at).Kind == HistoryKind.Delete)
            {
                return null;
            }
        }

        return present != Never && state.LatestDeleteEnd < present ? Why : null;
    }

    /// <summary>Whether a cluster that has changed contradicts another one.</summary>
    private string? Judge(ref StreamingKey state, int changed)
    {
        ref var cluster = ref _clusters.At(changed);
        if (cluster.WriteStart != Never)
        {
            state.EarliestEnd = Math.Min(state.EarliestEnd, cluster.FirstEnd);
        }

        for (var at = state.FirstCluster; at != None; at = _clusters.At(at).Next)
        {
            ref var other = ref _clusters.At(at);
            if (at != changed && cluster.FirstEnd < other.LastStart && other.FirstEnd < cluster.LastStart)
            {
                return "two values were each read or written before and after the other";
            }
        }

        return !state.Deleted && !state.BeganPresent && cluster.FirstEnd < state.LatestAbsentStart
            ? "a read that began later had found nothing, and the key was never deleted"
            : OutlivesDelete(state, cluster) ? "the value had been deleted in between"
            : null;
    }

    private static bool OutlivesDelete(in StreamingKey state, in Live cluster) =>
        state.DeleteStart != Never && cluster.FirstEnd < state.DeleteStart
        && cluster.LastStart > state.DeleteEnd;

    private void Forget(ref StreamingKey state)
    {
        var earliest = _latest;
        for (var at = state.FirstOpen; at != None; at = _open.At(at).Next)
        {
            ref var open = ref _open.At(at);
            earliest = open.Late ? earliest : Math.Min(earliest, open.Start);
        }

        var latest = Never;
        var second = Never;
        var latestBy = None;
        for (var at = state.FirstCluster; at != None; at = _clusters.At(at).Next)
        {
            ref var cluster = ref _clusters.At(at);
            if (cluster.FirstEnd >= earliest)
            {
                continue;
            }

            if (latestBy == None || cluster.LastStart > latest)
            {
                (second, latest, latestBy) = (latest, cluster.LastStart, at);
            }
            else
            {
                second = Math.Max(second, cluster.LastStart);
            }
        }

        for (var at = state.FirstCluster; at != None;)
        {
            ref var cluster = ref _clusters.At(at);
            var next = cluster.Next;
            if ((at == latestBy ? second : latest) > cluster.FirstEnd)
            {
                RemoveCluster(ref state, at);
            }

            at = next;
        }
    }

    private int KeyOf(long key)
    {
        var at = _keys.Find(key, out var isNew);
        if (isNew && _options.InitialValue(key) is > 0 and var initial)
        {
            ref var state = ref _keys.At(at);
            state.BeganPresent = true;
            AddCluster(ref state, initial, Never, Never);
        }

        return at;
    }

    private int Find(in StreamingKey state, ulong value)
    {
        var at = state.FirstCluster;
        while (at != None && _clusters.At(at).Value != value)
        {
            at = _clusters.At(at).Next;
        }

        return at;
    }

    private void AddCluster(ref StreamingKey state, ulong value, long firstEnd, long start)
    {
        var at = _clusters.Take();
        _clusters.At(at) = new Live
        {
            Value = value, FirstEnd = firstEnd, LastStart = start, WriteStart = start, Next = state.FirstCluster,
        };
        state.FirstCluster = at;
    }

    private void RemoveCluster(ref StreamingKey state, int cluster)
    {
        var next = _clusters.At(cluster).Next;
        if (state.FirstCluster == cluster)
        {
            state.FirstCluster = next;
        }
        else
        {
            var at = state.FirstCluster;
            while (_clusters.At(at).Next != cluster)
            {
                at = _clusters.At(at).Next;
            }

            _clusters.At(at).Next = next;
        }

        _clusters.Release(cluster);
    }

    private void RemoveOpen(ref StreamingKey state, int slot)
    {
        var next = _open.At(slot).Next;
        if (state.FirstOpen == slot)
        {
            state.FirstOpen = next;
        }
        else
        {
            var at = state.FirstOpen;
            while (_open.At(at).Next != slot)
            {
                at = _open.At(at).Next;
            }

            _open.At(at).Next = next;
        }

        _open.Release(slot);
    }

    private void Drop(ref StreamingKey state)
    {
        while (state.FirstCluster != None)
        {
            RemoveCluster(ref state, state.FirstCluster);
        }
    }
}
