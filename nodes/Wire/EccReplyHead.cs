using System.Buffers.Binary;

namespace Testbed.Wire;

/// <summary>What every reply of an ECC node carries.</summary>
/// <param name="OperationId">That of the request.</param>
/// <param name="Incarnation">
/// How often the node started without its memory; an ack below a known one is void.
/// </param>
/// <param name="Ready">True when its fin may be counted as a vote.</param>
/// <param name="Known">
/// Crash vector: per node four bytes, the highest incarnation the replier knows. Empty stands for all zero.
/// </param>
/// <param name="Fin">Highest finalised version of the key that the replier knows.</param>
public readonly record struct EccReplyHead(
    ulong OperationId, uint Incarnation, bool Ready, ReadOnlyMemory<byte> Known, EccVersion Fin)
{
    /// <summary>Bytes that suffice for any head, the type byte included.</summary>
    public const int MaxBytes = 31 + (4 * Limits.Nodes);

    /// <summary>Nodes the crash vector names.</summary>
    public int KnownCount => Known.Length / 4;

    /// <summary>The crash vector's entry of a node.</summary>
    public uint KnownOf(int node) => BinaryPrimitives.ReadUInt32LittleEndian(Known.Span[(node * 4)..]);

    internal void Write(ref WireWriter writer, byte type)
    {
        writer.U8(type);
        writer.U64(OperationId);
        writer.U32(Incarnation);
        writer.U8(Ready ? (byte)1 : (byte)0);
        writer.U8((byte)KnownCount);
        writer.Raw(Known.Span);
        writer.U128(Fin.Value);
    }

    /// <summary>Reads what follows the type byte.</summary>
    internal static EccReplyHead Read(ref WireReader reader)
    {
        var operationId = reader.U64();
        var incarnation = reader.U32();
        var ready = reader.U8() != 0;
        var count = reader.U8();
        var known = count <= Limits.Nodes ? reader.Raw(count * 4) : reader.Raw(-1);
        return new EccReplyHead(operationId, incarnation, ready, known, new EccVersion(reader.U128()));
    }
}
