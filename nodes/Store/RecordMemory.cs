using System.Runtime.InteropServices;

namespace Testbed.Store;

/// <summary>Records in slab memory: 35 bytes of header, the key, the payload.</summary>
internal sealed class RecordMemory
{
    /// <summary>Bytes of a record besides key and payload.</summary>
    public const int HeaderBytes = 35;

    /// <summary>Longest key.</summary>
    public const int MostKeyBytes = ushort.MaxValue;

    /// <summary>Longest payload: the record's size stays an int.</summary>
    public const int MostPayloadBytes = 1 << 30;

    private readonly SlabAllocator _allocator = new();

    /// <summary>Bytes of all memory held, used or free.</summary>
    public long AllocatedBytes => _allocator.AllocatedBytes;

    /// <summary>Counts <see cref="AllocatedBytes"/> again; for tests.</summary>
    public long Recount() => _allocator.Recount();

    /// <summary>Writes a new record.</summary>
    public uint Add(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        var reference = _allocator.Allocate(HeaderBytes + key.Length + payload.Length);
        var memory = _allocator.Memory(reference);

        // The payload first: it may be the caller's view of another record, never of this one.
        payload.CopyTo(memory[(HeaderBytes + key.Length)..]);
        key.CopyTo(memory[HeaderBytes..]);
        MemoryMarshal.Write(memory, new Layout(header, key.Length, payload.Length));
        return reference;
    }

    /// <summary>
    /// Replaces header and payload where they stand; false when the payload needs memory of another size.
    /// </summary>
    public bool TryReplace(uint reference, in RecordHeader header, ReadOnlySpan<byte> payload,
        out int oldPayloadBytes)
    {
        var memory = _allocator.Memory(reference);
        ref var layout = ref MemoryMarshal.AsRef<Layout>(memory);
        oldPayloadBytes = layout.PayloadBytes;
        var fixedBytes = HeaderBytes + layout.KeyBytes;
        if (payload.Length != oldPayloadBytes
            && SizeClasses.Rounded(fixedBytes + payload.Length)
                != SizeClasses.Rounded(fixedBytes + oldPayloadBytes))
        {
            return false;
        }

        payload.CopyTo(memory[fixedBytes..]);
        layout = new Layout(header, layout.KeyBytes, payload.Length);
        return true;
    }

    /// <summary>Gives the record's memory back.</summary>
    public void Remove(uint reference)
    {
        var layout = MemoryMarshal.AsRef<Layout>(_allocator.Memory(reference));
        _allocator.Free(reference, HeaderBytes + layout.KeyBytes + layout.PayloadBytes);
    }

    /// <summary>The record's key.</summary>
    public ReadOnlySpan<byte> Key(uint reference)
    {
        ReadOnlySpan<byte> memory = _allocator.Memory(reference);
        return memory.Slice(HeaderBytes, MemoryMarshal.AsRef<Layout>(memory).KeyBytes);
    }

    /// <summary>The record's key, header and payload.</summary>
    public ReadOnlySpan<byte> Read(uint reference, out RecordHeader header, out ReadOnlySpan<byte> payload)
    {
        ReadOnlySpan<byte> memory = _allocator.Memory(reference);
        ref readonly var layout = ref MemoryMarshal.AsRef<Layout>(memory);
        header = layout.Header;
        payload = memory.Slice(HeaderBytes + layout.KeyBytes, layout.PayloadBytes);
        return memory.Slice(HeaderBytes, layout.KeyBytes);
    }

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private readonly struct Layout(in RecordHeader header, int keyBytes, int payloadBytes)
    {
        private readonly ulong _versionUpper = (ulong)(header.Version >> 64);
        private readonly ulong _versionLower = (ulong)header.Version;
        private readonly ulong _checksum = header.Checksum;
        private readonly int _valueBytes = header.ValueBytes;
        private readonly int _payloadBytes = payloadBytes;
        private readonly ushort _keyBytes = (ushort)keyBytes;
        private readonly byte _flags = header.Flags;

        public int KeyBytes => _keyBytes;

        public int PayloadBytes => _payloadBytes;

        public RecordHeader Header =>
            new(new UInt128(_versionUpper, _versionLower), _checksum, _valueBytes, _flags);
    }
}
