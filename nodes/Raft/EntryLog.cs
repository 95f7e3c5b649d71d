using System.Runtime.CompilerServices;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// The part of the log that is held in memory: encoded entries in recycled chunks, so that runs of entries
/// are copied to the disk and to peers with one block copy, and steady work allocates nothing. Entries are
/// added at the end, dropped from the front once nobody needs them, and removed from the end when a new
/// leader overrules them.
/// </summary>
internal sealed class EntryLog(int chunkBytes = 256 * 1024)
{
    private const int FreeChunks = 64;

    private readonly RingQueue<Slot> _slots = new(1024);
    private readonly Stack<Chunk> _free = new();
    private Chunk _current = new(chunkBytes);
    private long _chunkBytes = chunkBytes;

    /// <summary>
    /// Position of all bytes up to <see cref="BaseIndex"/> in the stream of all entries ever added.
    /// </summary>
    private long _baseEnd;

    /// <summary>The last index that was dropped; 0 when none was. Never falls once recovered.</summary>
    public ulong BaseIndex { get; private set; }

    /// <summary>Term at <see cref="BaseIndex"/>.</summary>
    public ulong BaseTerm { get; private set; }

    /// <summary>Index of the last entry; <see cref="BaseIndex"/> when none is held.</summary>
    public ulong LastIndex => BaseIndex + (ulong)_slots.Count;

    /// <summary>Term of the last entry.</summary>
    public ulong LastTerm => _slots.Count == 0 ? BaseTerm : _slots[_slots.Count - 1].Term;

    /// <summary>Bytes of all entries held.</summary>
    public long Bytes => End(LastIndex) - _baseEnd;

    /// <summary>Bytes of all memory held for entries, used or free, and for what describes them.</summary>
    public long AllocatedBytes => _chunkBytes + (_slots.Capacity * (long)Unsafe.SizeOf<Slot>());

    /// <summary>Term at an index from <see cref="BaseIndex"/> to <see cref="LastIndex"/>.</summary>
    public ulong Term(ulong index) => index == BaseIndex ? BaseTerm : At(index).Term;

    /// <summary>Bytes of the entries after one index up to another.</summary>
    public long BytesBetween(ulong after, ulong upTo) => End(upTo) - End(after);

    /// <summary>The encoded entry.</summary>
    public ReadOnlySpan<byte> Entry(ulong index)
    {
        ref var slot = ref At(index);
        return slot.Chunk.Buffer.AsSpan(slot.Offset, slot.Bytes);
    }

    /// <summary>Room for the next entry, to be encoded in place.</summary>
    public Span<byte> Add(ulong term, int bytes)
    {
        if (bytes > _current.Buffer.Length - _current.Used)
        {
            NextChunk(bytes);
        }

        var end = End(LastIndex) + bytes;
        ref var slot = ref _slots.Add();
        slot = new Slot { Term = term, Chunk = _current, Offset = _current.Used, Bytes = bytes, End = end };
        _current.Used += bytes;
        _current.Entries++;
        return _current.Buffer.AsSpan(slot.Offset, bytes);
    }

    /// <summary>Adds entries encoded elsewhere; the bytes are copied.</summary>
    public void AddCopy(ulong term, ReadOnlySpan<byte> entry) => entry.CopyTo(Add(term, entry.Length));

    /// <summary>
    /// The last index such that entries <paramref name="first"/> to it take at most <paramref
    /// name="maxBytes"/>, and their bytes; always at least one entry. The first must be held.
    /// </summary>
    public ulong Fit(ulong first, int maxBytes, out int bytes)
    {
        var start = End(first - 1);
        var (low, high) = (first, LastIndex);
        while (low < high)
        {
            var middle = high - (high - low) / 2;
            (low, high) = End(middle) - start <= maxBytes ? (middle, high) : (low, middle - 1);
        }

        bytes = (int)(End(low) - start);
        return low;
    }

    /// <summary>
    /// The longest run of entries from one index to at most another that lies in one piece.
    /// </summary>
    public ReadOnlySpan<byte> Run(ulong first, ulong upTo, out ulong last)
    {
        ref var slot = ref At(first);
        var bytes = slot.Bytes;
        for (last = first; last < upTo; last++)
        {
            ref var next = ref At(last + 1);
            if (next.Chunk != slot.Chunk || next.Offset != slot.Offset + bytes)
            {
                break;
            }

            bytes += next.Bytes;
        }

        return slot.Chunk.Buffer.AsSpan(slot.Offset, bytes);
    }

