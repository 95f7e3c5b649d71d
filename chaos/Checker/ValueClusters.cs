namespace Testbed.Checker;

/// <summary>The write of one value and all reads that returned it.</summary>
internal struct Cluster
{
    /// <summary>The value.</summary>
    public ulong Value;

    /// <summary>Index of the write; -1 for the initial value, whose write lies before everything.</summary>
    public int Write;

    /// <summary>True when the write was acknowledged; false when indefinite or initial.</summary>
    public bool Acknowledged;

    /// <summary>Reads that returned the value.</summary>
    public int Reads;

    /// <summary>m: the earliest end of its operations. The value was in force no later than this.</summary>
    public long FirstEnd;

    /// <summary>Index of the operation with that end; -1 for the initial value.</summary>
    public int FirstEndBy;

    /// <summary>
    /// M: the latest start of its operations. The value was in force at this time or later.
    /// </summary>
    public long LastStart;

    /// <summary>Index of the operation with that start; -1 for the initial value.</summary>
    public int LastStartBy;

    /// <summary>Latest end of its reads; the write's end when unread.</summary>
    public long LastSeen;

    /// <summary>Part of a chain of compare-and-sets whose first cluster now stands for all.</summary>
    public bool Merged;

    /// <summary>A forward zone: the value was surely in force during the open interval (m, M).</summary>
    public readonly bool Forward => FirstEnd < LastStart;
}

/// <summary>
/// The clusters of one key, sorted by <see cref="Cluster.FirstEnd"/>. Scratch memory, used again for every
/// key.
/// </summary>
internal sealed class ValueClusters
{
    /// <summary>Before everything.</summary>
    public const long Never = long.MinValue;

    /// <summary>After everything.</summary>
    public const long Forever = long.MaxValue;

    private Cluster[] _clusters = new Cluster[16];
    private long[] _sortKeys = new long[16];
    private Cluster[] _sorted = new Cluster[16];
    private long[] _firstEnds = new long[16];
    private long[] _latestStart = new long[16];
    private int[] _latestStartBy = new int[16];
    private int[] _order = new int[16];
    private int[] _rank = new int[16];
    private int[] _mergedInto = [];
    private int[] _table = new int[32];
    private int _mask = 31;
    private int _added;
    private bool _anyMerged;

    /// <summary>Sorted clusters; valid after <see cref="Sort"/>.</summary>
    public Span<Cluster> Sorted => _sorted.AsSpan(0, Count);

    /// <summary>Number of sorted clusters.</summary>
    public int Count { get; private set; }

    /// <summary>Forgets the last key.</summary>
    public void Begin(int maxClusters)
    {
        _added = 0;
        _anyMerged = false;
        Count = 0;
        var size = 32;
        while (size < maxClusters * 2)
        {
            size *= 2;
        }

        if (_table.Length < size)
        {
            _table = new int[size];
        }

        _mask = size - 1;
        _table.AsSpan(0, size).Clear();
        if (_clusters.Length < maxClusters)
        {
            var capacity = Math.Max(maxClusters, _clusters.Length * 2);
            _clusters = new Cluster[capacity];
            _sortKeys = new long[capacity];
            _sorted = new Cluster[capacity];
            _firstEnds = new long[capacity];
            _latestStart = new long[capacity];
            _latestStartBy = new int[capacity];
            _order = new int[capacity];
            _rank = new int[capacity];
        }
    }

    /// <summary>Adds the cluster of a write; false when the value has one already.</summary>
    public bool TryAdd(in Cluster cluster)
    {
        var slot = Slot(cluster.Value);
        if (_table[slot] != 0)
        {
            return false;
        }

        _clusters[_added++] = cluster;
        _table[slot] = _added;
        return true;
    }

    /// <summary>Place of the value's cluster in order of addition; -1 when nobody wrote it.</summary>
    public int Find(ulong value) => _table[Slot(value)] - 1;

    /// <summary>Number of clusters added.</summary>
    public int AddedCount => _added;

