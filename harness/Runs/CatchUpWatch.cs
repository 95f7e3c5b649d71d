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
    private readonly ConcurrentBag<Task> _watches = [];

    /// <summary>When the node had caught up after the fault with this id; null when it has not.</summary>
    public long? CaughtUpNanos(int faultId) => _caughtUpNanos.TryGetValue(faultId, out var nanos) ? nanos : null;

    /// <summary>Begins to watch a node after its fault was healed.</summary>
    public void Begin(int faultId, int node, CancellationToken cancel) =>
        _watches.Add(Task.Run(() => WatchAsync(faultId, node, cancel), CancellationToken.None));

    /// <summary>Waits until every watched node has caught up, or the token is cancelled.</summary>
    public Task WaitAsync() => Task.WhenAll(_watches);

    /// <summary>True when the node says now that it lacks nothing.</summary>
    public async Task<bool> IsCaughtUpAsync(int node, CancellationToken cancel)
    {
        var status = await cluster.StatusAsync(node, cancel).ConfigureAwait(false);
        return status is not null && status.TryGetValue("caught_up", out var value) && value == "1";
    }

    /// <summary>
    /// The same, asked again for a while: on a busy machine one question may go without an answer in time.
    /// </summary>
    public async Task<bool> IsCaughtUpSoonAsync(int node, CancellationToken cancel)
    {
        var begun = clock.NowNanos;
        while (!await IsCaughtUpAsync(node, cancel).ConfigureAwait(false))
        {
            if (clock.NowNanos - begun > PatienceNanos)
            {
                return false;
            }

            await Task.Delay(Poll, cancel).ConfigureAwait(false);
        }

        return true;
    }

    private async Task WatchAsync(int faultId, int node, CancellationToken cancel)
    {
        try
        {
            while (!await IsCaughtUpAsync(node, cancel).ConfigureAwait(false))
            {
                await Task.Delay(Poll, cancel).ConfigureAwait(false);
            }

            _caughtUpNanos[faultId] = clock.NowNanos;
        }
        catch (OperationCanceledException)
        {
            // Not caught up in time: the figure stays empty and the summary says so.
        }
    }
}
