namespace Testbed.Checker;

/// <summary>
/// Explains reads that found nothing. Forward clusters occupy their open interval (m, M); what is left is
/// free space, the only place a delete can take effect. An absent read [s, f] needs a delete placed in
/// [tau(s), f], tau(s) being the largest M among clusters with m before s: from then on absence can last
/// until the read. Reads are served by right end, each by a delete placed already or else by the available
/// one with the earliest deadline, placed as late as possible.
/// </summary>
/// <remarks>
/// Exact: (1) clusters that are no forward zone fit into a single point, and being outside each span of
/// absence they are outside the union of spans and zones, which are disjoint open intervals. (2) A later read
/// that the point already placed does not serve begins its window behind that point, so a later point, and a
/// delete with a later deadline kept for later, never serve fewer reads.
/// </remarks>
internal sealed class AbsencePlacement
{
    private readonly List<Window> _windows = [];
    private readonly List<Candidate> _candidates = [];
    private readonly PriorityQueue<int, long> _open = new();
    private readonly List<(long From, long To, int Cluster)> _zones = [];
    private ValueClusters _clusters = new();

    private readonly record struct Window(long From, long To, int Read, int Cause);

    private readonly record struct Candidate(long From, long To, int Delete, bool Indefinite);

    /// <summary>
    /// Absent reads without a possible delete: the read, and the cluster that stands against it (-1:
    /// initial).
    /// </summary>
    public List<(int Read, int Cause)> Unexplained { get; } = [];

    /// <summary>Acknowledged deletes that lie wholly inside the zone of a cluster.</summary>
    public List<(int Delete, int Cluster)> Undone { get; } = [];

    /// <summary>Indefinite deletes that some read needs.</summary>
    public int IndefiniteUsed { get; private set; }

    /// <summary>Begins a key whose clusters are sorted and without conflict.</summary>
    public void Begin(ValueClusters clusters)
    {
        _clusters = clusters;
        _windows.Clear();
        _candidates.Clear();
        _open.Clear();
        _zones.Clear();
        Unexplained.Clear();
        Undone.Clear();
        IndefiniteUsed = 0;
        var sorted = clusters.Sorted;
        for (var i = 0; i < sorted.Length; i++)
        {
            if (sorted[i].Forward)
            {
                _zones.Add((sorted[i].FirstEnd, sorted[i].LastStart, i));
            }
        }
    }

    /// <summary>Adds a delete.</summary>
    public void AddDelete(int index, in HistoryOperation delete)
    {
        var indefinite = delete.Outcome == HistoryOutcome.Info;
        var end = indefinite ? ValueClusters.Forever : delete.CompleteNanos;
        var (from, to) = FreePart(delete.InvokeNanos, end);
        if (from <= to)
        {
            _candidates.Add(new Candidate(from, to, index, indefinite));
        }
        else if (!indefinite)
        {
            // An indefinite delete that fits nowhere simply had no effect.
            Undone.Add((index, _zones[ZoneBefore(delete.CompleteNanos)].Cluster));
        }
    }

    /// <summary>Adds a read that found nothing.</summary>
    public void AddRead(int index, in HistoryOperation read, bool initiallyAbsent)
    {
        var ended = _clusters.EndedBefore(read.InvokeNanos);
        var from = _clusters.LatestStart(ended);
        if (from == ValueClusters.Never && initiallyAbsent)
        {
            return;
        }

        var to = LatestFree(read.CompleteNanos);
        if (from > to)
        {
            Unexplained.Add((index, _clusters.LatestStartBy(ended)));
            return;
        }

        _windows.Add(new Window(from, to, index, _clusters.LatestStartBy(ended)));
    }

    /// <summary>Places the deletes; fills <see cref="Unexplained"/>.</summary>
    public void Place()
    {
        _windows.Sort((a, b) => a.To.CompareTo(b.To));
        _candidates.Sort((a, b) => a.From.CompareTo(b.From));
        var next = 0;
        var placed = false;
        var lastPoint = ValueClusters.Never;
        foreach (var window in _windows)
        {
            if (placed && lastPoint >= window.From)
            {
                continue;
            }

            for (; next < _candidates.Count && _candidates[next].From <= window.To; next++)
            {
                _open.Enqueue(next, _candidates[next].To);
            }

            // A deadline before this window is of no use later either: windows not yet served begin later
            // still.
            while (_open.TryPeek(out _, out var deadline) && deadline < window.From)
            {
                _open.Dequeue();
            }

            if (!_open.TryDequeue(out var chosen, out var to))
            {
                Unexplained.Add((window.Read, window.Cause));
                continue;
            }

            placed = true;
            lastPoint = Math.Min(window.To, to);
            IndefiniteUsed += _candidates[chosen].Indefinite ? 1 : 0;
        }
    }

    /// <summary>The free points of an interval lie between these; empty when from is behind to.</summary>
    public (long From, long To) FreePart(long from, long to)
    {
        var zone = ZoneBefore(from);
        return (zone >= 0 && _zones[zone].To > from ? _zones[zone].To : from, LatestFree(to));
    }

    private long LatestFree(long time)
    {
        var zone = ZoneBefore(time);
        return zone >= 0 && _zones[zone].To > time ? _zones[zone].From : time;
    }

    /// <summary>
    /// The last zone that begins before the time; zones are disjoint, so only this one can hold it.
    /// </summary>
    private int ZoneBefore(long time)
    {
        var low = 0;
        var high = _zones.Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_zones[middle].From < time)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low - 1;
    }
}
