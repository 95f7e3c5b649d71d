using CsCheck;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Wire;

public sealed class FrameHelloTests
{
    private static readonly FrameHello Node =
        new(FrameHello.CurrentVersion, "ecc", 5, 3, EndpointKind.Peer, new NodeId(2), new NodeId(2));

    private static readonly FrameHello Client =
        new(FrameHello.CurrentVersion, "ecc", 5, 3, EndpointKind.Client, new NodeId(0), new NodeId(2));

    [Fact]
    public void It_survives_the_wire() =>
        Gen.Select(Gen.Byte, Gen.Char[' ', '~'].Array[0, 16], Gen.Byte, Gen.Byte, Gen.Bool, Gen.Byte,
            Gen.Byte)
            .Sample((version, strategy, nodes, k, peer, sender, target) =>
            {
                var hello = new FrameHello(version, new string(strategy), nodes, k,
                    peer ? EndpointKind.Peer : EndpointKind.Client, new NodeId(sender), new NodeId(target));
                Assert.True(FrameHello.TryReadFrame(hello.ToFrame(), out var read));
                Assert.Equal(hello, read);
            }, iter: 1_000);

    [Fact]
    public void Any_bytes_are_read_or_refused_without_an_exception() =>
        Gen.Byte.Array[0, 40].Sample(bytes =>
        {
            bytes = [MessageTypes.Hello, .. bytes];
            if (FrameHello.TryRead(bytes, out var hello))
            {
                Assert.Equal(bytes.Length, hello.Write(new byte[FrameHello.MaxBytes]));
            }
        }, iter: 5_000);

    [Fact]
    public void A_frame_with_more_than_the_handshake_is_refused() =>
        Assert.False(FrameHello.TryReadFrame((byte[])[.. Client.ToFrame(), 1, 0, 0, 0, 7], out _));

    [Fact]
    public void A_fitting_client_and_a_fitting_peer_are_let_in()
    {
        Assert.Null(Node.Refusal(Client));
        Assert.Null(Node.Refusal(Client with { Sender = EndpointKind.Peer, SenderNode = new NodeId(4) }));
    }

    [Fact]
    public void Who_expects_something_else_is_told_what_is_here()
    {
        Assert.Equal("this cluster is ecc (5,3), the caller expects raft with 5 nodes",
            Node.Refusal(Client with { Strategy = "raft", DataElements = 0 }));
        Assert.Equal("this cluster is ecc (5,3), the caller expects ecc (5,2)",
            Node.Refusal(Client with { DataElements = 2 }));
        Assert.Equal("wire version 9 spoken to a node of version 4",
            Node.Refusal(Client with { Version = 9 }));
        Assert.Equal("this is node n2, the caller wants n1: is the order of the addresses right?",
            Node.Refusal(Client with { Target = new NodeId(1) }));
        Assert.Equal("there is no peer n7",
            Node.Refusal(Client with { Sender = EndpointKind.Peer, SenderNode = new NodeId(7) }));
        Assert.Equal("there is no peer n2",
            Node.Refusal(Client with { Sender = EndpointKind.Peer, SenderNode = new NodeId(2) }));
    }
}
