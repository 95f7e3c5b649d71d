using System.Collections.Concurrent;
using Testbed.Client.Links;
using Testbed.Node.Disk;
using Testbed.Node.Server;
using Testbed.Wire;

namespace Testbed.Node;

/// <summary>
/// What the parts of one node process share. The gRPC services meet the loop here once it is there.
/// </summary>
internal sealed class NodeRuntime(NodeOptions options, TimeProvider time, CancellationToken stopping)
{
    private readonly ConcurrentDictionary<NodeId, ServerStream> _peerStreams = new();
    private readonly long _started = time.GetTimestamp();
    private int _lastClientId = UnaryCalls.ClientId;
    private NodeLoop? _loop;
    private UnaryCalls? _unary;

    public NodeOptions Options { get; } = options;

    public TimeProvider Time { get; } = time;

    /// <summary>Cancelled when the node begins to stop.</summary>
    public CancellationToken Stopping { get; } = stopping;

    /// <summary>Buffers of outgoing frames.</summary>
    public BufferPool Pool { get; } = new();

    /// <summary>Bytes of all sockets.</summary>
    public ByteCounters Network { get; } = new();

    /// <summary>Bytes of frames from and to peers.</summary>
    public ByteCounters PeerTraffic { get; } = new();

    /// <summary>Bytes of frames from and to clients.</summary>
    public ByteCounters ClientTraffic { get; } = new();

    /// <summary>What this node answers in handshakes.</summary>
    public FrameHello Hello { get; } = new(FrameHello.CurrentVersion, options.Strategy,
        (byte)options.Founders,
        (byte)options.DataElements, EndpointKind.Peer, options.Id, options.Id);

    /// <summary>The loop; null while the node recovers its log.</summary>
    public NodeLoop? Loop => Volatile.Read(ref _loop);

    /// <summary>The unary calls; null while the node recovers its log.</summary>
    public UnaryCalls? Unary => Volatile.Read(ref _unary);

    /// <summary>The log; null while the node recovers it.</summary>
    public INodeLog? Log { get; private set; }

    /// <summary>Time since the process began to work.</summary>
    public TimeSpan Uptime => Time.GetElapsedTime(_started);

    /// <summary>A number for a client stream, never used twice.</summary>
    public int NextClientId() => Interlocked.Increment(ref _lastClientId);

    /// <summary>Opens the node to streams and calls.</summary>
    public void Ready(NodeLoop loop, UnaryCalls unary, INodeLog log)
    {
        Log = log;
        Volatile.Write(ref _unary, unary);
        Volatile.Write(ref _loop, loop);
    }

    /// <summary>Lets one stream per peer live: a newer one means that the peer gave up the older.</summary>
    public void Replace(ServerStream stream)
    {
        if (stream.Endpoint.Kind != EndpointKind.Peer)
        {
            return;
        }

        ServerStream? older = null;
        _peerStreams.AddOrUpdate(stream.Endpoint.Node, stream, (_, present) =>
        {
            older = present;
            return stream;
        });
        older?.Fail("the peer has opened another stream");
    }

    /// <summary>Forgets a stream that has ended.</summary>
    public void Forget(ServerStream stream)
    {
        if (stream.Endpoint.Kind == EndpointKind.Peer)
        {
            _peerStreams.TryRemove(KeyValuePair.Create(stream.Endpoint.Node, stream));
        }
    }
}
