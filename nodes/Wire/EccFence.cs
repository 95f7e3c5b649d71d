using System.Buffers.Binary;

namespace Testbed.Wire;

/// <summary>
/// A list of fences: twelve bytes each, a client and the highest clock of it that is fenced. Versions that this
/// client made at or below that clock are finalised no more, unless somebody knows them as finalised.
/// </summary>
public static class EccFences
{
    /// <summary>Bytes of one fence.</summary>
    public const int EntryBytes = 12;

    /// <summary>Most fences a node keeps.</summary>
    public const int Most = 4_096;

    /// <summary>Bytes of the longest list.</summary>
    public const int MaxBytes = Most * EntryBytes;

    /// <summary>Writes one fence.</summary>
    public static void Write(Span<byte> destination, uint client, ulong hlc)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, client);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[4..], hlc);
    }

    /// <summary>Reads the fence at the head of the list.</summary>
    public static (uint Client, ulong Hlc) Read(ReadOnlySpan<byte> source) =>
        (BinaryPrimitives.ReadUInt32LittleEndian(source), BinaryPrimitives.ReadUInt64LittleEndian(source[4..]));
}

/// <summary>
/// "Finalise nothing more that this client wrote up to that clock; and which of these keys have got that far?"
/// </summary>
/// <param name="ExchangeId">Comes back in the reply.</param>
/// <param name="Incarnation">The sender's.</param>
/// <param name="Client">The client.</param>
/// <param name="Hlc">The clock.</param>
/// <param name="Known">The sender's crash vector, four bytes per node.</param>
/// <param name="Orphans">Keys and versions (<see cref="EccFinList"/>); none in the first round.</param>
public readonly record struct EccFence(
    ulong ExchangeId, uint Incarnation, uint Client, ulong Hlc, ReadOnlyMemory<byte> Known,
    ReadOnlyMemory<byte> Orphans)
{
    /// <summary>Bytes that suffice.</summary>
    public int MaxBytes => 30 + Known.Length + Orphans.Length;

    /// <summary>Nodes the crash vector names.</summary>
    public int Nodes => Known.Length / 4;

    /// <summary>The crash vector's entry of a node.</summary>
    public uint KnownOf(int node) => BinaryPrimitives.ReadUInt32LittleEndian(Known.Span[(node * 4)..]);

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.Fence);
        writer.U64(ExchangeId);
        writer.U32(Incarnation);
        writer.U32(Client);
        writer.U64(Hlc);
        writer.U8((byte)Nodes);
        writer.Raw(Known.Span);
        writer.Long(Orphans.Span);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccFence fence)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        var (exchange, incarnation, client, hlc) = (reader.U64(), reader.U32(), reader.U32(), reader.U64());
        var nodes = reader.U8();
        var known = reader.Raw(nodes <= Limits.Nodes ? nodes * 4 : -1);
        fence = new EccFence(exchange, incarnation, client, hlc, known, reader.Long(Limits.MessageBytes));
        return reader.Complete && type == EccTypes.Fence && EccFinList.IsWellFormed(fence.Orphans);
    }
}

/// <summary>The answer to an <see cref="EccFence"/>.</summary>
/// <param name="Head">
/// As in every reply: ready where the fence holds here and this node votes about every key; fin is none.
/// </param>
/// <param name="Reached">
/// A byte per key that was asked for: 1 where fin is not below the version's tag, else 0.
/// </param>
public readonly record struct EccFenceReply(EccReplyHead Head, ReadOnlyMemory<byte> Reached)
{
    /// <summary>Bytes that suffice.</summary>
    public int MaxBytes => EccReplyHead.MaxBytes + 4 + Reached.Length;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        Head.Write(ref writer, EccTypes.FenceReply);
        writer.Long(Reached.Span);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccFenceReply reply)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        reply = new EccFenceReply(EccReplyHead.Read(ref reader), reader.Long(Limits.MessageBytes));
        return reader.Complete && type == EccTypes.FenceReply;
    }
}