    /// <summary>Copies entries into a message that has room for all of them.</summary>
    public void CopyTo(Span<byte> destination, ulong first, ulong upTo)
    {
        while (first <= upTo)
        {
            var run = Run(first, upTo, out var last);
            run.CopyTo(destination);
            destination = destination[run.Length..];
            first = last + 1;
        }
    }

    /// <summary>Removes the entries from an index on.</summary>
    public void TruncateFrom(ulong index)
    {
        Invariant.Holds(index > BaseIndex, "R4 leader completeness");
        while (LastIndex >= index)
        {
            var slot = _slots[_slots.Count - 1];
            _slots.RemoveBack();
            slot.Chunk.Entries--;
            if (slot.Chunk != _current)
            {
                Recycle(_current);
                _current = slot.Chunk;
            }

            _current.Used = slot.Offset;
        }
    }

    /// <summary>Drops the entries up to an index.</summary>
    public void DropTo(ulong index)
    {
        while (BaseIndex < index && _slots.Count > 0)
        {
            var slot = _slots[0];
            (BaseIndex, BaseTerm, _baseEnd) = (BaseIndex + 1, slot.Term, slot.End);
            _slots.RemoveFront();
            if (--slot.Chunk.Entries == 0 && slot.Chunk != _current)
            {
                Recycle(slot.Chunk);
            }
        }
    }

    /// <summary>The term at the base, where it was not known before.</summary>
    public void Reanchor(ulong term) => BaseTerm = term;

    /// <summary>
    /// Forgets everything while a log is taken back whose beginning is gone: the base may fall, its term is unknown.
    /// </summary>
    public void Restart(ulong index)
    {
        DropTo(LastIndex);
        (BaseIndex, BaseTerm) = (index, 0);
    }

    /// <summary>Forgets everything: the next entry follows this position.</summary>
    public void Reset(ulong index, ulong term)
    {
        Invariant.Holds(index >= BaseIndex, "R5 state machine safety");
        DropTo(LastIndex);
        (BaseIndex, BaseTerm) = (index, term);
    }

    /// <summary>
    /// The highest index up to a given one whose term is at most a given one; not below the floor.
    /// </summary>
    public ulong HighestWithin(ulong index, ulong term, ulong floor)
    {
        while (index > floor && Term(index) > term)
        {
            index--;
        }

        return index;
    }

    private long End(ulong index) => index == BaseIndex ? _baseEnd : At(index).End;

    private ref Slot At(ulong index)
    {
        Invariant.Holds(index > BaseIndex && index <= LastIndex, "R2 leader append only");
        return ref _slots[(int)(index - BaseIndex - 1)];
    }

    private void NextChunk(int bytes)
    {
        var full = _current;
        var reused = bytes <= chunkBytes && _free.Count > 0;
        _current = reused ? _free.Pop() : new Chunk(int.Max(bytes, chunkBytes));
        _chunkBytes += reused ? 0 : _current.Buffer.Length;
        if (full.Entries == 0)
        {
            Recycle(full);
        }
    }

    private void Recycle(Chunk chunk)
    {
        if (chunk.Buffer.Length == chunkBytes && _free.Count < FreeChunks)
        {
            chunk.Used = 0;
            _free.Push(chunk);
        }
        else
        {
            _chunkBytes -= chunk.Buffer.Length;
        }
    }

    private sealed class Chunk(int bytes)
    {
        public byte[] Buffer { get; } = GC.AllocateUninitializedArray<byte>(bytes);

        /// <summary>Bytes given out, from the start.</summary>
        public int Used { get; set; }

        /// <summary>
        /// Entries that still lie here; at 0 the chunk is free, unless it is the one being filled.
        /// </summary>
        public int Entries { get; set; }
    }

    private struct Slot
    {
        public ulong Term;
        public Chunk Chunk;
        public int Offset;
        public int Bytes;

        /// <summary>
        /// Position behind this entry in the stream of all entries; makes any range's bytes one subtraction.
        /// </summary>
        public long End;
    }
}
