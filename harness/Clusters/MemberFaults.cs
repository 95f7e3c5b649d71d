using Testbed.Faults;

namespace Testbed.Harness.Clusters;

/// <summary>Faults that are no faults of a machine: members that come, go and change places under load.</summary>
internal sealed class MemberFaults(Func<IReadOnlyList<string>> addresses, int nodes) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly MemberChanges _changes = new(addresses);

    /// <summary>Takes a node out, or hands it the leadership; returns evidence.</summary>
    public Task<string> InflictAsync(FaultKind kind, int node, CancellationToken cancel) => OneAtATimeAsync(
        () => kind == FaultKind.Transfer ? TransferAsync(node, cancel) : _changes.RemoveAsync(node, cancel), cancel);

    /// <summary>Takes a removed node in again; a transfer needs no undo.</summary>
    public Task<string> RelieveAsync(
        FaultKind kind, int node, Func<CancellationToken, Task> restartEmpty, CancellationToken cancel) =>
        kind == FaultKind.Transfer
            ? Task.FromResult("it leads until the next election")
            : OneAtATimeAsync(() => _changes.AddAsync(node, "", restartEmpty, _ => { }, cancel), cancel);

    /// <summary>The life of a node that votes now; 0 for none.</summary>
    public Task<long> VoterAsync(int node, CancellationToken cancel) => _changes.VoterAsync(node, cancel);

    /// <summary>Waits until a later life of the node votes.</summary>
    public Task<string> ReplacedAsync(int node, long former, CancellationToken cancel) =>
        _changes.ReplacedAsync(node, former, cancel);

    /// <inheritdoc/>
    public void Dispose()
    {
        _changes.Dispose();
        _gate.Dispose();
    }

    /// <summary>Whoever leads cannot take over from itself: then the next node does.</summary>
    private async Task<string> TransferAsync(int node, CancellationToken cancel)
    {
        var statuses = await Task.WhenAll(addresses().Select(a => Client.NodeProbe.StatusAsync(a, cancel)))
            .ConfigureAwait(false);
        return await _changes.TransferAsync(NodeStatus.Leader(statuses) == node ? (node + 1) % nodes : node, cancel)
            .ConfigureAwait(false);
    }

    private async Task<string> OneAtATimeAsync(Func<Task<string>> act, CancellationToken cancel)
    {
        await _gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return await act().ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }
}
