using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace Testbed.Harness.Clusters;

/// <summary>Asks real nodes over gRPC.</summary>
internal sealed class GrpcNodeProbe : INodeProbe
{
    /// <summary>The one that is needed; it has no state.</summary>
    public static GrpcNodeProbe Instance { get; } = new();

    /// <inheritdoc/>
    public async Task<bool> IsServingAsync(string address, CancellationToken cancel)
    {
        using var channel = GrpcChannel.ForAddress("http://" + address);
        try
        {
            var reply = await new Health.HealthClient(channel)
                .CheckAsync(new HealthCheckRequest(), cancellationToken: cancel).ConfigureAwait(false);
            return reply.Status == HealthCheckResponse.Types.ServingStatus.Serving;
        }
        catch (RpcException)
        {
            cancel.ThrowIfCancellationRequested();
            return false;
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyDictionary<string, string>?> StatusAsync(string address, CancellationToken cancel) =>
        Task.FromResult<IReadOnlyDictionary<string, string>?>(null);
}
