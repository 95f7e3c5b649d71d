using System.Collections.Concurrent;
using Grpc.Core;
using Testbed.Client;

namespace Testbed.Harness.Clusters;

/// <summary>
/// Asks real nodes over gRPC, over one kept connection each, so that a sample costs one small round trip.
/// </summary>
internal sealed class GrpcNodeProbe : INodeProbe, IDisposable
{
    private readonly ConcurrentDictionary<string, NodeProbe> _probes = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public async Task<bool> IsServingAsync(string address, CancellationToken cancel)
    {
        try
        {
            return await ProbeOf(address).IsServingAsync(cancel).ConfigureAwait(false);
        }
        catch (RpcException)
        {
            throw new OperationCanceledException(cancel);
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<string, string>?> StatusAsync(string address, CancellationToken cancel)
    {
        try
        {
            return await ProbeOf(address).StatusAsync(cancel).ConfigureAwait(false);
        }
        catch (RpcException)
        {
            throw new OperationCanceledException(cancel);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var probe in _probes.Values)
        {
            probe.Dispose();
        }
    }

    private NodeProbe ProbeOf(string address) => _probes.GetOrAdd(address, static a => new NodeProbe(a));
}
