namespace Testbed.Store;

/// <summary>Records in slab memory; <see cref="RecordShape"/> is how they look.</summary>
internal sealed class RecordMemory
{
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
        var shape = RecordShape.Of(key.Length, header, payload.Length);
        var fieldsPlace = shape.KeyPlace + key.Length;
        var payloadPlace = fieldsPlace + shape.FieldBytes;
        var reference = _allocator.Allocate(payloadPlace + payload.Length);
        var memory = _allocator.Memory(reference);
        shape.WriteShape(memory);
        shape.WriteKeyBytes(memory, key.Length);
        key.CopyTo(memory[shape.KeyPlace..]);
        shape.WriteFields(memory[fieldsPlace..], header, payload.Length);
        payload.CopyTo(memory[payloadPlace..]);
        return reference;
    }

    /// <summary>
    /// Replaces header and payload where they stand; false when they need memory of another size.
    /// </summary>
    public bool TryReplace(uint reference, in RecordHeader header, ReadOnlySpan<byte> payload,
        out int oldPayloadBytes)
    {
        var memory = _allocator.Memory(reference);
        var oldBytes = Bytes(memory, out var fieldsPlace, out oldPayloadBytes);
        var shape = RecordShape.Of(fieldsPlace - RecordShape.At(memory).KeyPlace, header, payload.Length);
        var payloadPlace = fieldsPlace + shape.FieldBytes;
        var bytes = payloadPlace + payload.Length;
        if (bytes != oldBytes && SizeClasses.Rounded(bytes) != SizeClasses.Rounded(oldBytes))
        {
            return false;
        }

        // The payload first: it may be the caller's view of the old one.
        payload.CopyTo(memory[payloadPlace..]);
        shape.WriteFields(memory[fieldsPlace..], header, payload.Length);
        shape.WriteShape(memory);
        return true;
    }

    /// <summary>Gives the record's memory back.</summary>
    public void Remove(uint reference) =>
        _allocator.Free(reference, Bytes(_allocator.Memory(reference), out _, out _));

    /// <summary>A record that must be moved to keep memory compact; 0: none.</summary>
    public uint NextToMove() => _allocator.NextToMove();

    /// <summary>A copy of a record in other memory.</summary>
    public uint Copy(uint reference)
    {
        var bytes = Bytes(_allocator.Memory(reference), out _, out _);
        var copy = _allocator.Allocate(bytes);
        _allocator.Memory(reference)[..bytes].CopyTo(_allocator.Memory(copy));
        return copy;
    }

    /// <summary>The record's key.</summary>
    public ReadOnlySpan<byte> Key(uint reference)
    {
        ReadOnlySpan<byte> memory = _allocator.Memory(reference);
        var shape = RecordShape.At(memory);
        return memory.Slice(shape.KeyPlace, shape.KeyBytes(memory));
    }

    /// <summary>The record's key, header and payload.</summary>
    public ReadOnlySpan<byte> Read(uint reference, out RecordHeader header, out ReadOnlySpan<byte> payload)
    {
        ReadOnlySpan<byte> memory = _allocator.Memory(reference);
        var shape = RecordShape.At(memory);
        var key = memory.Slice(shape.KeyPlace, shape.KeyBytes(memory));
        var fields = memory[(shape.KeyPlace + key.Length)..];
        header = shape.ReadFields(fields);
        payload = fields.Slice(shape.FieldBytes, shape.PayloadBytes(fields));
        return key;
    }

    private static int Bytes(ReadOnlySpan<byte> memory, out int fieldsPlace, out int payloadBytes)
    {
        var shape = RecordShape.At(memory);
        fieldsPlace = shape.KeyPlace + shape.KeyBytes(memory);
        payloadBytes = shape.PayloadBytes(memory[fieldsPlace..]);
        return fieldsPlace + shape.FieldBytes + payloadBytes;
    }
}
