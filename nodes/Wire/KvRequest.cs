namespace Testbed.Wire;

/// <summary>
/// A whole operation sent to one node, the same for both strategies: a Raft leader carries it out itself, an
/// ECC node coordinates it for a thin client.
/// </summary>
/// <param name="CorrelationId">Chosen by the sender; comes back in the reply.</param>
/// <param name="Kind">What to do.</param>
/// <param name="Key">1 to <see cref="Limits.KeyBytes"/> bytes; for a scan the first key, may be
/// empty.</param>
/// <param name="Value">The value of a put; empty otherwise.</param>
/// <param name="ScanLimit">Most keys a scan returns; 0 otherwise.</param>
/// <param name="TimeoutMicros">How long the asker waits; a node may give up then.</param>
public readonly record struct KvRequest(
    ulong CorrelationId, KvKind Kind, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, int ScanLimit,
    uint TimeoutMicros)
{
    /// <summary>Bytes that certainly suffice for <see cref="Write"/>.</summary>
    public int MaxBytes => 32 + Key.Length + Value.Length;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(MessageTypes.KvRequest);
        writer.U64(CorrelationId);
        writer.U8((byte)Kind);
        writer.U32((uint)ScanLimit);
        writer.U32(TimeoutMicros);
        writer.Short(Key.Span);
        writer.Long(Value.Span);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed or breaks a limit.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out KvRequest request)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        request = new KvRequest(
            reader.U64(), (KvKind)reader.U8(), default, default, (int)Math.Min(reader.U32(), int.MaxValue), reader.U32());
        request = request with { Key = reader.Short(Limits.KeyBytes), Value = reader.Long(Limits.ValueBytes) };
        return reader.Complete && type == MessageTypes.KvRequest && request.Kind <= KvKind.Scan
            && request.ScanLimit <= Limits.ScanKeys && (request.Kind == KvKind.Scan || !request.Key.IsEmpty);
    }
}
