using Testbed.Client.Links;
using Testbed.Ecc;
using Testbed.Wire;

namespace Testbed.Tests.EndToEnd.Ecc;

/// <summary>
/// A client whose messages reach the nodes one by one until it dies: the core of the real client, and streams
/// that break with it.
/// </summary>
internal sealed class DyingClient : IClientOutput
{
    private readonly EccClientCore _core;
    private readonly Queue<(int Node, byte[] Message)> _unsent = new();
    private byte[] _buffer = [];
    private int _to;

    private DyingClient(ulong seed)
    {
        _core = new EccClientCore(new EccClientOptions
        {
            Nodes = EccCluster.Nodes,
            DataElements = EccCluster.DataElements,
            Seed = seed,
            LeastHedgeMicros = (long)EccCluster.NoHedge.TotalMicroseconds,
            MaxInFlight = 1,
        });
        _core.Tick(
            new CoreTime(LoopClock.MonotonicMicros(TimeProvider.System), LoopClock.WallMicros(TimeProvider.System)), this);
        for (byte node = 0; node < EccCluster.Nodes; node++)
        {
            _core.LinkUp(new NodeId(node), this);
        }
    }

    /// <summary>
    /// Begins a put and dies when so many of its messages have been answered: of the five pre-writes, in the
    /// order of nodes, and then of the five that finalise.
    /// </summary>
    public static async Task PutAsync(EccCluster cluster, ulong seed, string name, byte[] value, int messages)
    {
        var client = new DyingClient(seed);
        client._core.Submit(0, new ClientOperation(KvKind.Put, Measured.Key(name), value, 0, long.MaxValue), client);
        var streams = new NodeStream?[EccCluster.Nodes];
        try
        {
            for (var sent = 0; sent < messages; sent++)
            {
                var (node, message) = client._unsent.Dequeue();
                Assert.Equal(sent % EccCluster.Nodes, node);
                var stream = streams[node] ??= await NodeStream.OpenAsync(cluster, node);
                Assert.True(client._core.Receive(new NodeId((byte)node), await stream.AskAsync(message), client));
            }
        }
        finally
        {
            foreach (var stream in streams)
            {
                if (stream is not null)
                {
                    await stream.DisposeAsync();
                }
            }
        }
    }

    public Span<byte> Begin(NodeId to, int maxBytes)
    {
        _to = to.Index;
        _buffer = new byte[maxBytes];
        return _buffer;
    }

    public void End(int writtenBytes) => _unsent.Enqueue((_to, _buffer[..writtenBytes]));

    public void Complete(int slot, in ClientResult result) => Assert.Equal(KvOutcome.Ok, result.Outcome);
}
