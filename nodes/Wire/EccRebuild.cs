namespace Testbed.Wire;

/// <summary>
/// A recovering node asks what a peer holds of a stretch of the hash order. The peer remembers the asker's
/// incarnation before it looks.
/// </summary>
/// <param name="ExchangeId">Comes back in the reply.</param>
/// <param name="Incarnation">The asker's; below a known one the request is void.</param>
/// <param name="First">First group of hashes: the leading 24 bits.</param>
/// <param name="End">Behind the last group.</param>
/// <param name="Limit">About so many keys; a group is never cut.</param>
public readonly record struct EccSlotScan(
    ulong ExchangeId, uint Incarnation, uint First, uint End, int Limit)
{
    /// <summary>Leading bits of a key's hash that name its group.</summary>
    public const int GroupBits = 24;

    /// <summary>Slots: the leading eight bits of a key's hash. A node votes or does not vote per slot.</summary>
    public const int Slots = 256;

    /// <summary>Groups of a slot.</summary>
    public const uint GroupsPerSlot = (1u << GroupBits) / Slots;

    /// <summary>Bytes of the message.</summary>
    public const int Bytes = 25;

    /// <summary>The group of a key's hash.</summary>
    public static uint GroupOf(ulong hash) => (uint)(hash >> (64 - GroupBits));

    /// <summary>The slot of a key's hash.</summary>
    public static int SlotOf(ulong hash) => (int)(hash >> 56);

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.SlotScan);
        writer.U64(ExchangeId);
        writer.U32(Incarnation);
        writer.U32(First);
        writer.U32(End);
        writer.U32((uint)Limit);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccSlotScan scan)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        scan = new EccSlotScan(reader.U64(), reader.U32(), reader.U32(), reader.U32(),
            (int)Math.Min(reader.U32(), Limits.ScanKeys));
        return reader.Complete && type == EccTypes.SlotScan && scan.Limit > 0 && scan.First < scan.End
            && scan.End <= 1u << GroupBits;
    }
}

/// <summary>The answer to an <see cref="EccSlotScan"/>.</summary>
/// <param name="Head">As in every reply: ready of the first group's slot; fin is none.</param>
/// <param name="Next">The entries are complete for the groups below; the asker goes on there.</param>
/// <param name="Entries">Read with <see cref="EccSlotEntry.TryRead"/>; in no order.</param>
public readonly record struct EccSlotScanReply(EccReplyHead Head, uint Next, ReadOnlyMemory<byte> Entries)
{
    /// <summary>Bytes that suffice.</summary>
    public int MaxBytes => EccReplyHead.MaxBytes + 8 + Entries.Length;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        Head.Write(ref writer, EccTypes.SlotScanReply);
        writer.U32(Next);
        writer.Long(Entries.Span);
        return writer.Position;
    }

    /// <summary>Reads a message and walks its entries once; false when anything is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccSlotScanReply reply)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        reply = new EccSlotScanReply(
            EccReplyHead.Read(ref reader), reader.U32(), reader.Long(Limits.MessageBytes));
        if (!reader.Complete || type != EccTypes.SlotScanReply)
        {
            return false;
        }

        var rest = reply.Entries;
        while (!rest.IsEmpty)
        {
            if (!EccSlotEntry.TryRead(ref rest, out _))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>One version of one key that a peer knows.</summary>
/// <param name="Key">The key.</param>
/// <param name="Version">The version.</param>
/// <param name="ValueBytes">Bytes of the whole value.</param>
/// <param name="IsFin">It is the peer's fin of the key; else a pre-write.</param>
/// <param name="Holds">The peer has its element of it.</param>
public readonly record struct EccSlotEntry(
    ReadOnlyMemory<byte> Key, EccVersion Version, int ValueBytes, bool IsFin, bool Holds)
{
    /// <summary>Bytes of an entry.</summary>
    public static int Bytes(int keyBytes) => 23 + keyBytes;

    /// <summary>Writes one entry; returns its length.</summary>
    public static int Write(Span<byte> destination, ReadOnlySpan<byte> key, EccVersion version,
        int valueBytes, bool isFin, bool holds)
    {
        var writer = new WireWriter(destination);
        writer.Short(key);
        writer.U128(version.Value);
        writer.U32((uint)valueBytes);
        writer.U8((byte)((isFin ? 1 : 0) | (holds ? 2 : 0)));
        return writer.Position;
    }

    /// <summary>Reads the first entry and moves <paramref name="rest"/> behind it.</summary>
    public static bool TryRead(ref ReadOnlyMemory<byte> rest, out EccSlotEntry entry)
    {
        var reader = new WireReader(rest);
        var key = reader.Short(Limits.KeyBytes);
        var version = new EccVersion(reader.U128());
        var valueBytes = reader.U32();
        var flags = reader.U8();
        entry = new EccSlotEntry(
            key, version, (int)Math.Min(valueBytes, int.MaxValue), (flags & 1) != 0, (flags & 2) != 0);
        if (reader.Failed || key.IsEmpty || version.IsNone || !version.IsPlausible
            || entry.ValueBytes > Limits.ValueBytes)
        {
            return false;
        }

        rest = rest[^reader.Remaining..];
        return true;
    }
}

/// <summary>A recovering node asks a peer for elements that a scan has shown.</summary>
/// <param name="ExchangeId">Comes back in the reply.</param>
/// <param name="Incarnation">The asker's.</param>
/// <param name="Wanted">Keys and versions (<see cref="EccFinList"/>).</param>
public readonly record struct EccPull(ulong ExchangeId, uint Incarnation, ReadOnlyMemory<byte> Wanted)
{
    /// <summary>Bytes that suffice.</summary>
    public int MaxBytes => 17 + Wanted.Length;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.Pull);
        writer.U64(ExchangeId);
        writer.U32(Incarnation);
        writer.Long(Wanted.Span);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccPull pull)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        pull = new EccPull(reader.U64(), reader.U32(), reader.Long(Limits.MessageBytes));
        return reader.Complete && type == EccTypes.Pull && EccFinList.IsWellFormed(pull.Wanted);
    }
}

