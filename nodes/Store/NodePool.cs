namespace Testbed.Store;

/// <summary>
/// Nodes of the ordered index: 64 words each, in chunks that are all released when the last node is gone. A
/// node is its level (0: leaf) and number of entries, then the entries: in a leaf references; above, children
/// in the first half and the lowest reference below each of them in the second.
/// </summary>
internal sealed class NodePool
{
    /// <summary>Most entries of a leaf.</summary>
    public const int LeafEntries = Words - 1;

    /// <summary>Most entries of a node above the leaves.</summary>
    public const int InnerEntries = LeafEntries / 2;

    private const int Words = 64;
    private const int ChunkNodes = 64;

    private readonly List<uint[]> _chunks = [];

    // Nodes given back, linked through their first word; 0: none. Nodes count from 1.
    private uint _firstFree;
    private uint _neverUsed = 1;
    private int _count;

    /// <summary>Bytes of all nodes, used or free.</summary>
    public long AllocatedBytes => (_chunks.Count * (long)ChunkNodes * Words * sizeof(uint))
        + (_chunks.Capacity * (long)IntPtr.Size);

    /// <summary>A new node without entries.</summary>
    public uint Allocate(int level)
    {
        var node = _firstFree;
        if (node != 0)
        {
            _firstFree = All(node)[0];
        }
        else
        {
            node = _neverUsed++;
            if ((node - 1) / ChunkNodes == _chunks.Count)
            {
                _chunks.Add(new uint[ChunkNodes * Words]);
            }
        }

        All(node)[0] = (uint)level << 16;
        _count++;
        return node;
    }

    /// <summary>Gives a node back.</summary>
    public void Free(uint node)
    {
        All(node)[0] = _firstFree;
        _firstFree = node;
        if (--_count == 0)
        {
            // One chunk stays: a store that becomes empty and is filled again allocates nothing.
            _chunks.RemoveRange(1, _chunks.Count - 1);
            _chunks.Capacity = 1;
            _firstFree = 0;
            _neverUsed = 1;
        }
    }

    /// <summary>0 for a leaf, else one more than its children.</summary>
    public int Level(uint node) => (int)(All(node)[0] >> 16);

    /// <summary>Number of entries.</summary>
    public int Count(uint node) => (int)(All(node)[0] & 0xFFFF);

    /// <summary>Sets the number of entries.</summary>
    public void SetCount(uint node, int count) => All(node)[0] = (All(node)[0] & 0xFFFF0000) | (uint)count;

    /// <summary>Most entries of the node.</summary>
    public int Capacity(uint node) => Level(node) == 0 ? LeafEntries : InnerEntries;

    /// <summary>Children of a node above the leaves; of a leaf the references.</summary>
    public Span<uint> Entries(uint node) => All(node)[1..];

    /// <summary>The lowest reference below each child; of a leaf the references.</summary>
    public Span<uint> Lowest(uint node) =>
        All(node)[(Level(node) == 0 ? 1 : 1 + InnerEntries)..];

    private Span<uint> All(uint node) =>
        _chunks[(int)((node - 1) / ChunkNodes)].AsSpan((int)((node - 1) % ChunkNodes) * Words, Words);
}
