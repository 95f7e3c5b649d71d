using Testbed.Client.Links;
using Testbed.Wire;

namespace Testbed.Node;

/// <summary>
/// This node's outgoing streams, one to every other node; to those it was told of at its start, and to those that
/// are added later.
/// </summary>
internal sealed class PeerLinks : ILinkOwner, IAsyncDisposable
{
    // A peer that lets more than this wait is as good as cut off; the cores send again what it missed.
    private const long OutgoingLimitBytes = 64L * 1024 * 1024;

    private readonly ILinkOwner _loop;
    private readonly ILogger _log;
    private readonly NodeRuntime _node;
    private readonly LinkSettings _settings;
    private readonly Lock _lock = new();
    private readonly bool[] _isUp = new bool[Limits.Nodes];
    private readonly CancellationTokenSource _stop = new();

    // Under the lock. At most one per node and address it ever had.
    private readonly (string Address, CancellationTokenSource Stop)?[] _current =
        new (string, CancellationTokenSource)?[Limits.Nodes];
    private readonly List<(StreamLink Link, Task Task)> _links = [];

    public PeerLinks(NodeRuntime node, NodeLoop loop, ILogger log)
    {
        _loop = loop;
        _log = log;
        _node = node;
        _settings = new LinkSettings
        {
            Pool = node.Pool,
            Network = node.Network,
            Traffic = node.PeerTraffic,
            OutgoingLimitBytes = OutgoingLimitBytes,
            Seed = node.Options.Seed ^ ((ulong)node.Options.Id.Index << 32),
        };
        for (var peer = 0; peer < node.Options.Nodes.Count; peer++)
        {
            Open(new NodeId((byte)peer), node.Options.Nodes[peer]);
        }
    }

    /// <summary>Keeps a stream to a node at an address; one to a former address of it ends. Any thread.</summary>
    public void Open(NodeId peer, string address)
    {
        lock (_lock)
        {
            if (peer == _node.Options.Id || _stop.IsCancellationRequested
                || _current[peer.Index] is { } now && now.Address == address)
            {
                return;
            }

            _current[peer.Index]?.Stop.Cancel();
            var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            _current[peer.Index] = (address, stop);
            var link = new StreamLink(this, _settings, address, _node.Hello with { Target = peer });
            _links.Add((link, Task.Run(() => link.RunAsync(stop.Token))));
        }
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
        (StreamLink Link, Task Task)[] links;
        lock (_lock)
        {
            links = [.. _links];
        }

        await Task.WhenAll(links.Select(l => l.Task)).ConfigureAwait(false);
        foreach (var (link, _) in links)
        {
            link.Dispose();
        }

        foreach (var current in _current)
        {
            current?.Stop.Dispose();
        }

        _stop.Dispose();
    }
}
