using System.Text;

namespace Testbed.Wire;

/// <summary>
/// The handshake: the only message of the first frame on a stream. The opener says who it is and what cluster
/// it believes in; the node answers with the same form about itself, or refuses the stream with a status that
/// says why.
/// </summary>
/// <param name="Version">Version of messages and framing.</param>
/// <param name="Strategy"><c>raft</c> or <c>ecc</c>.</param>
/// <param name="Nodes">Number of nodes in the cluster.</param>
/// <param name="DataElements">Data elements k of the ECC strategy; 0 for Raft.</param>
/// <param name="Sender">Whether a peer or a client speaks.</param>
/// <param name="SenderNode">The peer's id; 0 for clients.</param>
/// <param name="Target">The node that the opener means to reach; the answering node's own id.</param>
public readonly record struct FrameHello(
    byte Version, string Strategy, byte Nodes, byte DataElements, EndpointKind Sender, NodeId SenderNode,
    NodeId Target)
{
    /// <summary>Today's version.</summary>
    public const byte CurrentVersion = 4;

    /// <summary>Bytes that suffice for <see cref="Write"/>.</summary>
    public const int MaxBytes = 16 + MaxStrategyBytes;

    private const int MaxStrategyBytes = 16;

    /// <summary>Writes the message; returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        Span<byte> strategy = stackalloc byte[MaxStrategyBytes];
        var strategyBytes = Encoding.ASCII.GetBytes(Strategy, strategy);
        var writer = new WireWriter(destination);
        writer.U8(MessageTypes.Hello);
        writer.U8(Version);
        writer.U8(Nodes);
        writer.U8(DataElements);
        writer.U8((byte)Sender);
        writer.U8(SenderNode.Index);
        writer.U8(Target.Index);
        writer.Short(strategy[..strategyBytes]);
        return writer.Position;
    }

    /// <summary>The message as a whole frame.</summary>
    public byte[] ToFrame()
    {
        Span<byte> buffer = stackalloc byte[FrameReader.PrefixBytes + MaxBytes];
        var length = Write(buffer[FrameReader.PrefixBytes..]);
        new WireWriter(buffer).U32((uint)length);
        return buffer[..(FrameReader.PrefixBytes + length)].ToArray();
    }

    /// <summary>Reads a frame that holds this message and nothing else; false when it does not.</summary>
    public static bool TryReadFrame(ReadOnlyMemory<byte> frame, out FrameHello hello)
    {
        hello = default;
        var frames = new FrameReader(frame);
        return frames.TryNext(out var message) && message.Length + FrameReader.PrefixBytes == frame.Length
            && TryRead(message, out hello);
    }

    /// <summary>Reads the message; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out FrameHello hello)
    {
        var reader = new WireReader(message);
        var type = reader.U8();
        hello = new FrameHello(
            reader.U8(), "", reader.U8(), reader.U8(), (EndpointKind)reader.U8(), new NodeId(reader.U8()),
            new NodeId(reader.U8()));
        var strategy = reader.Short(MaxStrategyBytes).Span;
        hello = hello with { Strategy = Encoding.ASCII.GetString(strategy) };
        return reader.Complete && type == MessageTypes.Hello && hello.Sender <= EndpointKind.Client
            && strategy.IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0;
    }

    /// <summary>
    /// Why <paramref name="other"/>, who opened a stream to this node, must be refused; null when it fits.
    /// </summary>
    public string? Refusal(in FrameHello other)
    {
        if (other.Version != Version)
        {
            return $"wire version {other.Version} spoken to a node of version {Version}";
        }

        if (other.Strategy != Strategy || other.Nodes != Nodes || other.DataElements != DataElements)
        {
            return $"this cluster is {Shape(this)}, the caller expects {Shape(other)}";
        }

        if (other.Target != Target)
        {
            return $"this is node {Target}, the caller wants {other.Target}: "
                + "is the order of the addresses right?";
        }

        return other.Sender == EndpointKind.Peer
            && (other.SenderNode.Index >= (DataElements == 0 ? Limits.Nodes : Nodes) || other.SenderNode == Target)
            ? $"there is no peer {other.SenderNode}"
            : null;
    }

    private static string Shape(in FrameHello hello) => hello.DataElements == 0
        ? $"{hello.Strategy} with {hello.Nodes} nodes"
        : $"{hello.Strategy} ({hello.Nodes},{hello.DataElements})";
}
