namespace Testbed.Wire;

/// <summary>
/// A whole operation sent to one node, the same for both strategies: a Raft leader carries it out itself, an
/// ECC node coordinates it for a thin client.
/// </summary>
/// <param name="CorrelationId">Chosen by the sender; comes back in the reply.</param>
/// <param name="Kind">What to do.</param>
/// <param name="Key">1 to <see cref="Limits.KeyBytes"/> bytes; for a scan the first key, may be
/// empty; empty for a session to open.</param>
/// <param name="Value">The value of a put or compare-and-set; a number of the client's own, eight bytes, for a
/// session to open; empty otherwise.</param>
/// <param name="ScanLimit">Most keys a scan returns; 0 otherwise.</param>
/// <param name="TimeoutMicros">How long the asker waits; a node may give up then.</param>
public readonly record struct KvRequest(
    ulong CorrelationId, KvKind Kind, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, int ScanLimit,
    uint TimeoutMicros)
{
    /// <summary>Bytes that name a session to open: any number that other clients are unlikely to take.</summary>
    public const int NonceBytes = 8;

    private const int HeadBytes = 24;

    /// <summary>Makes a write count once.</summary>
    public SessionStamp Stamp { get; init; }

    /// <summary>The value a compare-and-set expects; null: it expects the key to be absent.</summary>
    public ReadOnlyMemory<byte>? Expected { get; init; }

    /// <summary>True for what may change a key.</summary>
    public bool IsWrite => Kind is KvKind.Put or KvKind.Delete or KvKind.CompareAndSet;

    /// <summary>Bytes that certainly suffice for <see cref="Write"/>.</summary>
    public int MaxBytes => HeadBytes + SessionStamp.Bytes + Key.Length + Value.Length
        + (Kind == KvKind.CompareAndSet ? 1 + 4 + (Expected?.Length ?? 0) : 0);

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(MessageTypes.KvRequest);
        writer.U64(CorrelationId);
        writer.U8((byte)((byte)Kind | (Stamp.IsNone ? 0 : SessionStamp.Flag)));
        writer.U32((uint)ScanLimit);
        writer.U32(TimeoutMicros);
        if (!Stamp.IsNone)
        {
            Stamp.Write(ref writer);
        }

        writer.Short(Key.Span);
        writer.Long(Value.Span);
        if (Kind == KvKind.CompareAndSet)
        {
            writer.U8(Expected is null ? (byte)0 : (byte)1);
            writer.Long(Expected is { } expected ? expected.Span : default);
        }

        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed or breaks a limit.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out KvRequest request)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        var correlationId = reader.U64();
        var kind = reader.U8();
        var isStamped = (kind & SessionStamp.Flag) != 0;
        request = new KvRequest(
            correlationId, (KvKind)(kind & ~SessionStamp.Flag), default, default,
            (int)Math.Min(reader.U32(), int.MaxValue), reader.U32());
        request = request with
        {
            Stamp = isStamped ? SessionStamp.Of(reader.U64(), reader.U64(), reader.U16()) : default,
            Key = reader.Short(Limits.KeyBytes),
            Value = reader.Long(Limits.ValueBytes),
        };
        var isSane = true;
        if (request.Kind == KvKind.CompareAndSet)
        {
            var presence = reader.U8();
            var expected = reader.Long(Limits.ValueBytes - request.Value.Length);
            isSane = presence == 1 || (presence == 0 && expected.IsEmpty);
            request = request with { Expected = presence == 1 ? expected : default(ReadOnlyMemory<byte>?) };
        }

        return reader.Complete && isSane && type == MessageTypes.KvRequest && request.IsSane(isStamped);
    }

    private bool IsSane(bool isStamped) => Kind <= KvKind.OpenSession && ScanLimit <= Limits.ScanKeys
        && (!isStamped || (IsWrite && Stamp.IsSane))
        && (Kind == KvKind.OpenSession ? Key.IsEmpty && Value.Length == NonceBytes
            : Kind == KvKind.Scan || !Key.IsEmpty);
}
