namespace Testbed.Checker;

/// <summary>What is known of a key while its history grows.</summary>
internal struct StreamingKey
{
    /// <summary>The key.</summary>
    public long Key;

    /// <summary>Earliest end of an operation that wrote or returned a value other than the initial one.</summary>
    public long EarliestEnd;

    /// <summary>Latest start of a read that found nothing, as long as the key was never deleted.</summary>
    public long LatestAbsentStart;

    /// <summary>Latest end of a delete that may have happened.</summary>
    public long LatestDeleteEnd;

    /// <summary>Start of the acknowledged delete that began last.</summary>
    public long DeleteStart;

    /// <summary>Its end.</summary>
    public long DeleteEnd;

    /// <summary>Head of the list of live clusters; -1 when there is none.</summary>
    public int FirstCluster;

    /// <summary>Head of the list of operations under way; -1 when there is none.</summary>
    public int FirstOpen;

    /// <summary>A delete was tried.</summary>
    public bool Deleted;

    /// <summary>The key began with a value.</summary>
    public bool BeganPresent;

    /// <summary>Not judged: values are not unique, or appends.</summary>
    public bool LeftOut;
}

/// <summary>The keys of a growing history, by number.</summary>
internal sealed class StreamingKeys
{
    private readonly SlotPool<StreamingKey> _states = new();
    private int[] _table = new int[64];

    /// <summary>Number of keys.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes held.</summary>
    public long Bytes => _states.Bytes + (sizeof(int) * (long)_table.Length);

    /// <summary>The state at a place.</summary>
    public ref StreamingKey At(int place) => ref _states.At(place);

    /// <summary>The place of a key, new or known.</summary>
    public int Find(long key, out bool isNew)
    {
        var slot = Slot(_table, key);
        isNew = _table[slot] == 0;
        if (!isNew)
        {
            return _table[slot] - 1;
        }

        var place = _states.Take();
        _states.At(place) = new StreamingKey
        {
            Key = key, EarliestEnd = ValueClusters.Forever, LatestAbsentStart = ValueClusters.Never,
            LatestDeleteEnd = ValueClusters.Never, DeleteStart = ValueClusters.Never,
            DeleteEnd = ValueClusters.Never, FirstCluster = -1, FirstOpen = -1,
        };
        _table[slot] = place + 1;
        Count++;
        if (Count > _table.Length / 4 * 3)
        {
            Grow();
        }

        return place;
    }

    private void Grow()
    {
        var table = new int[_table.Length * 2];
        for (var place = 0; place < Count; place++)
        {
            table[Slot(table, _states.At(place).Key)] = place + 1;
        }

        _table = table;
    }

    private int Slot(int[] table, long key)
    {
        var mask = table.Length - 1;
        var slot = (int)(((ulong)key * 0x9E3779B97F4A7C15ul) >> 32) & mask;
        while (table[slot] != 0 && _states.At(table[slot] - 1).Key != key)
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }
}
