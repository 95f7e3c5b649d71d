using System.Diagnostics;
using Testbed.Client;
using Testbed.Harness.Clusters;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Benchmarks.Support;

/// <summary>
/// Node processes with a client, loaded with records, in a temporary folder that goes with them.
/// </summary>
internal sealed class BenchmarkCluster : IAsyncDisposable
{
    private const int LoadInFlight = 64;
    private const int SampleAttempts = 20;
    private static readonly TimeSpan LoadTimeout = TimeSpan.FromSeconds(10);

    private readonly string _folder;
    private readonly ICluster _cluster;

    private BenchmarkCluster(string folder, ICluster cluster, IKvClient client, IKvClient direct)
    {
        _folder = folder;
        _cluster = cluster;
        Client = client;
        Direct = direct;
    }

    public IKvClient Client { get; }

    /// <summary>A client past the link proxy; the same as <see cref="Client"/> without one.</summary>
    public IKvClient Direct { get; }

    /// <summary>Processor time of the link proxy so far.</summary>
    public TimeSpan LinkProxyCpu()
    {
        using var process = Process.GetProcessById(((ProcessCluster)_cluster).LinkProxyPid);
        return process.TotalProcessorTime;
    }

    /// <summary>Starts the nodes and writes <paramref name="records"/> values.</summary>
    public static async Task<BenchmarkCluster> StartAsync(string strategy, int nodes, int records,
        byte[] value, CancellationToken cancel, string kind = "process", string access = "auto", string? program = null,
        bool linkProxy = false)
    {
        var folder = Directory.CreateTempSubdirectory("testbed-benchmark-").FullName;
        var options = new ClusterOptions
        {
            Strategy = strategy,
            Nodes = nodes,
            LogFolder = Path.Combine(folder, "logs"),
            DataFolder = Path.Combine(folder, "data"),
            Seed = 1,
            LinkProxy = linkProxy,
            NodeAccess = access,
            NodeProgram = program,
            Owner = "benchmark",
        };
        ICluster cluster;
        try
        {
            cluster = await ClusterFactory.StartAsync(kind, options, cancel).ConfigureAwait(false);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }

        var client = Connect(cluster.Addresses);
        var started = new BenchmarkCluster(
            folder, cluster, client, linkProxy ? Connect(((ProcessCluster)cluster).DirectAddresses) : client);
        try
        {
            await started.LoadAsync(records, value).ConfigureAwait(false);
            return started;
        }
        catch
        {
            await started.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        IKvClient Connect(IReadOnlyList<string> addresses) => KvClients.Connect(new KvClientOptions
        {
            Strategy = strategy,
            Nodes = addresses,
            DataElements = options.DataElements,
            Seed = 1,
        });
    }

    /// <summary>host:port of each node.</summary>
    public IReadOnlyList<string> Addresses => _cluster.Addresses;

    /// <summary>The node that leads; null where none does or none is known.</summary>
    public async Task<int?> LeaderAsync(CancellationToken cancel) => NodeStatus.Leader(
        await Task.WhenAll(Enumerable.Range(0, Addresses.Count).Select(node => _cluster.StatusAsync(node, cancel)))
            .ConfigureAwait(false));

    /// <summary>
    /// Bytes that all nodes have sent so far. A busy one may miss a sample: it is asked again, a few times.
    /// </summary>
    public async Task<long> NodeSentBytesAsync(CancellationToken cancel)
    {
        for (var attempt = 0; attempt < SampleAttempts; attempt++)
        {
            var samples = await _cluster.SampleAsync(cancel).ConfigureAwait(false);
            if (samples.All(sample => sample.NetworkTxBytes is not null))
            {
                return samples.Sum(sample => sample.NetworkTxBytes ?? 0);
            }
        }

        throw new TimeoutException("a node does not tell what it has sent");
    }

    /// <summary>Processor seconds of all nodes so far; null where they cannot be had.</summary>
    public async Task<double?> NodeCpuSecondsAsync(CancellationToken cancel)
    {
        var samples = await _cluster.SampleAsync(cancel).ConfigureAwait(false);
        return samples.All(sample => sample.CpuSeconds is not null)
            ? samples.Sum(sample => sample.CpuSeconds) : null;
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync().ConfigureAwait(false);
        await Direct.DisposeAsync().ConfigureAwait(false);
        await _cluster.DisposeAsync().ConfigureAwait(false);
        Directory.Delete(_folder, recursive: true);
    }

    private async Task LoadAsync(int records, byte[] value)
    {
        var loads = Enumerable.Range(0, LoadInFlight).Select(async first =>
        {
            for (var i = first; i < records; i += LoadInFlight)
            {
                var result = await Client.PutAsync(BenchmarkData.Key(i), value, LoadTimeout)
                    .ConfigureAwait(false);
                if (result.Outcome != Outcome.Ok)
                {
                    throw new InvalidOperationException(
                        $"loading a record ended {result.Outcome}: {result.Reason}");
                }
            }
        });
        await Task.WhenAll(loads).ConfigureAwait(false);
    }
}
