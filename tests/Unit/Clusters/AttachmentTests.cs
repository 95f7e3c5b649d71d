using Testbed.Harness.Cli;
using Testbed.Harness.Clusters;
using Testbed.Harness.Runs;
using Testbed.Injectors;

namespace Testbed.Tests.Unit.Clusters;

public sealed class AttachmentTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(300);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_the_nodes_say_becomes_the_options()
    {
        var nodes = new SayingNodes(3, "ecc", 2);
        var resolved = await nodes.ResolveAsync(["a2:1", "a0:1", "a1:1"]);
        Assert.Equal(("ecc", 3, 2, "fsync", "aot"),
            (resolved.Strategy, resolved.Nodes, resolved.DataElements, resolved.Durability, resolved.NodeBuild));
        Assert.Equal(["a0:1", "a1:1", "a2:1"], resolved.AttachTo);
    }

    [Fact]
    public async Task A_node_that_does_not_answer_is_named()
    {
        var nodes = new SayingNodes(3, "raft", 0);
        nodes.Statuses.Remove("a1:1");
        var e = await Assert.ThrowsAsync<AttachException>(() => nodes.ResolveAsync(["a0:1", "a1:1", "a2:1"]));
        Assert.Equal("no testbed node answers at a1:1 within 0.3 s; is the cluster up?", e.Message);
    }

    [Theory]
    [InlineData("strategy", "ecc", "--nodes: not one cluster: a0:1 says strategy raft, a2:1 says ecc")]
    [InlineData("durability", "os", "--nodes: not one cluster: a0:1 says durability fsync, a2:1 says os")]
    [InlineData("build", "jit", "--nodes: not one cluster: a0:1 says build aot, a2:1 says jit")]
    [InlineData("nodes", "5", "--nodes: not one cluster: a0:1 says nodes 3, a2:1 says 5")]
    [InlineData("node", "n1", "--nodes: a1:1 and a2:1 are the same node, n1")]
    [InlineData("node", "n7", "--nodes: a2:1 calls itself 'n7'")]
    public async Task Nodes_that_are_not_one_cluster_are_refused(string name, string value, string line)
    {
        var nodes = new SayingNodes(3, "raft", 0);
        nodes.Statuses["a2:1"][name] = value;
        var e = await Assert.ThrowsAsync<UsageException>(() => nodes.ResolveAsync(["a0:1", "a1:1", "a2:1"]));
        Assert.Equal(line, e.Message);
    }

    [Fact]
    public async Task Too_few_addresses_are_refused()
    {
        var nodes = new SayingNodes(5, "raft", 0);
        var e = await Assert.ThrowsAsync<UsageException>(() => nodes.ResolveAsync(["a0:1", "a1:1", "a2:1"]));
        Assert.Equal("--nodes: the cluster has 5 nodes, 3 addresses were given", e.Message);
    }

    [Theory]
    [InlineData("raft", null, null, "--strategy raft: the cluster says ecc; leave the option out")]
    [InlineData(null, 1, null, "--code: k = 1: the cluster says 2; leave the option out")]
    [InlineData(null, null, "os", "--durability os: the cluster says fsync; leave the option out")]
    [InlineData("ecc", 2, "fsync", null)]
    public async Task What_was_typed_must_fit(string? strategy, int? elements, string? durability, string? line)
    {
        var nodes = new SayingNodes(3, "ecc", 2);
        var typed = new TypedCluster { Strategy = strategy, DataElements = elements, Durability = durability };
        if (line is null)
        {
            Assert.Equal("ecc", (await nodes.ResolveAsync(["a0:1", "a1:1", "a2:1"], typed)).Strategy);
            return;
        }

        var e = await Assert.ThrowsAsync<UsageException>(() => nodes.ResolveAsync(["a0:1", "a1:1", "a2:1"], typed));
        Assert.Equal(line, e.Message);
    }

    [Theory]
    [InlineData(null, "adaptive")]
    [InlineData("fixed", "fixed")]
    public async Task The_width_is_the_runs_own_choice_or_else_what_the_nodes_say(string? typed, string used)
    {
        var nodes = new SayingNodes(3, "ecc", 2);
        nodes.Statuses["a0:1"]["width"] = "adaptive";
        var resolved = await nodes.ResolveAsync(["a0:1", "a1:1", "a2:1"], new TypedCluster { Width = typed });
        Assert.Equal(used, resolved.Width);
        var raft = await Assert.ThrowsAsync<UsageException>(() => new SayingNodes(3, "raft", 0).ResolveAsync(
            ["a0:1", "a1:1", "a2:1"], new TypedCluster { Width = "fixed" }));
        Assert.Equal("--width is for an ecc cluster; this one is raft", raft.Message);
    }

    [Fact]
    public async Task A_running_cluster_is_sampled_by_its_own_words_and_never_harmed()
    {
        var nodes = new SayingNodes(3, "raft", 0);
        nodes.Statuses["a1:1"]["cpu_micros"] = "2500000";
        nodes.Statuses["a1:1"]["rss_bytes"] = "9";
        nodes.Statuses["a1:1"]["disk_write_bytes"] = "8";
        nodes.Statuses["a1:1"]["role"] = "leader";
        nodes.Statuses.Remove("a2:1");
        nodes.Silent = "a3:1";
        await using var cluster = new AttachedCluster(["a0:1", "a1:1", "a2:1", "a3:1"], nodes);
        var rows = await cluster.SampleAsync(Cancel);
        Assert.Equal(["up", "up", "down", "unknown"], rows.Select(r => r.State));
        Assert.Equal((2.5, 9, 8), (rows[1].CpuSeconds, rows[1].RssBytes, rows[1].DiskWriteBytes));
        Assert.Null(rows[2].CpuSeconds);
        Assert.Equal(1, await cluster.LeaderAsync(Cancel));
        await Assert.ThrowsAsync<NodeControlException>(() => cluster.KillAsync(0, Cancel));
        await Assert.ThrowsAsync<NodeControlException>(() => cluster.StartAsync(0, Cancel));
    }

    /// <summary>Nodes a0:1, a1:1, ... that say what the test wants.</summary>
    private sealed class SayingNodes : INodeProbe
    {
        public SayingNodes(int count, string strategy, int elements)
        {
            for (var i = 0; i < count; i++)
            {
                Statuses[$"a{i}:1"] = new Dictionary<string, string>
                {
                    ["node"] = $"n{i}",
                    ["nodes"] = $"{count}",
                    ["strategy"] = strategy,
                    ["data_elements"] = $"{elements}",
                    ["durability"] = "fsync",
                    ["build"] = "aot",
                };
            }
        }

        public Dictionary<string, Dictionary<string, string>> Statuses { get; } = [];

        public Task<RunOptions> ResolveAsync(string[] addresses, TypedCluster? typed = null) =>
            Attachment.ResolveAsync(
                new RunOptions { Cluster = "attach", AttachTo = addresses, Typed = typed ?? new TypedCluster() },
                this, Patience, Cancel);

        public Task<bool> IsServingAsync(string address, CancellationToken cancel) =>
            Task.FromResult(Statuses.ContainsKey(address));

        /// <summary>A node that never answers.</summary>
        public string? Silent { get; set; }

        public async Task<IReadOnlyDictionary<string, string>?> StatusAsync(string address, CancellationToken cancel)
        {
            if (address == Silent)
            {
                await Task.Delay(Timeout.Infinite, cancel);
            }

            return Statuses.GetValueOrDefault(address);
        }
    }
}
