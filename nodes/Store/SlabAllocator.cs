using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Testbed.Store;

/// <summary>
/// Memory for records. A reference is 32 bits: segment number and place in it in steps of 8 bytes, so 32 GiB
/// at most; it is never 0. Small records lie in slabs of equal blocks, larger ones in spans of units, the
/// largest in arrays of their own.
/// </summary>
internal sealed class SlabAllocator
{
    private const int PlaceBits = 17;
    private const uint PlaceMask = (1u << PlaceBits) - 1;
    private const int GrainsPerUnit = SizeClasses.UnitBytes / SizeClasses.Grain;
    private const int MostSegments = 1 << (32 - PlaceBits);
    private const int FewestSegments = 8;
    private const ushort NoBlock = ushort.MaxValue;

    // For each class the first of its slabs that have a free block, linked through their headers.
    private readonly uint[] _withRoom = new uint[SizeClasses.Count];

    // Place 0 stays empty, so that no reference is 0.
    private Segment?[] _segments = new Segment?[FewestSegments];
    private int _lastTaken = 1;
    private int _emptySegments;
    private long _segmentBytes;

    /// <summary>Bytes of all memory held, used or free, with what describes it.</summary>
    public long AllocatedBytes =>
        _segmentBytes + (_segments.Length * (long)IntPtr.Size) + (_withRoom.Length * (long)sizeof(uint));

    /// <summary>The memory from the reference on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Memory(uint reference) =>
        _segments[reference >> PlaceBits]!.Memory.AsSpan((int)(reference & PlaceMask) * SizeClasses.Grain);

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

