using Testbed.Faults;
using Testbed.Injectors;
using Testbed.Results;

namespace Testbed.Harness.Clusters;

/// <summary>
/// A cluster that runs already and is not ours: it is asked and measured, never harmed, started or stopped.
/// All figures are what its nodes say of themselves.
/// </summary>
internal sealed class AttachedCluster : ICluster
{
    private const string NotOurs = "a cluster that is only attached to is not ours to start, stop or harm";

    // A sample must not hold up the next; a figure that decides something may take longer.
    private static readonly TimeSpan SampleLimit = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan StatusLimit = TimeSpan.FromSeconds(1);

    private readonly INodeProbe _probe;
    private readonly IDisposable? _ownProbe;

    /// <summary>A cluster whose nodes listen at these addresses, in node order.</summary>
    public AttachedCluster(IReadOnlyList<string> addresses, INodeProbe? probe = null)
    {
        Addresses = addresses;
        var own = probe is null ? new GrpcNodeProbe() : null;
        _ownProbe = own;
        _probe = probe ?? own!;
    }

    /// <summary>Never raised: why a node of others ended cannot be known from here.</summary>
    public event Action<int, string>? UnexpectedExit
    {
        add { }
        remove { }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Addresses { get; }

    /// <inheritdoc/>
    public int Count => Addresses.Count;

    /// <inheritdoc/>
    public Task<string> KillAsync(int node, CancellationToken cancel) => throw new NodeControlException(NotOurs);

    /// <inheritdoc/>
    public Task<string> StopAsync(int node, CancellationToken cancel) => throw new NodeControlException(NotOurs);

    /// <inheritdoc/>
    public Task<string> PauseAsync(int node, CancellationToken cancel) => throw new NodeControlException(NotOurs);

    /// <inheritdoc/>
    public Task<string> ResumeAsync(int node, CancellationToken cancel) => throw new NodeControlException(NotOurs);

    /// <inheritdoc/>
    public Task<string> StartAsync(int node, CancellationToken cancel) => throw new NodeControlException(NotOurs);

    /// <inheritdoc/>
    public Task<string> InflictAsync(PlannedFault fault, int node, CancellationToken cancel) =>
        throw new NodeControlException(NotOurs);

    /// <inheritdoc/>
    public Task<string> RelieveAsync(PlannedFault fault, int node, CancellationToken cancel) =>
        throw new NodeControlException(NotOurs);

    /// <inheritdoc/>
    public async Task<int?> LeaderAsync(CancellationToken cancel) =>
        NodeStatus.Leader(await Task.WhenAll(
            Enumerable.Range(0, Count).Select(i => StatusAsync(i, cancel))).ConfigureAwait(false));

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<string, string>?> StatusAsync(int node, CancellationToken cancel) =>
        (await AskAsync(Addresses[node], StatusLimit, cancel).ConfigureAwait(false)).Status;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<NodeRow>> SampleAsync(CancellationToken cancel) =>
        await Task.WhenAll(Enumerable.Range(0, Count).Select(i => SampleAsync(i, cancel))).ConfigureAwait(false);

    /// <summary>Lets go of the connections; the cluster stays as it is.</summary>
    public ValueTask DisposeAsync()
    {
        _ownProbe?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<NodeRow> SampleAsync(int node, CancellationToken cancel)
    {
        var (status, state) = await AskAsync(Addresses[node], SampleLimit, cancel).ConfigureAwait(false);
        return NodeStatus.Row(FormattableString.Invariant($"n{node}"), state, NodeStatus.Use(status), status);
    }

    /// <summary>
    /// What a node says and how it is: one that refuses is down; one that takes too long may be paused, cut off
    /// or only busy, which nobody can tell from here.
    /// </summary>
    private async Task<(IReadOnlyDictionary<string, string>? Status, string State)> AskAsync(
        string address, TimeSpan patience, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(patience);
        try
        {
            var status = await _probe.StatusAsync(address, limit.Token).ConfigureAwait(false);
            return (status, status is null ? "down" : "up");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (null, "unknown");
        }
    }
}
