using System.Buffers.Binary;

namespace Testbed.Wire;

/// <summary>Asks a node for its present keys in byte order, with elements.</summary>
/// <param name="OperationId">Comes back in the reply.</param>
/// <param name="Start">First key.</param>
/// <param name="AfterStart">True to begin behind <paramref name="Start"/>.</param>
/// <param name="Limit">Most keys.</param>
/// <param name="NodeMask">As in <see cref="EccFetch"/>.</param>
public readonly record struct EccScan(
    ulong OperationId, ReadOnlyMemory<byte> Start, bool AfterStart, int Limit, uint NodeMask)
{
    /// <summary>Bytes that suffice.</summary>
    public int MaxBytes => 20 + Start.Length;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.Scan);
        writer.U64(OperationId);
        writer.Short(Start.Span);
        writer.U8(AfterStart ? (byte)1 : (byte)0);
        writer.U32((uint)Limit);
        writer.U32(NodeMask);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccScan scan)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        scan = new EccScan(reader.U64(), reader.Short(Limits.KeyBytes), reader.U8() != 0,
            (int)Math.Min(reader.U32(), int.MaxValue), reader.U32());
        return reader.Complete && type == EccTypes.Scan && scan.Limit is > 0 and <= Limits.ScanKeys;
    }
}

/// <summary>The answer to an <see cref="EccScan"/>: entries in key order, bounded in bytes.</summary>
/// <param name="Head">What every reply carries; fin is none.</param>
/// <param name="Truncated">True when the node has further keys behind the last one.</param>
/// <param name="Entries">The entries, read with <see cref="EccScanEntry.TryRead"/>.</param>
public readonly record struct EccScanReply(EccReplyHead Head, bool Truncated, ReadOnlyMemory<byte> Entries)
{
    /// <summary>
    /// Entries of one reply take at most this; a larger element is left out, the key is not.
    /// </summary>
    public const int EntriesLimitBytes = 1024 * 1024;

    /// <summary>Bytes that suffice for entries of that size.</summary>
    public static int MaxBytes(int entriesBytes) => EccReplyHead.MaxBytes + 5 + entriesBytes;

    /// <summary>Writes all but the entries; returns where they begin.</summary>
    public static int WriteHead(Span<byte> destination, in EccReplyHead head)
    {
        var writer = new WireWriter(destination);
        head.Write(ref writer, EccTypes.ScanReply);
        writer.U8(0);
        writer.U32(0);
        return writer.Position;
    }

    /// <summary>Enters what is known once the entries are written.</summary>
    public static void Seal(Span<byte> message, int entriesOffset, int entriesBytes, bool truncated)
    {
        message[entriesOffset - 5] = truncated ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32LittleEndian(message[(entriesOffset - 4)..], (uint)entriesBytes);
    }

    /// <summary>Reads a message and walks its entries once; false when anything is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccScanReply reply)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        reply = new EccScanReply(
            EccReplyHead.Read(ref reader), reader.U8() != 0, reader.Long(Limits.MessageBytes));
        if (!reader.Complete || type != EccTypes.ScanReply || !reply.Head.Fin.IsPlausible)
        {
            return false;
        }

        var rest = reply.Entries;
        while (!rest.IsEmpty)
        {
            if (!EccScanEntry.TryRead(ref rest, out _))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>One key of a scan's reply.</summary>
/// <param name="Key">The key.</param>
/// <param name="Fin">Its fin at the replier.</param>
/// <param name="Element">The replier's element of it; none when not wanted, not held or too large.</param>
public readonly record struct EccScanEntry(ReadOnlyMemory<byte> Key, EccVersion Fin, EccElement Element)
{
    /// <summary>Bytes of an entry; without element a negative blob size.</summary>
    public static int Bytes(int keyBytes, int blobBytes) =>
        2 + keyBytes + 1 + (blobBytes < 0 ? 16 : EccElement.HeaderBytes + blobBytes);

    /// <summary>Writes one entry; returns its length.</summary>
    public static int Write(Span<byte> destination, ReadOnlySpan<byte> key, EccVersion fin, bool hasElement,
        int valueBytes, ulong checksum, ReadOnlySpan<byte> blob)
    {
        var writer = new WireWriter(destination);
        writer.Short(key);
        writer.U8(hasElement ? (byte)1 : (byte)0);
        if (hasElement)
        {
            EccElement.WriteHeader(ref writer, fin, valueBytes, checksum, blob.Length);
            writer.Raw(blob);
        }
        else
        {
            writer.U128(fin.Value);
        }

        return writer.Position;
    }

    /// <summary>Reads the first entry and moves <paramref name="rest"/> behind it.</summary>
    public static bool TryRead(ref ReadOnlyMemory<byte> rest, out EccScanEntry entry)
    {
        var reader = new WireReader(rest);
        var key = reader.Short(Limits.KeyBytes);
        var hasElement = reader.U8() != 0;
        var element = hasElement ? EccElement.Read(ref reader) : default;
        var fin = hasElement ? element.Version : new EccVersion(reader.U128());
        entry = new EccScanEntry(key, fin, element);
        if (reader.Failed || key.IsEmpty || fin.IsNone || !fin.IsPlausible || !element.IsWellFormed())
        {
            return false;
        }

        rest = rest[^reader.Remaining..];
        return true;
    }
}