/// <summary>The answer to an <see cref="EccPull"/>: one entry per wanted element, in that order.</summary>
/// <param name="Head">As in every reply; fin is none.</param>
/// <param name="Entries">Read with <see cref="EccPullEntry.TryRead"/>.</param>
public readonly record struct EccPullReply(EccReplyHead Head, ReadOnlyMemory<byte> Entries)
{
    /// <summary>Bytes that suffice for entries of that size.</summary>
    public static int MaxBytes(int entriesBytes) => EccReplyHead.MaxBytes + 4 + entriesBytes;

    /// <summary>Writes the message; returns its length.</summary>
    public static int Write(Span<byte> destination, in EccReplyHead head, ReadOnlySpan<byte> entries)
    {
        var writer = new WireWriter(destination);
        head.Write(ref writer, EccTypes.PullReply);
        writer.Long(entries);
        return writer.Position;
    }

    /// <summary>Reads a message and walks its entries once; false when anything is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccPullReply reply)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        reply = new EccPullReply(EccReplyHead.Read(ref reader), reader.Long(Limits.MessageBytes));
        if (!reader.Complete || type != EccTypes.PullReply)
        {
            return false;
        }

        var rest = reply.Entries;
        while (!rest.IsEmpty)
        {
            if (!EccPullEntry.TryRead(ref rest, out _))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>What a peer has of one wanted element.</summary>
/// <param name="Fin">The peer's fin of the key: what is below is no longer needed.</param>
/// <param name="Element">The element; none when it is gone.</param>
public readonly record struct EccPullEntry(EccVersion Fin, EccElement Element)
{
    /// <summary>Bytes of an entry.</summary>
    public static int Bytes(int blobBytes) => 16 + EccElement.HeaderBytes + blobBytes;

    /// <summary>Writes one entry; returns its length.</summary>
    public static int Write(Span<byte> destination, EccVersion fin, in EccElement element,
        ReadOnlySpan<byte> blob)
    {
        var writer = new WireWriter(destination);
        writer.U128(fin.Value);
        EccElement.WriteHeader(ref writer, element.Version, element.ValueBytes, element.Checksum, blob.Length);
        writer.Raw(blob);
        return writer.Position;
    }

    /// <summary>Reads the first entry and moves <paramref name="rest"/> behind it.</summary>
    public static bool TryRead(ref ReadOnlyMemory<byte> rest, out EccPullEntry entry)
    {
        var reader = new WireReader(rest);
        entry = new EccPullEntry(new EccVersion(reader.U128()), EccElement.Read(ref reader));
        if (reader.Failed || !entry.Fin.IsPlausible || !entry.Element.IsWellFormed())
        {
            return false;
        }

        rest = rest[^reader.Remaining..];
        return true;
    }
}
