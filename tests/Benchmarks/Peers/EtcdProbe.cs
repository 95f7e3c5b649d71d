using System.Collections.Concurrent;
using System.Globalization;
using Grpc.Core;
using Grpc.Net.Client;
using Testbed.Harness.Clusters;

namespace Testbed.Benchmarks.Peers;

/// <summary>Asks etcd servers how they are, in the words our nodes use.</summary>
internal sealed class EtcdProbe : INodeProbe, IDisposable
{
    private readonly ConcurrentDictionary<string, GrpcChannel> _channels = new(StringComparer.Ordinal);

    /// <summary>True when the server knows a leader: before that it serves nothing.</summary>
    public async Task<bool> IsServingAsync(string address, CancellationToken cancel) =>
        await AskAsync(address, cancel).ConfigureAwait(false) is { Leader: not 0 };

    public async Task<IReadOnlyDictionary<string, string>?> StatusAsync(string address, CancellationToken cancel)
    {
        if (await AskAsync(address, cancel).ConfigureAwait(false) is not { } status)
        {
            return null;
        }

        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["role"] = status.Leader != 0 && status.Leader == status.Header.MemberId ? "leader" : "follower",
            ["term"] = status.Header.RaftTerm.ToString(CultureInfo.InvariantCulture),
            ["leader"] = status.Leader.ToString(CultureInfo.InvariantCulture),
        };
    }

    public void Dispose()
    {
        foreach (var channel in _channels.Values)
        {
            channel.Dispose();
        }
    }

    private async Task<Etcd.StatusResponse?> AskAsync(string address, CancellationToken cancel)
    {
        var channel = _channels.GetOrAdd(address, static a => KvCalls.Open(a));
        try
        {
            return await new Etcd.Maintenance.MaintenanceClient(channel)
                .StatusAsync(new Etcd.StatusRequest(), cancellationToken: cancel).ConfigureAwait(false);
        }
        catch (RpcException)
        {
            cancel.ThrowIfCancellationRequested();
            return null;
        }
    }
}
