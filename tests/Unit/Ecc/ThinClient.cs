using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>Sends whole operations to one node, as the host does for unary calls.</summary>
internal sealed class ThinClient(PumpNode node)
{
    private const int Connection = 900;
    private ulong _correlation;

    internal KvReply Ask(EccPump pump, KvKind kind, byte[] key, byte[]? value = null, int limit = 0)
    {
        var request = new KvRequest(++_correlation, kind, key, value ?? [], limit, 1_000_000);
        var buffer = new byte[request.MaxBytes];
        var length = request.Write(buffer);
        KvReply? reply = null;
        pump.ThinReply = message =>
        {
            Assert.True(KvReply.TryRead(message, out var read));
            Assert.Equal(_correlation, read.CorrelationId);
            reply = read;
        };
        node.Run(core => Assert.True(core.Receive(Endpoint.Client(Connection), buffer.AsMemory(0, length),
            node)));
        pump.RunUntil(() => reply is not null, 2_000_000);
        return reply!.Value;
    }
}
