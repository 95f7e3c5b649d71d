using Testbed.Client.Links;
using Testbed.Wire;

namespace Testbed.Node;

/// <summary>This node's outgoing streams, one to every other node.</summary>
internal sealed class PeerLinks : ILinkOwner, IAsyncDisposable
{
    // A peer that lets more than this wait is as good as cut off; the cores send again what it missed.
    private const long OutgoingLimitBytes = 64L * 1024 * 1024;

    private readonly ILinkOwner _loop;
    private readonly ILogger _log;
    private readonly StreamLink[] _links;
    private readonly bool[] _isUp = new bool[Limits.Nodes];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _tasks;

    public PeerLinks(NodeRuntime node, NodeLoop loop, ILogger log)
    {
        _loop = loop;
        _log = log;
        var settings = new LinkSettings
        {
            Pool = node.Pool,
            Network = node.Network,
            Traffic = node.PeerTraffic,
            OutgoingLimitBytes = OutgoingLimitBytes,
            Seed = node.Options.Seed ^ ((ulong)node.Options.Id.Index << 32),
        };
        var self = node.Options.Id.Index;
        _links =
        [
            .. Enumerable.Range(0, node.Options.Nodes.Count).Where(peer => peer != self)
                .Select(peer => new StreamLink(this, settings, node.Options.Nodes[peer],
                    node.Hello with { Target = new NodeId((byte)peer) })),
        ];
        _tasks = [.. _links.Select(link => Task.Run(() => link.RunAsync(_stop.Token)))];
    }

    public void LinkUp(StreamLink link, Outbox outbox)
    {
        _isUp[link.Target.Index] = true;
        _log.PeerUp(link.Target.ToString());
        _loop.LinkUp(link, outbox);
    }

    public void Received(StreamLink link, ReadOnlyMemory<byte> frame) => _loop.Received(link, frame);

    // Attempts that fail while a peer is down are no news, neither for the log nor for the core.
    public void LinkDown(StreamLink link, string reason)
    {
        if (_isUp[link.Target.Index])
        {
            _isUp[link.Target.Index] = false;
            _log.PeerDown(link.Target.ToString(), reason);
            _loop.LinkDown(link, reason);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_tasks).ConfigureAwait(false);
        foreach (var link in _links)
        {
            link.Dispose();
        }

        _stop.Dispose();
    }
}
