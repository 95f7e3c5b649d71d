namespace Testbed.Wire;

/// <summary>
/// A stretch of the key order: behind <paramref name="After"/>, up to and with <paramref name="Last"/>.
/// </summary>
/// <param name="After">Excluded; empty means from the very first key.</param>
/// <param name="Last">Included; empty means to the very last key.</param>
public readonly record struct EccKeyRange(ReadOnlyMemory<byte> After, ReadOnlyMemory<byte> Last)
{
    internal int WireBytes => 4 + After.Length + Last.Length;

    internal void Write(ref WireWriter writer)
    {
        writer.Short(After.Span);
        writer.Short(Last.Span);
    }

    internal static EccKeyRange Read(ref WireReader reader) =>
        new(reader.Short(Limits.KeyBytes), reader.Short(Limits.KeyBytes));
}

/// <summary>
/// Compares fins: "in this range I have so many keys, with this digest over keys and fins".
/// </summary>
/// <param name="ExchangeId">Comes back in the reply.</param>
/// <param name="Range">The keys compared.</param>
/// <param name="Count">Keys of the sender in the range.</param>
/// <param name="Sum">Order-free sum over (key, fin).</param>
public readonly record struct EccDigest(ulong ExchangeId, EccKeyRange Range, uint Count, ulong Sum)
{
    /// <summary>Bytes that suffice.</summary>
    public int MaxBytes => 21 + Range.WireBytes;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.Digest);
        writer.U64(ExchangeId);
        Range.Write(ref writer);
        writer.U32(Count);
        writer.U64(Sum);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccDigest digest)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        digest = new EccDigest(reader.U64(), EccKeyRange.Read(ref reader), reader.U32(), reader.U64());
        return reader.Complete && type == EccTypes.Digest;
    }
}

/// <summary>Keys and fins one after another.</summary>
public static class EccFinList
{
    /// <summary>Bytes of one entry.</summary>
    public static int Bytes(int keyBytes) => 18 + keyBytes;

    /// <summary>Writes one entry; returns its length.</summary>
    public static int Write(Span<byte> destination, ReadOnlySpan<byte> key, EccVersion fin)
    {
        var writer = new WireWriter(destination);
        writer.Short(key);
        writer.U128(fin.Value);
        return writer.Position;
    }

    /// <summary>Reads the first entry and moves <paramref name="rest"/> behind it.</summary>
    public static bool TryRead(ref ReadOnlyMemory<byte> rest, out ReadOnlyMemory<byte> key,
        out EccVersion fin)
    {
        var reader = new WireReader(rest);
        key = reader.Short(Limits.KeyBytes);
        fin = new EccVersion(reader.U128());
        if (reader.Failed || key.IsEmpty || fin.IsNone || !fin.IsPlausible)
        {
            return false;
        }

        rest = rest[^reader.Remaining..];
        return true;
    }

    internal static bool IsWellFormed(ReadOnlyMemory<byte> entries)
    {
        while (!entries.IsEmpty)
        {
            if (!TryRead(ref entries, out _, out _))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>The answer to an <see cref="EccDigest"/>.</summary>
/// <param name="ExchangeId">That of the digest.</param>
/// <param name="Incarnation">The replier's; what an earlier one knew may be known no more.</param>
/// <param name="Same">True when count and sum agree; then there are no entries.</param>
/// <param name="Last">The entries cover the range up to and with this key; empty: the whole range.</param>
/// <param name="Entries">Keys and fins of the replier (<see cref="EccFinList"/>).</param>
public readonly record struct EccDigestReply(
    ulong ExchangeId, uint Incarnation, bool Same, ReadOnlyMemory<byte> Last, ReadOnlyMemory<byte> Entries)
{
    /// <summary>Bytes that suffice.</summary>
    public int MaxBytes => 20 + Last.Length + Entries.Length;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.DigestReply);
        writer.U64(ExchangeId);
        writer.U32(Incarnation);
        writer.U8(Same ? (byte)1 : (byte)0);
        writer.Short(Last.Span);
        writer.Long(Entries.Span);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccDigestReply reply)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        reply = new EccDigestReply(reader.U64(), reader.U32(), reader.U8() != 0,
            reader.Short(Limits.KeyBytes), reader.Long(Limits.MessageBytes));
        return reader.Complete && type == EccTypes.DigestReply && EccFinList.IsWellFormed(reply.Entries);
    }
}

/// <summary>Tells a peer fins that it lacks.</summary>
/// <param name="Incarnation">The sender's.</param>
/// <param name="Entries">Keys and fins (<see cref="EccFinList"/>).</param>
public readonly record struct EccDigestPush(uint Incarnation, ReadOnlyMemory<byte> Entries)
{
    /// <summary>Bytes that suffice.</summary>
    public int MaxBytes => 9 + Entries.Length;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.DigestPush);
        writer.U32(Incarnation);
        writer.Long(Entries.Span);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccDigestPush push)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        push = new EccDigestPush(reader.U32(), reader.Long(Limits.MessageBytes));
        return reader.Complete && type == EccTypes.DigestPush && EccFinList.IsWellFormed(push.Entries);
    }
}
