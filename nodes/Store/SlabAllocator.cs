using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Testbed.Store;

/// <summary>
/// Memory for records. A reference is 32 bits: segment number and place in it in steps of 8 bytes, so 32 GiB
/// at most; it is never 0. Small records lie in slabs of equal blocks, larger ones in spans of units, the
/// largest in arrays of their own. A free slab serves every class. A record's first byte must be below 128.
/// </summary>
internal sealed class SlabAllocator
{
    private const int PlaceBits = 17;
    private const uint PlaceMask = (1u << PlaceBits) - 1;
    private const uint SlabMask = (SizeClasses.SlabBytes / SizeClasses.Grain) - 1;
    private const int GrainsPerUnit = SizeClasses.UnitBytes / SizeClasses.Grain;
    private const int MostSegments = 1 << (32 - PlaceBits);
    private const int FewestSegments = 8;

    // One bit for each of its slabs.
    private const ushort AllSlabs = (1 << (SpanMap.Units * SizeClasses.UnitBytes / SizeClasses.SlabBytes)) - 1;

    private readonly SlabClass[] _classes = new SlabClass[SizeClasses.Count];

    // By segment number; place 0 stays empty, so that no reference is 0. A segment that is not cut in units has
    // no map; one that is not cut in slabs has no free slab.
    private byte[]?[] _memory = new byte[]?[FewestSegments];
    private SpanMap?[] _maps = new SpanMap?[FewestSegments];
    private ushort[] _freeSlabs = new ushort[FewestSegments];
    private ushort[] _longestRuns = new ushort[FewestSegments];
    private int _emptySlabSegments;
    private int _emptySpanSegments;
    private long _segmentBytes;

    // The class that a block was given back to last; -1: none since the last look.
    private int _freedClass = -1;

    /// <summary>Bytes of all memory held, used or free, with what describes it.</summary>
    public long AllocatedBytes => _segmentBytes + (_memory.Length * (2L * IntPtr.Size + 2 * sizeof(ushort)))
        + (_classes.Length * (long)Unsafe.SizeOf<SlabClass>());

    /// <summary>The memory from the reference on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Memory(uint reference) =>
        _memory[reference >> PlaceBits].AsSpan((int)(reference & PlaceMask) * SizeClasses.Grain);

    /// <summary>Memory for a record; its content is undefined.</summary>
    public uint Allocate(int bytes)
    {
        if (bytes <= SizeClasses.LargestSlabRecord)
        {
            return AllocateBlock(SizeClasses.Of(bytes));
        }

        if (bytes <= SizeClasses.LargestSegmentRecord)
        {
            return AllocateUnits(SizeClasses.Units(bytes));
        }

        return Reference(AddSegment(SizeClasses.Rounded(bytes)), unit: 0);
    }

    /// <summary>Gives the memory of a record back; <paramref name="bytes"/> is what was asked for.</summary>
    public void Free(uint reference, int bytes)
    {
        if (bytes > SizeClasses.LargestSegmentRecord)
        {
            RemoveSegment((int)(reference >> PlaceBits));
        }
        else if (bytes > SizeClasses.LargestSlabRecord)
        {
            ReleaseUnits(reference, SizeClasses.Units(bytes));
        }
        else
        {
            FreeBlock(reference, SizeClasses.Of(bytes));
        }
    }

    /// <summary>
    /// A record to be moved to other memory because a class has more than half of its blocks free; 0: none. Ask
    /// after <see cref="Free"/>, until it is 0 or for as many records as one change may move.
    /// </summary>
    public uint NextToMove()
    {
        if (_freedClass < 0)
        {
            return 0;
        }

        ref var kind = ref _classes[_freedClass];
        var shape = SizeClasses.Shape(_freedClass);
        if (kind.Leaving == 0)
        {
            if (kind.Slabs < 3 || kind.FreeBlocks <= kind.Slabs * (long)shape.Blocks / 2)
            {
                _freedClass = -1;
                return 0;
            }

            // The last has had room for longest. It is taken out of the list, so that it is not filled again.
            kind.Leaving = kind.LastWithRoom;
            kind.LeavingBlock = 0;
            Unlink(kind.Leaving, ref kind);
        }

        for (; kind.LeavingBlock < Header(kind.Leaving).NeverUsed; kind.LeavingBlock++)
        {
            var block = Block(kind.Leaving, kind.LeavingBlock, shape);
            if (MemoryMarshal.AsRef<FreeBlockLink>(Memory(block)).Mark != FreeBlockLink.IsFree)
            {
                return block;
            }
        }

        throw new InvalidOperationException("a slab without records was not released");
    }

