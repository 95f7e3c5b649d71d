using CsCheck;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

public sealed class RaftCodecTests
{
    [Fact]
    public void Messages_of_every_kind_survive_the_wire()
    {
        var number = Gen.ULong[1, RaftEntryCodec.Largest];
        Gen.Select(Gen.Int[16, 25], number, number, number, Gen.Bool, Gen.Byte).Sample((kind, a, b, c, yes, leader) =>
        {
            var message = Full((RaftMessageKind)kind, a, b, c, yes, leader);
            var bytes = new byte[RaftMessage.HeadBytes];
            var length = message.Write(bytes);
            Assert.True(RaftMessage.TryRead(bytes.AsMemory(0, length), out var read));
            var again = new byte[RaftMessage.HeadBytes];
            Assert.Equal(length, read.Write(again));
            Assert.Equal(bytes, again);
            Assert.Equal(message.Kind, read.Kind);
            for (var cut = 0; cut < length; cut++)
            {
                Assert.False(RaftMessage.TryRead(bytes.AsMemory(0, cut), out _));
            }
        }, iter: 500);
    }

    [Fact]
    public void Entries_survive_the_wire_and_a_flipped_structure_is_refused()
    {
        var entry = new byte[RaftEntryCodec.Bytes(RaftEntryKind.Put, 3, 5)];
        RaftEntryCodec.Write(entry, 7, 3, RaftEntryKind.Put, "key"u8, "value"u8);
        Assert.True(RaftEntryCodec.TryRead(entry, out var read));
        Assert.Equal((7UL, 3UL, RaftEntryKind.Put), (read.Index, read.Term, read.Kind));
        Assert.True(read.Key.SequenceEqual("key"u8) && read.Value.SequenceEqual("value"u8));
        Assert.True(RaftEntryCodec.IsRun(entry, 6, 3, 3));
        Assert.False(RaftEntryCodec.IsRun(entry, 5, 3, 3));
        Assert.False(RaftEntryCodec.IsRun(entry, 6, 4, 4));
        Assert.False(RaftEntryCodec.IsRun(entry, 6, 2, 2));
        Assert.False(RaftEntryCodec.IsRun(entry.AsSpan(0, entry.Length - 1), 6, 3, 3));
        entry[20] = 200;
        Assert.False(RaftEntryCodec.TryRead(entry, out _));
    }

    [Fact]
    public void Configurations_are_opaque_bytes_up_to_their_limit()
    {
        foreach (var (bytes, fits) in ((int, bool)[])
            [(0, true), (1, true), (RaftEntryCodec.ConfigurationBytes, true), (RaftEntryCodec.ConfigurationBytes + 1, false)])
        {
            var body = new byte[bytes];
            body.AsSpan().Fill(0xA5);
            var entry = new byte[RaftEntryCodec.Bytes(RaftEntryKind.Configuration, 0, bytes)];
            RaftEntryCodec.Write(entry, 7, 3, RaftEntryKind.Configuration, default, body);
            Assert.Equal(fits, RaftEntryCodec.TryRead(entry, out var read));
            Assert.True(!fits || read.Kind == RaftEntryKind.Configuration);
            Assert.True(read.Key.IsEmpty && (!fits || read.Value.SequenceEqual(body)));
        }
    }

    [Fact]
    public void Random_bytes_never_harm_a_node()
    {
        Gen.Select(Gen.Byte[14, 28], Gen.Byte.Array[0, 90], Gen.Bool).List[1, 30].Sample(inputs =>
        {
            var node = new TestNode(0, 3);
            foreach (var (type, bytes, client) in inputs)
            {
                node.Core.Receive(
                    client ? Endpoint.Client(5) : Endpoint.Peer(new NodeId(1)), (byte[])[type, .. bytes], node);
            }

            node.Core.Flush(node);
        }, iter: 1_000);
    }

    [Fact]
    public void Peers_that_no_cluster_can_have_are_refused()
    {
        var node = new TestNode(0, 3);
        var heartbeat = TestNode.Encode(new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        Assert.False(node.Core.Receive(Endpoint.Peer(new NodeId(0)), heartbeat, node));
        Assert.False(node.Core.Receive(Endpoint.Peer(new NodeId(Limits.Nodes)), heartbeat, node));
        Assert.False(node.Core.Receive(Endpoint.Client(1), heartbeat, node));
        Assert.True(node.Core.Receive(Endpoint.Peer(new NodeId(1)), heartbeat, node));
    }

    private static RaftMessage Full(RaftMessageKind kind, ulong a, ulong b, ulong c, bool yes, byte leader) => new()
    {
        Kind = kind, Term = ulong.Max(a, b), LogTerm = ulong.Min(a, b), Index = c, Commit = a, Trim = b, Round = c,
        Hint = a, Yes = yes, Leader = leader,
    };
}
