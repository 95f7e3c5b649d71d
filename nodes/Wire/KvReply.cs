namespace Testbed.Wire;

/// <summary>How a node answered a <see cref="KvRequest"/>.</summary>
public enum KvStatus : byte
{
    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>The key is absent.</summary>
    NotFound = 1,

    /// <summary>
    /// Refused before any side effect: this node does not lead. <see cref="KvReply.LeaderHint"/> may say who
    /// does.
    /// </summary>
    NotLeader = 2,

    /// <summary>Refused before any side effect: a limit is reached; try again later.</summary>
    Busy = 3,

    /// <summary>Refused before any side effect, for good: the request cannot be carried out.</summary>
    Rejected = 4,

    /// <summary>The effect is not known (leadership lost after append, coordinator's deadline).</summary>
    Unknown = 5,

    /// <summary>A compare-and-set met another value than it expected: no effect.</summary>
    PreconditionFailed = 6,

    /// <summary>
    /// No effect now: the write's session is not known, or not any more. Whether the same write was applied
    /// before is not known either.
    /// </summary>
    SessionExpired = 7,
}

/// <summary>The answer to a <see cref="KvRequest"/>.</summary>
/// <param name="CorrelationId">That of the request.</param>
/// <param name="Status">How it went.</param>
/// <param name="LeaderHint">Index of the node thought to lead, or 255.</param>
/// <param name="Value">The value of a get; the eight bytes of a session that was opened; the reason of a
/// rejection or of busy, as text, or nothing; empty otherwise.</param>
/// <param name="Entries">The keys and values of a scan, in <see cref="KvEntryCodec"/>'s form; empty
/// otherwise.</param>
public readonly record struct KvReply(
    ulong CorrelationId, KvStatus Status, byte LeaderHint, ReadOnlyMemory<byte> Value, ReadOnlyMemory<byte> Entries)
{
    /// <summary>No leader is known.</summary>
    public const byte NoLeader = 255;

    /// <summary>Bytes of a reply besides value and entries.</summary>
    public const int HeaderBytes = 19;

    /// <summary>A reply without value or entries.</summary>
    public static KvReply Plain(ulong correlationId, KvStatus status, byte leaderHint = NoLeader) =>
        new(correlationId, status, leaderHint, default, default);

    /// <summary>Bytes that suffice to write it.</summary>
    public int MaxBytes => HeaderBytes + Value.Length + Entries.Length;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination) =>
        Write(destination, CorrelationId, Status, LeaderHint, Value.Span, Entries.Span);

    /// <summary>Writes a reply whose value still lies in the store; returns its length.</summary>
    public static int Write(Span<byte> destination, ulong correlationId, KvStatus status, byte leaderHint,
        ReadOnlySpan<byte> value, ReadOnlySpan<byte> entries)
    {
        var writer = new WireWriter(destination);
        writer.U8(MessageTypes.KvReply);
        writer.U64(correlationId);
        writer.U8((byte)status);
        writer.U8(leaderHint);
        writer.Long(value);
        writer.Long(entries);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed or breaks a limit.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out KvReply reply)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        reply = new KvReply(reader.U64(), (KvStatus)reader.U8(), reader.U8(), default, default);
        reply = reply with { Value = reader.Long(Limits.ValueBytes), Entries = reader.Long(Limits.MessageBytes) };
        return reader.Complete && type == MessageTypes.KvReply && reply.Status <= KvStatus.SessionExpired;
    }
}

/// <summary>
/// Keys and values of a scan, one after another: key behind a two-byte length, value behind a four-byte one.
/// </summary>
public static class KvEntryCodec
{
    /// <summary>Bytes one entry takes.</summary>
    public static int Bytes(int keyBytes, int valueBytes) => 6 + keyBytes + valueBytes;

    /// <summary>Reads all entries; null when malformed or more than <see cref="Limits.ScanKeys"/>.</summary>
    public static IReadOnlyList<KvEntry>? TryRead(ReadOnlyMemory<byte> entries)
    {
        var reader = new WireReader(entries);
        var list = new List<KvEntry>();
        while (!reader.Failed && reader.Remaining > 0 && list.Count <= Limits.ScanKeys)
        {
            list.Add(new KvEntry(reader.Short(Limits.KeyBytes), reader.Long(Limits.ValueBytes)));
        }

        return reader.Complete ? list : null;
    }
}