    /// <summary>Counts again what <see cref="AllocatedBytes"/> keeps as a running sum; for tests.</summary>
    public long Recount()
    {
        var bytes = AllocatedBytes - _segmentBytes;
        for (var i = 0; i < _memory.Length; i++)
        {
            bytes += (_memory[i]?.Length ?? 0) + (_maps[i] is null ? 0 : SpanMap.Bytes);
        }

        return bytes;
    }

    private uint AllocateBlock(int sizeClass)
    {
        var shape = SizeClasses.Shape(sizeClass);
        ref var kind = ref _classes[sizeClass];
        if (kind.FirstWithRoom == 0)
        {
            AddRoom(ref kind, shape);
        }

        var slab = kind.FirstWithRoom;
        ref var header = ref Header(slab);
        int block = header.FirstFree;
        if (block == FreeBlockLink.None)
        {
            block = header.NeverUsed++;
        }
        else
        {
            header.FirstFree = MemoryMarshal.AsRef<FreeBlockLink>(Memory(Block(slab, block, shape))).Next;
        }

        kind.FreeBlocks--;
        if (--header.FreeBlocks == 0)
        {
            Unlink(slab, ref kind);
        }

        return Block(slab, block, shape);
    }

    private void AddRoom(ref SlabClass kind, in SlabShape shape)
    {
        var slab = kind.Leaving;
        kind.Leaving = 0;
        if (slab == 0)
        {
            slab = AllocateSlab();
            Header(slab) = new SlabHeader
            {
                FreeBlocks = (ushort)shape.Blocks,
                FirstFree = FreeBlockLink.None,
            };
            kind.Slabs++;
            kind.FreeBlocks += shape.Blocks;
        }

        Link(slab, ref kind);
    }

    private void FreeBlock(uint reference, int sizeClass)
    {
        var slab = reference & ~SlabMask;
        var shape = SizeClasses.Shape(sizeClass);
        ref var kind = ref _classes[sizeClass];
        ref var header = ref Header(slab);
        var block = (reference - Block(slab, 0, shape)) / (uint)(shape.BlockBytes / SizeClasses.Grain);
        MemoryMarshal.AsRef<FreeBlockLink>(Memory(reference)) =
            new FreeBlockLink { Mark = FreeBlockLink.IsFree, Next = header.FirstFree };
        header.FirstFree = (ushort)block;
        header.FreeBlocks++;
        kind.FreeBlocks++;
        _freedClass = sizeClass;
        if (header.FreeBlocks == shape.Blocks)
        {
            if (slab == kind.Leaving)
            {
                kind.Leaving = 0;
            }
            else
            {
                Unlink(slab, ref kind);
            }

            kind.Slabs--;
            kind.FreeBlocks -= shape.Blocks;
            ReleaseSlab(slab);
        }
        else if (header.FreeBlocks == 1)
        {
            Link(slab, ref kind);
        }
    }

    // The lowest that is free: so those of the highest segments become free in time.
    private uint AllocateSlab()
    {
        var number = _freeSlabs.AsSpan().IndexOfAnyExcept((ushort)0);
        if (number < 0)
        {
            number = AddSegment(SpanMap.Units * SizeClasses.UnitBytes);
            _freeSlabs[number] = AllSlabs;
            _emptySlabSegments++;
        }

        _emptySlabSegments -= _freeSlabs[number] == AllSlabs ? 1 : 0;
        var slab = ushort.TrailingZeroCount(_freeSlabs[number]);
        _freeSlabs[number] ^= (ushort)(1 << slab);
        return Reference(number, slab * (SizeClasses.SlabBytes / SizeClasses.UnitBytes));
    }

    // One empty segment of each kind is kept, so that a store that shrinks and grows at the edge of a segment
    // allocates nothing.
    private void ReleaseSlab(uint slab)
    {
        var number = (int)(slab >> PlaceBits);
        _freeSlabs[number] |= (ushort)(1 << (int)((slab & PlaceMask) / (SlabMask + 1)));
        if (_freeSlabs[number] == AllSlabs && ++_emptySlabSegments > 1)
        {
            _emptySlabSegments--;
            RemoveSegment(_freeSlabs.AsSpan().LastIndexOf(AllSlabs));
        }
    }

