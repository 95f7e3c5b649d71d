namespace Testbed.Wire;

/// <summary>
/// Read or Finalize: both are answered with fin and, when wanted, an element. Finalize first raises fin to
/// <paramref name="Version"/>.
/// </summary>
/// <param name="OperationId">Comes back in the reply.</param>
/// <param name="Key">1 to <see cref="Limits.KeyBytes"/> bytes.</param>
/// <param name="Version">The version to finalise; none for a read.</param>
/// <param name="NodeMask">
/// Nodes that were asked for elements. A node sends its element when its element index is among the first
/// "width" of theirs, so a healthy read moves exactly the value's bytes; a mask of one node always gets that
/// node's element, 0 none.
/// </param>
/// <param name="Pin">
/// Keep this version and what follows for a second, even when a higher one is finalised.
/// </param>
public readonly record struct EccFetch(
    ulong OperationId, ReadOnlyMemory<byte> Key, EccVersion Version, uint NodeMask, bool Pin)
{
    /// <summary>Bytes that suffice.</summary>
    public static int MaxBytes(int keyBytes) => 32 + keyBytes;

    /// <summary>Writes the message; returns its length.</summary>
    public static int Write(Span<byte> destination, ulong operationId, ReadOnlySpan<byte> key,
        EccVersion version,
        uint nodeMask, bool pin)
    {
        var writer = new WireWriter(destination);
        writer.U8(version.IsNone ? EccTypes.Read : EccTypes.Finalize);
        writer.U64(operationId);
        writer.Short(key);
        if (!version.IsNone)
        {
            writer.U128(version.Value);
        }

        writer.U32(nodeMask);
        writer.U8(pin ? (byte)1 : (byte)0);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccFetch fetch)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        var operationId = reader.U64();
        var key = reader.Short(Limits.KeyBytes);
        var version = type == EccTypes.Finalize ? new EccVersion(reader.U128()) : EccVersion.None;
        fetch = new EccFetch(operationId, key, version, reader.U32(), reader.U8() != 0);
        return reader.Complete && !key.IsEmpty && version.IsPlausible
            && (type == EccTypes.Finalize ? !version.IsNone : type == EccTypes.Read);
    }
}

/// <summary>The answer to an <see cref="EccFetch"/>.</summary>
/// <param name="Head">What every reply carries.</param>
/// <param name="Element">
/// The element of the asked version, else of fin; none when not wanted or not held.
/// </param>
public readonly record struct EccFetchReply(EccReplyHead Head, EccElement Element)
{
    /// <summary>Bytes that suffice for a reply with a blob of that size.</summary>
    public static int MaxBytes(int blobBytes) => EccReplyHead.MaxBytes + EccElement.HeaderBytes + blobBytes;

    /// <summary>Writes the message; returns its length. The blob still lies in the store.</summary>
    public static int Write(Span<byte> destination, in EccReplyHead head, EccVersion version, int valueBytes,
        ulong checksum, ReadOnlySpan<byte> blob)
    {
        var writer = new WireWriter(destination);
        head.Write(ref writer, EccTypes.FetchReply);
        if (!version.IsNone)
        {
            EccElement.WriteHeader(ref writer, version, valueBytes, checksum, blob.Length);
            writer.Raw(blob);
        }

        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccFetchReply reply)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        var head = EccReplyHead.Read(ref reader);
        reply = new EccFetchReply(head, reader.Remaining > 0 ? EccElement.Read(ref reader) : default);
        return reader.Complete && type == EccTypes.FetchReply && head.Fin.IsPlausible
            && reply.Element.IsWellFormed();
    }
}
