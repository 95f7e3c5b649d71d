using System.Diagnostics;
using System.Globalization;
using Testbed.Harness.Clusters;

namespace Testbed.Benchmarks.Peers;

/// <summary>What all servers of a cluster have used so far.</summary>
internal readonly record struct ServerUse(double CpuSeconds, long DiskWriteBytes);

/// <summary>A cluster of either system; disposing ends its servers and removes their data.</summary>
internal abstract class PeerCluster : IAsyncDisposable
{
    private static readonly TimeSpan LeaderLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LeaderPoll = TimeSpan.FromMilliseconds(20);

    /// <summary>host:port of each node.</summary>
    public abstract IReadOnlyList<string> Addresses { get; }

    /// <summary>Calls to one node over a connection of their own.</summary>
    public abstract KvCalls Connect(int node);

    /// <summary>The node that leads now; null when none is known.</summary>
    public async Task<int?> LeaderAsync(CancellationToken cancel) =>
        NodeStatus.Leader(await StatusesAsync(cancel).ConfigureAwait(false));

    /// <summary>The highest term a living node knows; 0 when none answers.</summary>
    public async Task<long> TermAsync(CancellationToken cancel) =>
        (await StatusesAsync(cancel).ConfigureAwait(false)).Max(status => NodeStatus.Number(status, "term") ?? 0);

    /// <summary>What each node says of itself, in the words of our nodes; null where it does not answer.</summary>
    protected abstract Task<IReadOnlyDictionary<string, string>?[]> StatusesAsync(CancellationToken cancel);

    /// <summary>SIGKILL; the signal is sent before this first waits.</summary>
    public abstract Task KillAsync(int node, CancellationToken cancel);

    /// <summary>Starts a killed node on its data; returns when it serves.</summary>
    public abstract Task StartAsync(int node, CancellationToken cancel);

    /// <summary>Use of all living servers.</summary>
    public abstract Task<ServerUse> UseAsync(CancellationToken cancel);

    public abstract ValueTask DisposeAsync();

    /// <summary>Waits for a leader; throws when there is none in time.</summary>
    public async Task<int> WaitForLeaderAsync(CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            if (await LeaderAsync(cancel).ConfigureAwait(false) is { } leader)
            {
                return leader;
            }

            if (Stopwatch.GetElapsedTime(begun) > LeaderLimit)
            {
                throw new TimeoutException(string.Create(
                    CultureInfo.InvariantCulture, $"no leader within {LeaderLimit.TotalSeconds} s"));
            }

            await Task.Delay(LeaderPoll, cancel).ConfigureAwait(false);
        }
    }
}
