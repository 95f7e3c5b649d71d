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
/// <param name="Evidence">What a Finalize rests on; nothing for a read.</param>
public readonly record struct EccFetch(
    ulong OperationId, ReadOnlyMemory<byte> Key, EccVersion Version, uint NodeMask, bool Pin, EccEvidence Evidence)
{
    /// <summary>Bytes that suffice.</summary>
    public static int MaxBytes(int keyBytes) => 37 + keyBytes;

    /// <summary>Writes the message; returns its length.</summary>
    public static int Write(Span<byte> destination, ulong operationId, ReadOnlySpan<byte> key,
        EccVersion version, uint nodeMask, bool pin, EccEvidence evidence = default)
    {
        var writer = new WireWriter(destination);
        writer.U8(version.IsNone ? EccTypes.Read : EccTypes.Finalize);
        writer.U64(operationId);
        writer.Short(key);
        if (!version.IsNone)
        {
            writer.U128(version.Value);
            evidence.Write(ref writer);
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
        var finalizes = type == EccTypes.Finalize;
        var version = finalizes ? new EccVersion(reader.U128()) : EccVersion.None;
        var evidence = finalizes ? EccEvidence.Read(ref reader) : default;
        fetch = new EccFetch(operationId, key, version, reader.U32(), reader.U8() != 0, evidence);
        return reader.Complete && !key.IsEmpty && version.IsPlausible
            && (type == EccTypes.Finalize ? !version.IsNone : type == EccTypes.Read);
    }
}

/// <summary>
/// Why a version may be finalised: a node acknowledged its pre-write to the writer, or showed it as finalised. Void,
/// and the Finalize with it, where a later incarnation of that node is known.
/// </summary>
/// <param name="Node">That node.</param>
/// <param name="Incarnation">Its incarnation in that acknowledgement.</param>
/// <param name="IsWriters">Sent by who wrote the version; nobody may have finalised it yet.</param>
public readonly record struct EccEvidence(int Node, uint Incarnation, bool IsWriters)
{
    /// <summary>A number no node has: the Finalize rests on nothing and only asks what is known.</summary>
    public const int NoNode = Limits.Nodes;

    private const byte WritersFlag = 0x80;

    /// <summary>Four bytes of incarnation follow; it is 0 without, as long as the node never lost its memory.</summary>
    private const byte IncarnationFlag = 0x40;

    internal void Write(ref WireWriter writer)
    {
        writer.U8((byte)(Node | (IsWriters ? WritersFlag : 0) | (Incarnation > 0 ? IncarnationFlag : 0)));
        if (Incarnation > 0)
        {
            writer.U32(Incarnation);
        }
    }

    internal static EccEvidence Read(ref WireReader reader)
    {
        var head = reader.U8();
        var incarnation = (head & IncarnationFlag) != 0 ? reader.U32() : 0;
        return new EccEvidence(head & (IncarnationFlag - 1), incarnation, (head & WritersFlag) != 0);
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
