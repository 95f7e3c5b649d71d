using Testbed.Ecc;
using Testbed.Erasure;
using Testbed.Tests.Unit.Support;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>
/// What a put sends: parity of wide codes is computed in one pass and copied, else element by element in place.
/// </summary>
public sealed class PutCodingTests
{
    public static TheoryData<int, int, int> Shapes
    {
        get
        {
            var shapes = new TheoryData<int, int, int>();
            foreach (var (nodes, dataElements) in new[] { (3, 1), (3, 2), (5, 3), (5, 2), (6, 4), (9, 6), (32, 20) })
            {
                foreach (var bytes in new[] { 0, 1, 65, 1000, 4096, 200_000, 3 * ParityElements.LimitBytes })
                {
                    shapes.Add(nodes, dataElements, bytes);
                }
            }

            return shapes;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_node_gets_its_element_whatever_is_in_memory_from_the_put_before(
        int nodes, int dataElements, int bytes)
    {
        var output = new SendingOutput(nodes);
        var client = Client(nodes, dataElements, output);
        foreach (var value in new[] { FailureTableTests.MakeValue(bytes), new byte[bytes] })
        {
            client.Submit(0, new ClientOperation(KvKind.Put, "key"u8.ToArray(), value, 0, 1_000_000), output);
            var width = bytes <= 64 ? 1 : dataElements;
            var code = new ReedSolomon(nodes, width);
            var expected = new byte[code.ElementBytes(bytes)];
            for (var node = 0; node < nodes; node++)
            {
                var preWrite = output.PreWriteOf(node);
                var index = new EccCode(nodes, dataElements).ElementIndex(node, EccCode.HashOf("key"u8));
                code.EncodeElement(value, index, expected);
                Assert.Equal(width, preWrite.Element.Version.Width);
                Assert.True(expected.AsSpan().SequenceEqual(preWrite.Element.Bytes.Span));
                Assert.Equal(Checksum.Of(value), preWrite.Element.ValueChecksum);
                Assert.Equal(Checksum.Of(preWrite.Element.Blob.Span), preWrite.Element.Checksum);
            }

            output.Finish(client);
        }
    }

    [Theory]
    [InlineData(5, 3)]
    [InlineData(9, 6)]
    public void Puts_allocate_nothing_once_their_memory_is_there(int nodes, int dataElements)
    {
        var output = new SendingOutput(nodes);
        var client = Client(nodes, dataElements, output);
        ReadOnlyMemory<byte> key = "key"u8.ToArray();
        ReadOnlyMemory<byte>[] values = [FailureTableTests.MakeValue(1024), FailureTableTests.MakeValue(10_000)];
        void Round()
        {
            foreach (var value in values)
            {
                client.Submit(0, new ClientOperation(KvKind.Put, key, value, 0, 1_000_000), output);
                output.Finish(client);
            }
        }

        Round();
        Assert.Equal(0, Allocation.Least(Round));
        Assert.Equal(client.Engine.Counters.Operations, client.Engine.Counters.WritesOfWidth[dataElements]);
    }

    private static EccClientCore Client(int nodes, int dataElements, SendingOutput output)
    {
        var client = new EccClientCore(new EccClientOptions
        {
            Nodes = nodes,
            DataElements = dataElements,
            Seed = 3,
            MaxInFlight = 1,
        });
        client.Tick(new CoreTime(1_000, 1_000_000), output);
        for (byte node = 0; node < nodes; node++)
        {
            client.LinkUp(new NodeId(node), output);
        }

        return client;
    }

    /// <summary>Keeps the last message to each node, in memory that is used again, and answers as they would.</summary>
    private sealed class SendingOutput(int nodes) : IClientOutput
    {
        private readonly byte[][] _buffers = [.. Enumerable.Repeat<byte[]>([], nodes)];
        private readonly int[] _lengths = new int[nodes];
        private readonly byte[] _reply = new byte[256];
        private int _to;
        private int _completed;

        public Span<byte> Begin(NodeId to, int maxBytes)
        {
            _to = to.Index;
            if (_buffers[_to].Length < maxBytes)
            {
                _buffers[_to] = new byte[maxBytes];
            }

            return _buffers[_to].AsSpan(0, maxBytes);
        }

        public void End(int writtenBytes) => _lengths[_to] = writtenBytes;

        public void Complete(int slot, in ClientResult result) =>
            _completed += result.Outcome == KvOutcome.Ok ? 1 : 0;

        internal EccPreWrite PreWriteOf(int node)
        {
            Assert.True(EccPreWrite.TryRead(_buffers[node].AsMemory(0, _lengths[node]), out var preWrite));
            return preWrite;
        }

        /// <summary>Acknowledges the put at every node, pre-write and finalise.</summary>
        internal void Finish(EccClientCore client)
        {
            var before = _completed;
            var version = PreWriteOf(0).Element.Version;
            var head = new EccReplyHead(PreWriteOf(0).OperationId, 0, true, default, EccVersion.None);
            for (byte node = 0; node < nodes; node++)
            {
                var length = new EccPreWriteAck(head, version, EccStoreStatus.Stored).Write(_reply);
                client.Receive(new NodeId(node), _reply.AsMemory(0, length), this);
            }

            for (byte node = 0; node < nodes && _completed == before; node++)
            {
                var length = EccFetchReply.Write(_reply, head with { Fin = version }, default, 0, 0, default);
                client.Receive(new NodeId(node), _reply.AsMemory(0, length), this);
            }

            Assert.True(_completed == before + 1, "the put did not complete");
        }
    }
}