        return Reference(AddSegment(Segment.Single(SizeClasses.Rounded(bytes))), unit: 0);
    }

    /// <summary>Gives the memory of a record back; <paramref name="bytes"/> is what was asked for.</summary>
    public void Free(uint reference, int bytes)
    {
        var number = (int)(reference >> PlaceBits);
        if (bytes > SizeClasses.LargestSegmentRecord)
        {
            RemoveSegment(number);
            return;
        }

        var unit = (int)(reference & PlaceMask) / GrainsPerUnit;
        if (bytes > SizeClasses.LargestSlabRecord)
        {
            ReleaseUnits(number, unit, SizeClasses.Units(bytes));
            return;
        }

        FreeBlock(Reference(number, _segments[number]!.Owner(unit)), reference, SizeClasses.Of(bytes));
    }

    /// <summary>Counts again what <see cref="AllocatedBytes"/> keeps as a running sum; for tests.</summary>
    public long Recount()
    {
        var bytes = (_segments.Length * (long)IntPtr.Size) + (_withRoom.Length * (long)sizeof(uint));
        foreach (var segment in _segments)
        {
            bytes += segment?.AllocatedBytes ?? 0;
        }

        return bytes;
    }

    private uint AllocateBlock(int sizeClass)
    {
        var shape = SizeClasses.Shape(sizeClass);
        var slab = _withRoom[sizeClass];
        if (slab == 0)
        {
            slab = AllocateUnits(shape.Units);
            Header(slab) = new SlabHeader { FreeBlocks = (ushort)shape.Blocks, FirstFree = NoBlock };
            Link(slab, sizeClass);
        }

        ref var header = ref Header(slab);
        int block = header.FirstFree;
        if (block == NoBlock)
        {
            block = header.NeverUsed++;
        }
        else
        {
            header.FirstFree = MemoryMarshal.Read<ushort>(Memory(Block(slab, block, shape)));
        }

        header.FreeBlocks--;
        if (header.FreeBlocks == 0)
        {
            Unlink(slab, sizeClass);
        }

        return Block(slab, block, shape);
    }

    private void FreeBlock(uint slab, uint reference, int sizeClass)
    {
        var shape = SizeClasses.Shape(sizeClass);
        ref var header = ref Header(slab);
        var block = (ushort)((reference - Block(slab, 0, shape)) / (shape.BlockBytes / SizeClasses.Grain));
        MemoryMarshal.Write(Memory(reference), header.FirstFree);
        header.FirstFree = block;
        header.FreeBlocks++;
        if (header.FreeBlocks == 1)
        {
            Link(slab, sizeClass);
        }

        if (header.FreeBlocks == shape.Blocks)
        {
            Unlink(slab, sizeClass);
            var unit = (int)(slab & PlaceMask) / GrainsPerUnit;
            ReleaseUnits((int)(slab >> PlaceBits), unit, shape.Units);
        }
    }

    // Next fit by segment: the one that was taken from last has room most often.
    private uint AllocateUnits(int units)
    {
        for (var step = 0; step < _segments.Length; step++)
        {
            var number = (_lastTaken + step) % _segments.Length;
            if (_segments[number] is { IsShared: true } segment)
            {
                var wasEmpty = segment.FreeUnits == Segment.Units;
                var unit = segment.Take(units);
                if (unit >= 0)
                {
                    _emptySegments -= wasEmpty ? 1 : 0;
                    _lastTaken = number;
                    return Reference(number, unit);
                }
            }
        }

        _lastTaken = AddSegment(Segment.Shared());
        return Reference(_lastTaken, _segments[_lastTaken]!.Take(units));
    }

    // One empty segment is kept, so that a store that shrinks and grows at the edge of a segment allocates
    // nothing.
    private void ReleaseUnits(int number, int unit, int units)
    {
        var segment = _segments[number]!;
        segment.Release(unit, units);
        if (segment.FreeUnits == Segment.Units && ++_emptySegments > 1)
        {
            _emptySegments--;
            RemoveSegment(Array.FindLastIndex(_segments, static s => s is { FreeUnits: Segment.Units }));
        }
    }

    private int AddSegment(Segment segment)
    {
        var number = 1;
        while (number < _segments.Length && _segments[number] is not null)
        {
            number++;
        }

        if (number == MostSegments)
        {
            throw new InsufficientMemoryException("the store holds at most 32 GiB");
        }

        if (number == _segments.Length)
        {
            Array.Resize(ref _segments, Math.Min(number * 2, MostSegments));
        }

        _segments[number] = segment;
        _segmentBytes += segment.AllocatedBytes;
        return number;
    }

    private void RemoveSegment(int number)
    {
        _segmentBytes -= _segments[number]!.AllocatedBytes;
        _segments[number] = null;
        var last = Array.FindLastIndex(_segments, static segment => segment is not null);
        var length = _segments.Length;
        while (length > FewestSegments && last < length / 4)
        {
            length /= 2;
        }

        Array.Resize(ref _segments, length);
    }

    private ref SlabHeader Header(uint slab) => ref MemoryMarshal.AsRef<SlabHeader>(Memory(slab));

    private void Link(uint slab, int sizeClass)
    {
        var first = _withRoom[sizeClass];
        ref var header = ref Header(slab);
        header.Previous = 0;
        header.Next = first;
        if (first != 0)
        {
            Header(first).Previous = slab;
        }

        _withRoom[sizeClass] = slab;
    }

    private void Unlink(uint slab, int sizeClass)
    {
        ref var header = ref Header(slab);
        if (header.Previous == 0)
        {
            _withRoom[sizeClass] = header.Next;
        }
        else
        {
            Header(header.Previous).Next = header.Next;
        }

        if (header.Next != 0)
        {
            Header(header.Next).Previous = header.Previous;
        }
    }

    private static uint Block(uint slab, int block, in SlabShape shape) =>
        slab + ((SizeClasses.SlabHeaderBytes + ((uint)block * (uint)shape.BlockBytes)) / SizeClasses.Grain);

    private static uint Reference(int number, int unit) =>
        ((uint)number << PlaceBits) + ((uint)unit * GrainsPerUnit);

    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct SlabHeader
    {
        // Neighbours in the list of slabs of the class that have room; 0: none.
        public uint Previous;
        public uint Next;

        // Blocks given back, linked through their first two bytes.
        public ushort FirstFree;
        public ushort FreeBlocks;

        // Blocks from here on were never given out.
        public ushort NeverUsed;
    }
}