    private uint AllocateUnits(int units)
    {
        while (true)
        {
            var number = _longestRuns.AsSpan().IndexOfAnyInRange((ushort)units, (ushort)SpanMap.Units);
            if (number < 0)
            {
                number = AddSegment(SpanMap.Units * SizeClasses.UnitBytes);
                _maps[number] = new SpanMap();
                _segmentBytes += SpanMap.Bytes;
                _emptySpanSegments++;
            }

            var map = _maps[number]!;
            var wasEmpty = map.FreeUnits == SpanMap.Units;
            var unit = map.Take(units);
            _longestRuns[number] = (ushort)map.LongestRun;
            if (unit >= 0)
            {
                _emptySpanSegments -= wasEmpty ? 1 : 0;
                return Reference(number, unit);
            }
        }
    }

    private void ReleaseUnits(uint reference, int units)
    {
        var number = (int)(reference >> PlaceBits);
        var map = _maps[number]!;
        map.Release((int)(reference & PlaceMask) / GrainsPerUnit, units);
        _longestRuns[number] = (ushort)map.LongestRun;
        if (map.FreeUnits == SpanMap.Units && ++_emptySpanSegments > 1)
        {
            _emptySpanSegments--;
            RemoveSegment(_longestRuns.AsSpan().LastIndexOf((ushort)SpanMap.Units));
        }
    }

    private int AddSegment(int bytes)
    {
        var number = Array.IndexOf(_memory, null, 1);
        if (number < 0)
        {
            number = _memory.Length;
            if (number == MostSegments)
            {
                throw new InsufficientMemoryException("the store holds at most 32 GiB");
            }

            ResizeTables(Math.Min(number * 2, MostSegments));
        }

        _memory[number] = GC.AllocateUninitializedArray<byte>(bytes);
        _segmentBytes += bytes;
        return number;
    }

    private void RemoveSegment(int number)
    {
        _segmentBytes -= _memory[number]!.Length + (_maps[number] is null ? 0 : SpanMap.Bytes);
        _memory[number] = null;
        _maps[number] = null;
        _freeSlabs[number] = 0;
        _longestRuns[number] = 0;
        var last = Array.FindLastIndex(_memory, static memory => memory is not null);
        var length = _memory.Length;
        while (length > FewestSegments && last < length / 4)
        {
            length /= 2;
        }

        ResizeTables(length);
    }

    private void ResizeTables(int length)
    {
        Array.Resize(ref _memory, length);
        Array.Resize(ref _maps, length);
        Array.Resize(ref _freeSlabs, length);
        Array.Resize(ref _longestRuns, length);
    }

    private ref SlabHeader Header(uint slab) => ref MemoryMarshal.AsRef<SlabHeader>(Memory(slab));

    private void Link(uint slab, ref SlabClass kind)
    {
        ref var header = ref Header(slab);
        header.Previous = 0;
        header.Next = kind.FirstWithRoom;
        if (header.Next == 0)
        {
            kind.LastWithRoom = slab;
        }
        else
        {
            Header(header.Next).Previous = slab;
        }

        kind.FirstWithRoom = slab;
    }

    private void Unlink(uint slab, ref SlabClass kind)
    {
        ref var header = ref Header(slab);
        if (header.Previous == 0)
        {
            kind.FirstWithRoom = header.Next;
        }
        else
        {
            Header(header.Previous).Next = header.Next;
        }

        if (header.Next == 0)
        {
            kind.LastWithRoom = header.Previous;
        }
        else
        {
            Header(header.Next).Previous = header.Previous;
        }
    }

    private static uint Block(uint slab, int block, in SlabShape shape) =>
        slab + ((SizeClasses.SlabHeaderBytes + ((uint)block * (uint)shape.BlockBytes)) / SizeClasses.Grain);

    private static uint Reference(int number, int unit) =>
        ((uint)number << PlaceBits) + ((uint)unit * GrainsPerUnit);

    /// <summary>The slabs of one class.</summary>
    private struct SlabClass
    {
        // The list of slabs that have a free block, linked through their headers; 0: none.
        public uint FirstWithRoom;
        public uint LastWithRoom;

        // The slab whose records are being moved to others, which is not in the list; 0: none. And the first of
        // its blocks that may still hold a record.
        public uint Leaving;
        public int LeavingBlock;

        public int Slabs;
        public long FreeBlocks;
    }

    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct SlabHeader
    {
        // Neighbours in the list of slabs of the class that have room; 0: none.
        public uint Previous;
        public uint Next;

        public ushort FirstFree;
        public ushort FreeBlocks;

        // Blocks from here on were never given out.
        public ushort NeverUsed;
    }

    /// <summary>What a block that was given back holds.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private struct FreeBlockLink
    {
        public const byte IsFree = 128;
        public const ushort None = ushort.MaxValue;

        public byte Mark;
        public ushort Next;
    }
}