    /// <summary>A cluster in order of addition.</summary>
    public ref Cluster Added(int index) => ref _clusters[index];

    /// <summary>Lets an added cluster stand for another one, which is no block of its own then.</summary>
    public void Merge(int child, int into)
    {
        if (_mergedInto.Length < _clusters.Length)
        {
            Array.Resize(ref _mergedInto, _clusters.Length);
        }

        _anyMerged = true;
        _mergedInto[child] = into;
        ref var cluster = ref _clusters[child];
        ref var block = ref _clusters[into];
        cluster.Merged = true;
        block.Acknowledged |= cluster.Acknowledged;
        block.Reads += cluster.Reads;
        if (cluster.FirstEnd < block.FirstEnd)
        {
            (block.FirstEnd, block.FirstEndBy) = (cluster.FirstEnd, cluster.FirstEndBy);
        }

        if (cluster.LastStart > block.LastStart)
        {
            (block.LastStart, block.LastStartBy) = (cluster.LastStart, cluster.LastStartBy);
        }

        if (cluster.LastSeen != Forever && (block.LastSeen == Forever || cluster.LastSeen > block.LastSeen))
        {
            block.LastSeen = cluster.LastSeen;
        }
    }

    /// <summary>Place in <see cref="Sorted"/> of an added cluster; -1 when it was dropped.</summary>
    public int Rank(int added) => _rank[added];

    /// <summary>
    /// Drops indefinite writes nobody read (removing them never invalidates an order) and sorts the rest.
    /// </summary>
    public void Sort()
    {
        Count = 0;
        for (var i = 0; i < _added; i++)
        {
            _rank[i] = -1;
            ref var cluster = ref _clusters[i];
            if (cluster.FirstEnd == Forever || cluster.Merged)
            {
                continue;
            }

            _sortKeys[Count] = cluster.FirstEnd;
            _order[Count++] = i;
        }

        Array.Sort(_sortKeys, _order, 0, Count);
        var latest = Never;
        var latestBy = -1;
        for (var i = 0; i < Count; i++)
        {
            _rank[_order[i]] = i;
            _sorted[i] = _clusters[_order[i]];
            _firstEnds[i] = _sorted[i].FirstEnd;
            if (_sorted[i].LastStart > latest)
            {
                latest = _sorted[i].LastStart;
                latestBy = i;
            }

            _latestStart[i] = latest;
            _latestStartBy[i] = latestBy;
        }

        for (var i = 0; _anyMerged && i < _added; i++)
        {
            _rank[i] = _clusters[i].Merged ? _rank[_mergedInto[i]] : _rank[i];
        }
    }

    /// <summary>
    /// Whether two clusters must each precede the other. One sweep: as long as no conflict was met, at most
    /// one earlier cluster reaches beyond the current one's m, and it is the one with the largest M.
    /// </summary>
    public bool HasConflict()
    {
        for (var i = 1; i < Count; i++)
        {
            ref var cluster = ref _sorted[i];
            if (_latestStart[i - 1] > cluster.FirstEnd
                && _sorted[_latestStartBy[i - 1]].FirstEnd < cluster.LastStart)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>How many clusters have an operation that ended before the given time.</summary>
    public int EndedBefore(long time)
    {
        var low = 0;
        var high = Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_firstEnds[middle] < time)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>Latest start among the first <paramref name="count"/> sorted clusters.</summary>
    public long LatestStart(int count) => count == 0 ? Never : _latestStart[count - 1];

    /// <summary>The sorted cluster with that start; -1 when none has one.</summary>
    public int LatestStartBy(int count) => count == 0 ? -1 : _latestStartBy[count - 1];

    private int Slot(ulong value)
    {
        var hash = value * 0x9E3779B97F4A7C15ul;
        var slot = (int)(hash >> 32) & _mask;
        while (_table[slot] != 0 && _clusters[_table[slot] - 1].Value != value)
        {
            slot = (slot + 1) & _mask;
        }

        return slot;
    }
}
