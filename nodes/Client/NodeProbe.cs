using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Testbed.Protos.V1;

namespace Testbed.Client;

/// <summary>
/// Asks one node how it is, over one connection that is kept; who asks once uses the static methods.
/// Thread-safe.
/// </summary>
public sealed class NodeProbe : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CollectionPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ResetPatience = TimeSpan.FromSeconds(10);

    private readonly GrpcChannel _channel;
    private readonly Health.HealthClient _health;
    private readonly NodeAdmin.NodeAdminClient _admin;

    /// <summary>
    /// A probe of the node at <paramref name="address"/> (host:port); connects when first asked.
    /// </summary>
    public NodeProbe(string address)
    {
        ArgumentException.ThrowIfNullOrEmpty(address);
        _channel = GrpcChannel.ForAddress("http://" + address, new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            HttpHandler = new SocketsHttpHandler
            {
                ConnectTimeout = Patience,
                UseProxy = false,
                // A node that is killed and comes back must be seen as soon as it listens: no connection
                // back-off.
                ConnectCallback = Links.CountingStream.ConnectAsync,
            },
        });
        _health = new Health.HealthClient(_channel);
        _admin = new NodeAdmin.NodeAdminClient(_channel);
    }

    /// <summary>True when the node at the address answers gRPC health with SERVING.</summary>
    public static async Task<bool> IsServingAsync(string address, CancellationToken cancel)
    {
        using var probe = new NodeProbe(address);
        return await probe.IsServingAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>
    /// Status of the node at the address by name; null when it does not answer within a second.
    /// </summary>
    public static async Task<IReadOnlyDictionary<string, string>?> StatusAsync(string address,
        CancellationToken cancel)
    {
        using var probe = new NodeProbe(address);
        return await probe.StatusAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>True when the node answers gRPC health with SERVING.</summary>
    public async Task<bool> IsServingAsync(CancellationToken cancel)
    {
        try
        {
            var call = _health.CheckAsync(new HealthCheckRequest(), Options(cancel));
            var answer = await call.ConfigureAwait(false);
            return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving;
        }
        catch (RpcException) when (!cancel.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>
    /// Role, positions, counters and byte accounting by name; null when the node does not answer within a
    /// second.
    /// </summary>
    public async Task<IReadOnlyDictionary<string, string>?> StatusAsync(CancellationToken cancel)
    {
        try
        {
            var answer = await _admin.StatusAsync(new StatusRequest(), Options(cancel)).ConfigureAwait(false);
            return new Dictionary<string, string>(answer.Values, StringComparer.Ordinal);
        }
        catch (RpcException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>
    /// Has the node collect its garbage, so that its figures of memory say what it holds. False when it does not
    /// answer within half a minute.
    /// </summary>
    public async Task<bool> CollectGarbageAsync(CancellationToken cancel)
    {
        try
        {
            var request = new StatusRequest { CollectGarbage = true };
            _ = await _admin.StatusAsync(request, Options(CollectionPatience, cancel)).ConfigureAwait(false);
            return true;
        }
        catch (RpcException) when (!cancel.IsCancellationRequested)
        {
            return false;
        }
        catch (RpcException)
        {
            throw new OperationCanceledException(cancel);
        }
    }

    /// <summary>
    /// Asks the node to change the members or hand over the leadership; it must lead. Never throws for what the node
    /// or the way to it can cause.
    /// </summary>
    /// <param name="change">What to do.</param>
    /// <param name="node">The node meant.</param>
    /// <param name="address">host:port of a node to be added; empty otherwise.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<MembersAnswer> ChangeMembersAsync(
        MembersChange change, int node, string address, CancellationToken cancel)
    {
        try
        {
            var request = new ChangeMembersRequest
            {
                Change = (ChangeMembersRequest.Types.Change)change, Node = (uint)node, Address = address,
            };
            var answer = await _admin.ChangeMembersAsync(request, Options(cancel)).ConfigureAwait(false);
            return new MembersAnswer(MembersOutcome.Agreed, answer.Text);
        }
        catch (RpcException refused) when (!cancel.IsCancellationRequested)
        {
            return new MembersAnswer(
                refused.StatusCode switch
                {
                    StatusCode.FailedPrecondition or StatusCode.Unavailable => MembersOutcome.AskAnother,
                    StatusCode.ResourceExhausted => MembersOutcome.AskLater,
                    StatusCode.DeadlineExceeded or StatusCode.Cancelled => MembersOutcome.AskLater,
                    _ => MembersOutcome.Refused,
                },
                refused.Status.Detail);
        }
    }

    /// <summary>
    /// Has the node of an ECC cluster give up all that it holds; null when it did, else one line that says why not or
    /// that it is not known. Never throws for what the node or the way to it can cause.
    /// </summary>
    /// <param name="incarnation">The node's, as its status shows it: another process keeps what it has.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<string?> ResetAsync(uint incarnation, CancellationToken cancel)
    {
        try
        {
            var request = new ResetRequest { Incarnation = incarnation };
            _ = await _admin.ResetAsync(request, Options(ResetPatience, cancel)).ConfigureAwait(false);
            return null;
        }
        catch (RpcException refused) when (!cancel.IsCancellationRequested)
        {
            return refused.Status.Detail;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    private static CallOptions Options(CancellationToken cancel) => Options(Patience, cancel);

    private static CallOptions Options(TimeSpan patience, CancellationToken cancel) =>
        new(deadline: TimeProvider.System.GetUtcNow().UtcDateTime + patience, cancellationToken: cancel);
}
