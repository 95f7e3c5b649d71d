using Testbed.Client;
using Testbed.Results;
using Testbed.Tests.EndToEnd.Nodes;

namespace Testbed.Tests.EndToEnd.Harness;

/// <summary>Runs against clusters that are up already and outlive them.</summary>
public sealed class AttachTests : IDisposable
{
    private const int Nodes = 5;

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("raft")]
    [InlineData("ecc")]
    public async Task Run_after_run_against_the_same_cluster_is_valid(string strategy)
    {
        await using var cluster = await RunningCluster.StartAsync(strategy, _folder);
        await using (var client = NodeTests.Connect(strategy, cluster.Addresses))
        {
            // Foreign keys all around the run's own: none of them is a record of a workload.
            foreach (var key in new[] { "", "8", "f", "user", "zzz" })
            {
                var name = System.Text.Encoding.ASCII.GetBytes(key + "mine");
                Assert.Equal(Outcome.Ok, (await client.PutAsync(name, new byte[40], TimeSpan.FromSeconds(10))).Outcome);
            }
        }

        using var results = new ResultsFolder();
        foreach (var workload in new[] { "a", "a", "b", "c", "d", "e", "f" })
        {
            var (exitCode, output, error) = await cluster.RunAsync(results, "--workload", workload, "--seed", "7");
            Assert.True(exitCode == 0, $"{workload}: exit {exitCode}\n{output}\n{error}");
        }

        var runs = RunFolder.List(results.Root).OrderBy(r => r.ReadManifest()!.StartedUtc, StringComparer.Ordinal).ToList();
        Assert.Equal(7, runs.Count);
        var manifests = runs.Select(r => r.ReadManifest()!).ToList();
        Assert.Equal(7, manifests.Select(m => m.Options["key_prefix"]).Distinct().Count());
        Assert.All(manifests, m => Assert.Equal(("attach", strategy, Nodes, "fsync"), (m.Cluster, m.Strategy, m.Nodes, m.Durability)));
        Assert.All(manifests, m => Assert.Equal(Environment.GetEnvironmentVariable("TESTBED_NODE_PROGRAM") is null ? "jit" : "aot", m.NodeBuild));

        // The second run finds the records of the first, and counts only what it stored itself.
        Assert.All(runs.Take(2).Select(r => r.ReadSummary()!.Bytes), b => Assert.InRange(
            b.StoredPerLogical!.Value, b.TheoryStoredPerLogical * 0.95, b.TheoryStoredPerLogical * 1.2));
        var samples = runs[1].ReadNodes().Where(n => n.State != "unknown").ToList();
        Assert.Equal(Nodes, samples.Select(n => n.Node).Distinct().Count());
        Assert.All(samples, n => Assert.True(n.State == "up" && n.CpuSeconds > 0 && n.RssBytes > 0 && n.WorkingSetBytes > 0));
        await cluster.ServesAsync();
    }

    [Fact]
    public async Task What_does_not_fit_is_one_clear_line()
    {
        await using var cluster = await RunningCluster.StartAsync("raft", _folder);
        using var results = new ResultsFolder();
        await RefusedAsync(64, "--strategy ecc: the cluster says raft; leave the option out", "--strategy", "ecc");
        await RefusedAsync(64, "--durability os: the cluster says fsync; leave the option out", "--durability", "os");
        await RefusedAsync(64, "--kill 1: a cluster that is only attached to is not ours to harm; leave faults out", "--kill", "1");
        await RefusedAsync(64, "--fault \"pause:n1@1s for 1s\": a cluster that is only attached to is not ours to harm; leave faults out",
            "--fault", "pause:n1@1s for 1s");
        await cluster.Processes[3].KillAsync();
        await RefusedAsync(
            4, $"no testbed node answers at {cluster.Addresses[3]} within 5 s; is the cluster up?", "--workload", "c");
        Assert.Empty(RunFolder.List(results.Root));

        async Task RefusedAsync(int expected, string line, params string[] words)
        {
            var (exitCode, output, error) = await cluster.RunAsync(results, words);
            Assert.Equal((expected, "", line), (exitCode, output, error.TrimEnd('\n')));
        }
    }

    /// <summary>Five node processes that no harness started.</summary>
    private sealed class RunningCluster(string[] addresses, NodeProcess[] processes) : IAsyncDisposable
    {
        public string[] Addresses => addresses;

        public NodeProcess[] Processes => processes;

        public static async Task<RunningCluster> StartAsync(string strategy, TemporaryFolder folder)
        {
            var addresses = NodeProcess.FreeAddresses(Nodes);
            return new RunningCluster(addresses, await Task.WhenAll(Enumerable.Range(0, Nodes).Select(id =>
                NodeProcess.StartAsync(strategy, addresses, id, folder.Of(id), "--durability", "fsync"))));
        }

        public Task<(int ExitCode, string Out, string Error)> RunAsync(ResultsFolder results, params string[] words) =>
            HarnessProcess.RunAsync(
            [
                "run", "--cluster", "attach", "--nodes", string.Join(',', addresses), "--records", "200", "--rate", "100",
                "--duration", "2s", "--warmup", "500ms", "--timeout", "5s", "--max-lag", "500ms", "--no-report", "--quiet",
                "--results", results.Root, .. words,
            ]);

        public async Task ServesAsync()
        {
            foreach (var address in addresses)
            {
                Assert.True(await NodeProbe.IsServingAsync(address, Cancel), address);
            }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var process in processes)
            {
                await process.DisposeAsync();
            }
        }
    }
}
