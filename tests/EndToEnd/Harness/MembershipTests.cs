using Testbed.Client;
using Testbed.Harness.Clusters.Processes;
using Testbed.Results;

namespace Testbed.Tests.EndToEnd.Harness;

/// <summary>Members that come, go, are replaced and hand over, on real clusters and through the command line.</summary>
public sealed class MembershipTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("memory")]
    [InlineData("fsync")]
    public async Task Members_hand_over_are_replaced_and_leave_under_load(string durability)
    {
        var faults = await RunAsync(
            "raft", durability, "9s", "--fault", "transfer:follower@1s", "--fault", "replace:2@2s", "--fault",
            "remove:3@4s for 1s");
        Assert.Equal(["transfer", "replace", "remove"], faults.OrderBy(f => f.RequestedNs).Select(f => f.Kind));
        Assert.Contains("in term", faults.Single(f => f.Kind == "transfer").Evidence, StringComparison.Ordinal);
        Assert.Contains("replaced by n2.2", faults.Single(f => f.Kind == "replace").HealEvidence, StringComparison.Ordinal);
        Assert.Contains("n3 votes", faults.Single(f => f.Kind == "remove").HealEvidence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("os")]
    public async Task A_coded_cluster_rebuilds_a_node_that_lost_its_data(string durability)
    {
        var fault = Assert.Single(await RunAsync("ecc", durability, "5s", "--fault", "replace:2@1s for 1s"));
        Assert.Contains("its data removed", fault.Evidence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("os")]
    [InlineData("fsync")]
    public async Task A_killed_leader_is_survived_at_every_level(string durability) =>
        Assert.Single(await RunAsync("raft", durability, "5s", "--kill", "1", "--kill-role", "leader"));

    [Fact]
    public async Task A_cluster_that_is_up_grows_hands_over_replaces_and_shrinks()
    {
        using var results = new ResultsFolder();
        Directory.CreateDirectory(results.Root);
        var state = Path.Combine(results.Root, "cluster.json");
        try
        {
            await DoAsync(state, "cluster", "up", "--strategy", "raft", "--nodes", "3");
            await DoAsync(state, "set", "greeting", "hello");
            await using var founders = KvClients.Connect(new KvClientOptions
            {
                Strategy = "raft", Nodes = [.. ClusterState.Load(state)!.Members.Select(m => m.Address)], Seed = 5,
            });
            Assert.Equal(Outcome.Ok, (await founders.GetAsync("greeting"u8.ToArray(), s_patience)).Outcome);
            Assert.Contains("n3 votes", await DoAsync(state, "cluster", "add"), StringComparison.Ordinal);
            Assert.Contains("then n3 in term", await DoAsync(state, "cluster", "transfer", "3"), StringComparison.Ordinal);

            // A client from before n3 was there finds it.
            Assert.Equal(Outcome.Ok, (await founders.GetAsync("greeting"u8.ToArray(), s_patience)).Outcome);
            Assert.Contains("replaced by n1.2", await DoAsync(state, "cluster", "replace", "1"), StringComparison.Ordinal);
            Assert.Contains("n0 is no member", await DoAsync(state, "cluster", "remove", "0"), StringComparison.Ordinal);
            Assert.Equal("hello", (await DoAsync(state, "get", "greeting")).Trim());
        }
        finally
        {
            await DoAsync(state, "cluster", "down");
        }
    }

    [Theory]
    [InlineData("raft")]
    [InlineData("ecc")]
    public async Task Nodes_that_all_lost_their_memory_found_no_other_cluster(string strategy)
    {
        using var results = new ResultsFolder();
        Directory.CreateDirectory(results.Root);
        var state = Path.Combine(results.Root, "cluster.json");
        string[] shape = strategy == "raft" ? ["--nodes", "3"] : ["--code", "3,2"];
        try
        {
            await DoAsync(state, ["cluster", "up", "--strategy", strategy, "--durability", "memory", .. shape]);
            await DoAsync(state, "set", "greeting", "hello");
            foreach (var act in new[] { "kill", "start" })
            {
                for (var node = 0; node < 3; node++)
                {
                    await DoAsync(state, "node", act, $"{node}");
                }
            }

            // Not "no such key": nobody knows, and nobody says so.
            var (exitCode, output, error) = await HarnessProcess.RunAsync(
                "get", "greeting", "--timeout", "2s", "--state", state);
            Assert.True(exitCode != 0, output);
            Assert.Contains("failed", error, StringComparison.Ordinal);
        }
        finally
        {
            await DoAsync(state, "cluster", "down");
        }
    }

    private static async Task<IReadOnlyList<FaultRow>> RunAsync(
        string strategy, string durability, string duration, params string[] more)
    {
        using var results = new ResultsFolder();
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
        [
            "run", "--strategy", strategy, "--workload", "a", "--durability", durability, "--records", "400", "--rate", "200",
            "--duration", duration, "--warmup", "1s", "--max-lag", "250ms", "--results", results.Root, .. more,
        ]);
        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{error}");
        var summary = results.Run.ReadSummary()!;
        Assert.Equal("valid", summary.Verdict);
        Assert.Equal(0, summary.Check.LostWrites);
        Assert.All(summary.Nodes, n => Assert.True(n.CaughtUp, $"{n.Node} did not catch up"));
        var faults = results.Run.ReadFaults();
        Assert.All(faults, f => Assert.NotNull(f.HealedNs));
        return [.. faults];
    }

    private static async Task<string> DoAsync(string state, params string[] words)
    {
        var (exitCode, output, error) = await HarnessProcess.RunAsync([.. words, "--state", state]);
        Assert.True(exitCode == 0, $"{string.Join(' ', words)}: exit {exitCode}\n{output}\n{error}");
        return output;
    }
}
