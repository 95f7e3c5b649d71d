using System.Buffers.Binary;

namespace Testbed.Wire;

/// <summary>How far a node is on its way from an empty memory to votes.</summary>
public enum EccStanding : byte
{
    /// <summary>It has no registered incarnation and acknowledges nothing.</summary>
    Starting = 0,

    /// <summary>Its store and finalise acks count; it votes in the slots that it has recovered.</summary>
    Recovering = 1,

    /// <summary>It votes on every key.</summary>
    Ready = 2,
}

/// <summary>
/// "I am a process of this node number that has lost its memory": asks a peer to remember the incarnation,
/// so that whatever an earlier one acknowledged is void from then on.
/// </summary>
/// <param name="Incarnation">The incarnation the sender would take.</param>
/// <param name="Nonce">Random, one per process: tells two processes with the same idea apart.</param>
public readonly record struct EccRegister(uint Incarnation, ulong Nonce)
{
    /// <summary>No node restarts that often; a higher number is refused.</summary>
    public const uint MostIncarnations = 1 << 30;

    /// <summary>Bytes of the message.</summary>
    public const int Bytes = 13;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.Register);
        writer.U32(Incarnation);
        writer.U64(Nonce);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccRegister register)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        register = new EccRegister(reader.U32(), reader.U64());
        return reader.Complete && type == EccTypes.Register && register.Incarnation < MostIncarnations;
    }
}

/// <summary>The answer to an <see cref="EccRegister"/>.</summary>
/// <param name="Asked">The message that is answered.</param>
/// <param name="Own">The replier's own incarnation and nonce, tentative while it is STARTING.</param>
/// <param name="Standing">Where the replier stands.</param>
/// <param name="Fresh">The replier never voted and knows of no earlier process that did.</param>
/// <param name="Known">The replier's crash vector, four bytes per node, the asker's entry included.</param>
/// <param name="Nonces">Per node, eight bytes, the nonce of the process behind the known incarnation.</param>
/// <param name="Founders">
/// Eight bytes per node: nonces of the processes that were all fresh at once and so began the cluster. Empty
/// when the replier knows of no such moment.
/// </param>
/// <param name="Fences">Every fence the replier knows of (<see cref="EccFences"/>).</param>
public readonly record struct EccRegisterReply(
    EccRegister Asked, EccRegister Own, EccStanding Standing, bool Fresh, ReadOnlyMemory<byte> Known,
    ReadOnlyMemory<byte> Nonces, ReadOnlyMemory<byte> Founders, ReadOnlyMemory<byte> Fences)
{
    /// <summary>Bytes that suffice.</summary>
    public int MaxBytes => 34 + (20 * Limits.Nodes) + Fences.Length;

    /// <summary>Nodes the reply tells about.</summary>
    public int Nodes => Known.Length / 4;

    /// <summary>The crash vector's entry of a node.</summary>
    public uint KnownOf(int node) => BinaryPrimitives.ReadUInt32LittleEndian(Known.Span[(node * 4)..]);

    /// <summary>The nonce behind that entry; 0: none known.</summary>
    public ulong NonceOf(int node) => BinaryPrimitives.ReadUInt64LittleEndian(Nonces.Span[(node * 8)..]);

    /// <summary>The nonce of a founder.</summary>
    public ulong FounderOf(int node) => BinaryPrimitives.ReadUInt64LittleEndian(Founders.Span[(node * 8)..]);

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.RegisterReply);
        writer.U32(Asked.Incarnation);
        writer.U64(Asked.Nonce);
        writer.U32(Own.Incarnation);
        writer.U64(Own.Nonce);
        writer.U8((byte)Standing);
        writer.U8(Fresh ? (byte)1 : (byte)0);
        writer.U8((byte)Nodes);
        writer.Raw(Known.Span);
        writer.Raw(Nonces.Span);
        writer.U8(Founders.IsEmpty ? (byte)0 : (byte)1);
        writer.Raw(Founders.Span);
        writer.Long(Fences.Span);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccRegisterReply reply)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        var asked = new EccRegister(reader.U32(), reader.U64());
        var own = new EccRegister(reader.U32(), reader.U64());
        var standing = (EccStanding)reader.U8();
        var fresh = reader.U8() != 0;
        var nodes = reader.U8();
        nodes = nodes <= Limits.Nodes ? nodes : (byte)0;
        var known = reader.Raw(nodes * 4);
        var nonces = reader.Raw(nodes * 8);
        var founders = reader.U8() != 0 ? reader.Raw(nodes * 8) : default;
        reply = new EccRegisterReply(asked, own, standing, fresh, known, nonces, founders,
            reader.Long(EccFences.MaxBytes));
        return reader.Complete && type == EccTypes.RegisterReply && nodes > 0
            && standing <= EccStanding.Ready && reply.Fences.Length % EccFences.EntryBytes == 0;
    }
}

/// <summary>"My node and more than f others are empty": the operation cannot succeed until that changes.</summary>
/// <param name="OperationId">That of the request.</param>
public readonly record struct EccRefusal(ulong OperationId)
{
    /// <summary>Bytes of the message.</summary>
    public const int Bytes = 9;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.Refusal);
        writer.U64(OperationId);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccRefusal refusal)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        refusal = new EccRefusal(reader.U64());
        return reader.Complete && type == EccTypes.Refusal;
    }
}

/// <summary>
/// The operator gives up what a LOST cluster held: the node forgets everything and takes part in founding the
/// cluster anew. Every node needs one. The answer is a <see cref="KvReply"/>: ok once the data are given up, for
/// good where anything is kept for good, or rejected.
/// </summary>
/// <param name="CorrelationId">Comes back in the answer.</param>
/// <param name="Incarnation">That of the node, as its status shows it: one for another process is rejected.</param>
public readonly record struct EccReset(ulong CorrelationId, uint Incarnation)
{
    /// <summary>Bytes of the message.</summary>
    public const int Bytes = 13;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8(EccTypes.Reset);
        writer.U64(CorrelationId);
        writer.U32(Incarnation);
        return writer.Position;
    }

    /// <summary>Reads a message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out EccReset reset)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        reset = new EccReset(reader.U64(), reader.U32());
        return reader.Complete && type == EccTypes.Reset;
    }
}
