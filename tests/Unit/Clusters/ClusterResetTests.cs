using System.Globalization;
using Testbed.Harness.Cli;
using Testbed.Harness.Clusters;
using Testbed.Injectors;

namespace Testbed.Tests.Unit.Clusters;

/// <summary>What decides whether a cluster is reset, from what its nodes say.</summary>
public sealed class ClusterResetTests
{
    private static readonly string[] Addresses = ["a:1", "a:2", "a:3"];

    private static Dictionary<string, string> Status(int node, string standing, uint incarnation, string strategy = "ecc") => new()
    {
        ["node"] = string.Create(CultureInfo.InvariantCulture, $"n{node}"),
        ["nodes"] = "3",
        ["strategy"] = strategy,
        ["standing"] = standing,
        ["incarnation"] = incarnation.ToString(CultureInfo.InvariantCulture),
    };

    [Fact]
    public void Every_node_of_a_lost_cluster_is_reset_under_its_own_incarnation() => Assert.Equal(
        [3u, 0u, 7u],
        ClusterReset.Check(Addresses, [Status(0, "lost", 3), Status(1, "ready", 0), Status(2, "starting", 7)]));

    [Fact]
    public void A_cluster_that_does_not_say_lost_is_left_alone() => Assert.Equal(
        "the cluster does not say that it is LOST, so nothing is reset: n0 ready, n1 recovering, n2 ready",
        Assert.Throws<NodeControlException>(() => ClusterReset.Check(
            Addresses, [Status(0, "ready", 0), Status(1, "recovering", 1), Status(2, "ready", 0)])).Message);

    [Fact]
    public void A_node_that_does_not_answer_prevents_it() => Assert.Equal(
        "no node answers at a:2: nothing is reset, for that needs every node",
        Assert.Throws<NodeControlException>(() => ClusterReset.Check(
            Addresses, [Status(0, "lost", 1), null, Status(2, "lost", 1)])).Message);

    [Fact]
    public void Raft_has_none() => Assert.StartsWith(
        "raft has no reset: ",
        Assert.Throws<UsageException>(() => ClusterReset.Check(
            Addresses, [.. Enumerable.Range(0, 3).Select(n => Status(n, "", 1, "raft"))])).Message,
        StringComparison.Ordinal);

    [Fact]
    public void All_nodes_of_the_cluster_must_be_named_once()
    {
        Assert.Equal("--nodes: 2 nodes answer at 3 addresses, the cluster has 3", Assert.Throws<UsageException>(() =>
            ClusterReset.Check(Addresses, [Status(0, "lost", 1), Status(1, "lost", 1), Status(1, "lost", 1)])).Message);
        Assert.Equal("--nodes: 2 nodes answer at 2 addresses, the cluster has 3", Assert.Throws<UsageException>(() =>
            ClusterReset.Check(Addresses[..2], [Status(0, "lost", 1), Status(1, "lost", 1)])).Message);
    }

    [Fact]
    public void A_rebuild_is_shown_while_it_runs_and_when_it_is_over()
    {
        var status = Status(1, "recovering", 1);
        foreach (var (name, value) in new[]
        {
            ("came_back_empty", "1"), ("slots", "256"), ("slots_ready", "12"), ("rebuilt_bytes", "3000"),
            ("rebuild_read_bytes", "9500"), ("rebuild_ms", "400"), ("rebuild_left_ms", "8100"),
        })
        {
            status[name] = value;
        }

        Assert.Equal(["recovering", "12/256", "3000", "9500", "8.1 s left"], RebuildStatus.Cells(RebuildStatus.Of(status)));
        status["standing"] = "ready";
        Assert.Equal("took 0.4 s", RebuildStatus.Cells(RebuildStatus.Of(status))[4]);
        status["came_back_empty"] = "0";
        Assert.Equal(["ready", "12/256", "", "", ""], RebuildStatus.Cells(RebuildStatus.Of(status)));
        Assert.Null(RebuildStatus.Of(Status(0, "", 1, "raft")));
        Assert.All(RebuildStatus.Cells(null), Assert.Empty);
    }
}
