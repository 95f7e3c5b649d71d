using System.Collections.Concurrent;
using Testbed.Harness.Clusters;

namespace Testbed.Harness.Runs;

/// <summary>
/// Watches nodes that came back until their own status says that they have what they missed.
/// </summary>
internal sealed class CatchUpWatch(ICluster cluster, RunClock clock)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);
    private const long PatienceNanos = 5_000_000_000;
    private readonly ConcurrentDictionary<int, long> _caughtUpNanos = new();
    private readonly ConcurrentDictionary<int, bool> _bySnapshot = new();
    private readonly ConcurrentDictionary<int, RebuildStatus> _rebuilds = new();
    private readonly ConcurrentDictionary<int, int> _newest = new();
    private readonly ConcurrentBag<Task> _watches = [];
    private volatile bool _allAreBack;
    private volatile bool _isLost;

    /// <summary>When the node had caught up after the fault with this id; null when it has not.</summary>
    public long? CaughtUpNanos(int faultId) => _caughtUpNanos.TryGetValue(faultId, out var nanos) ? nanos : null;

    /// <summary>True when the node's process had taken over a snapshot when it had caught up.</summary>
    public bool IsBySnapshot(int faultId) => _bySnapshot.GetValueOrDefault(faultId);

    /// <summary>
    /// How far the node was, when it was last asked, with what it had lost when it came back from the fault with this
    /// id; null when it had lost nothing.
    /// </summary>
    public RebuildStatus? Rebuild(int faultId) => _rebuilds.GetValueOrDefault(faultId);

    /// <summary>True when all nodes were back and one said that the cluster is LOST.</summary>
    public bool IsLost => _isLost;

    /// <summary>Begins to watch a node after its fault was healed.</summary>
    public void Begin(int faultId, int node, CancellationToken cancel)
    {
        _newest[node] = faultId;
        _watches.Add(Task.Run(() => WatchAsync(faultId, node, cancel), CancellationToken.None));
    }

    /// <summary>
    /// Waits until every watched node has caught up, or the token is cancelled. Every node is back by now, so a cluster
    /// that is LOST stays so: its nodes are not waited for.
    /// </summary>
    public Task WaitAsync()
    {
        _allAreBack = true;
        return Task.WhenAll(_watches);
    }

    /// <summary>
    /// True when the node says that it lacks nothing; asked again for a while, for on a busy machine one question may go
    /// without an answer in time.
    /// </summary>
    public async Task<bool> IsCaughtUpSoonAsync(int node, CancellationToken cancel)
    {
        var begun = clock.NowNanos;
        while (true)
        {
            var status = await cluster.StatusAsync(node, cancel).ConfigureAwait(false);
            var isCaughtUp = IsCaughtUp(status);
            if (isCaughtUp || RebuildStatus.Of(status) is { IsLost: true } || clock.NowNanos - begun > PatienceNanos)
            {
                return isCaughtUp;
            }

            await Task.Delay(Poll, cancel).ConfigureAwait(false);
        }
    }

    private async Task WatchAsync(int faultId, int node, CancellationToken cancel)
    {
        try
        {
            // A node under another fault since then never caught up after this one.
            while (_newest[node] == faultId)
            {
                var status = await cluster.StatusAsync(node, cancel).ConfigureAwait(false);
                var rebuild = RebuildStatus.Of(status);
                if (rebuild is { CameBackEmpty: true })
                {
                    _rebuilds[faultId] = rebuild;
                }

                if (IsCaughtUp(status))
                {
                    _caughtUpNanos[faultId] = clock.NowNanos;
                    _bySnapshot[faultId] = NodeStatus.Number(status, "snapshots_installed") > 0;
                    return;
                }

                if (_allAreBack && rebuild is { IsLost: true })
                {
                    _isLost = true;
                    return;
                }

                await Task.Delay(Poll, cancel).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Not caught up in time: the figure stays empty and the summary says so.
        }
    }

    private static bool IsCaughtUp(IReadOnlyDictionary<string, string>? status) =>
        NodeStatus.Text(status, "caught_up") == "1";
}
