using System.Buffers.Binary;

namespace Testbed.Wire;

/// <summary>How a node answered a pre-write.</summary>
public enum EccStoreStatus : byte
{
    /// <summary>It holds the element, durably at its level.</summary>
    Stored = 0,

    /// <summary>The version is not above its fin: nothing to store, which counts as stored.</summary>
    Superseded = 1,

    /// <summary>
    /// It does not hold the version to rename, or the element arrived damaged: send the element.
    /// </summary>
    NeedData = 2,

    /// <summary>A limit is reached; nothing was stored.</summary>
    Refused = 3,
}

/// <summary>
/// Asks a node to hold an element of a version that is not finalised yet, and for its vote.
/// </summary>
/// <param name="OperationId">Comes back in the reply.</param>
/// <param name="Key">1 to <see cref="Limits.KeyBytes"/> bytes.</param>
/// <param name="From">When not none: rename this held version, no element follows (retag).</param>
/// <param name="Element">Version and element.</param>
public readonly record struct EccPreWrite(
    ulong OperationId, ReadOnlyMemory<byte> Key, EccVersion From, EccElement Element)
{
    /// <summary>Bytes that suffice for a pre-write with a blob of that size.</summary>
    public static int MaxBytes(int keyBytes, int blobBytes) =>
        9 + 2 + keyBytes + 16 + EccElement.HeaderBytes + blobBytes;

    /// <summary>
    /// Writes everything but blob and its checksum; returns where the blob begins. The caller fills in
    /// <paramref name="blobBytes"/> bytes there and calls <see cref="Seal"/>.
    /// </summary>
    public static int Write(Span<byte> destination, ulong operationId, ReadOnlySpan<byte> key,
        EccVersion from,
        EccVersion version, int valueBytes, int blobBytes)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.PreWrite);
        writer.U64(operationId);
        writer.Short(key);
        writer.U128(from.Value);
        EccElement.WriteHeader(ref writer, version, valueBytes, 0, blobBytes);
        return writer.Position;
    }

    /// <summary>Enters the checksum of the blob that begins at <paramref name="blobOffset"/>.</summary>
    public static void Seal(Span<byte> message, int blobOffset, ulong checksum) =>
        BinaryPrimitives.WriteUInt64LittleEndian(message[(blobOffset - 12)..], checksum);

    /// <summary>Reads a message; false when it is malformed or breaks a limit.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccPreWrite preWrite)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        preWrite = new EccPreWrite(reader.U64(), reader.Short(Limits.KeyBytes),
            new EccVersion(reader.U128()),
            EccElement.Read(ref reader));
        var rename = !preWrite.From.IsNone;
        return reader.Complete && type == EccTypes.PreWrite && !preWrite.Key.IsEmpty
            && preWrite.Element.Exists
            && preWrite.From.IsPlausible && preWrite.Element.Version.IsPlausible
            && (rename ? preWrite.Element.Blob.IsEmpty : preWrite.Element.IsWellFormed());
    }
}

/// <summary>The answer to an <see cref="EccPreWrite"/>: store ack and vote in one.</summary>
/// <param name="Head">What every reply carries.</param>
/// <param name="Version">That of the pre-write.</param>
/// <param name="Status">What became of the element.</param>
public readonly record struct EccPreWriteAck(EccReplyHead Head, EccVersion Version, EccStoreStatus Status)
{
    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        Head.Write(ref writer, EccTypes.PreWriteAck);
        writer.U128(Version.Value);
        writer.U8((byte)Status);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccPreWriteAck ack)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        ack = new EccPreWriteAck(
            EccReplyHead.Read(ref reader), new EccVersion(reader.U128()), (EccStoreStatus)reader.U8());
        return reader.Complete && type == EccTypes.PreWriteAck && ack.Head.Fin.IsPlausible
            && ack.Version.IsPlausible && ack.Status <= EccStoreStatus.Refused;
    }
}

/// <summary>Takes back a pre-write that its writer never finalised and never will.</summary>
/// <param name="Key">The key.</param>
/// <param name="Version">All generations of this version's tag are dropped.</param>
public readonly record struct EccRetract(ReadOnlyMemory<byte> Key, EccVersion Version)
{
    /// <summary>Bytes that suffice.</summary>
    public int MaxBytes => 19 + Key.Length;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.Retract);
        writer.Short(Key.Span);
        writer.U128(Version.Value);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccRetract retract)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        retract = new EccRetract(reader.Short(Limits.KeyBytes), new EccVersion(reader.U128()));
        return reader.Complete && type == EccTypes.Retract && !retract.Key.IsEmpty
            && !retract.Version.IsNone;
    }
}
