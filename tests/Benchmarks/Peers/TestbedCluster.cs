using Testbed.Client;
using Testbed.Harness.Clusters;

namespace Testbed.Benchmarks.Peers;

/// <summary>Our Raft nodes, level fsync.</summary>
internal sealed class TestbedCluster : PeerCluster
{
    private readonly ICluster _cluster;

    private TestbedCluster(ICluster cluster) => _cluster = cluster;

    public override IReadOnlyList<string> Addresses => _cluster.Addresses;

    /// <summary>Starts nodes with data and logs below <paramref name="folder"/>.</summary>
    public static async Task<TestbedCluster> StartAsync(
        int nodes, string folder, string? program, ulong seed, CancellationToken cancel) =>
        new(await ClusterFactory.StartAsync("process", new ClusterOptions
        {
            Strategy = "raft",
            Nodes = nodes,
            Durability = "fsync",
            LogFolder = Path.Combine(folder, "testbed-logs"),
            DataFolder = Path.Combine(folder, "testbed-data"),
            NodeProgram = program,
            Seed = seed,
            Owner = "benchmark",
        }, cancel).ConfigureAwait(false));

    public override KvCalls Connect(int node) => new TestbedCalls(Addresses[node]);

    /// <summary>The client that runs use: one stream to each node.</summary>
    public IKvClient ConnectStream() =>
        KvClients.Connect(new KvClientOptions { Strategy = "raft", Nodes = Addresses, Seed = 1 });

    protected override Task<IReadOnlyDictionary<string, string>?[]> StatusesAsync(CancellationToken cancel) =>
        Task.WhenAll(Enumerable.Range(0, Addresses.Count).Select(node => _cluster.StatusAsync(node, cancel)));

    public override Task KillAsync(int node, CancellationToken cancel) => _cluster.KillAsync(node, cancel);

    public override Task StartAsync(int node, CancellationToken cancel) => _cluster.StartAsync(node, cancel);

    public override async Task<ServerUse> UseAsync(CancellationToken cancel)
    {
        var samples = await _cluster.SampleAsync(cancel).ConfigureAwait(false);
        return new ServerUse(samples.Sum(s => s.CpuSeconds ?? 0), samples.Sum(s => s.DiskWriteBytes ?? 0));
    }

    public override ValueTask DisposeAsync() => _cluster.DisposeAsync();
}
