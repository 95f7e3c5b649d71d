extern alias node;

using System.Net;
using node::Testbed.Node;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Node;

public sealed class NodeOptionsTests
{
    private const string Three = "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003";

    [Fact]
    public void A_full_command_line_is_understood()
    {
        var options = NodeOptions.Parse(
        [
            "--id", "1", "--strategy", "ecc", "--nodes", Three, "--data-elements=2", "--durability", "fsync",
            "--data", "d", "--seed", "18446744073709551615", "--listen", "0.0.0.0", "--metrics", "127.0.0.1:9100",
            "--exit-with-parent", "--test-lie", "--width", "fixed", "--hedge-after", "250", "--test-rot",
        ]);
        Assert.Equal(new NodeId(1), options.Id);
        Assert.Equal("ecc", options.Strategy);
        Assert.Equal(Three.Split(','), options.Nodes);
        Assert.Equal(2, options.DataElements);
        Assert.Equal("fsync", options.Durability);
        Assert.False(options.Log.WriteIsDurable);
        Assert.Equal(ulong.MaxValue, options.Seed);
        Assert.Equal(new IPEndPoint(IPAddress.Any, 7002), options.Listen);
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 9100), options.Metrics);
        Assert.True(options.ExitWithParent);
        Assert.True(options.TestLie);
        Assert.True(options.TestRot);
        Assert.Equal(("fixed", 250_000), (options.Width, options.LeastHedgeMicros));
    }

    [Fact]
    public void What_is_not_given_has_a_safe_value()
    {
        var options = NodeOptions.Parse(["--id", "0", "--strategy", "raft", "--nodes", Three, "--data", "d"]);
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 7001), options.Listen);
        Assert.Equal("os", options.Durability);
        Assert.True(options.Log.WriteIsDurable);
        Assert.Equal(0, options.DataElements);
        Assert.Null(options.Metrics);
        Assert.False(options.ExitWithParent);
        Assert.False(options.TestLie);
        Assert.False(options.TestRot);
        Assert.Equal(("adaptive", 0), (options.Width, options.LeastHedgeMicros));
    }

    [Fact]
    public void The_rate_of_rebuilding_is_of_ecc_and_in_bytes_per_second()
    {
        string[] args = ["--id=0", $"--nodes={Three}", "--data-elements=2", "--data=d"];
        Assert.Equal(128 << 20, NodeOptions.Parse([.. args, "--strategy=ecc"]).RebuildBytesPerSecond);
        Assert.Equal(5000, NodeOptions.Parse([.. args, "--strategy=ecc", "--rebuild-rate=5000"]).RebuildBytesPerSecond);
        Assert.Equal("--rebuild-rate is for ecc: raft sends snapshots", Assert.Throws<UsageException>(() =>
            NodeOptions.Parse([.. args, "--strategy=raft", "--rebuild-rate=5000"])).Message);
    }

    [Fact]
    public void Level_memory_needs_no_folder()
    {
        var options = NodeOptions.Parse(["--id=0", "--strategy=raft", $"--nodes={Three}", "--durability=memory"]);
        Assert.True(options.IsVolatile);
        Assert.False(options.RejoinOnCorruption);
    }

    [Fact]
    public void Only_where_groups_are_synced_are_blocks_written_ahead_and_used_again()
    {
        string[] args = ["--id=0", "--strategy=raft", $"--nodes={Three}", "--data=d", "--rejoin-on-corruption"];
        var os = NodeOptions.Parse(args);
        var fsync = NodeOptions.Parse([.. args, "--durability=fsync"]);
        Assert.Equal((0, 0), (os.Log.PrefillBytes, os.Log.SpareSegments));
        Assert.Equal((1024 * 1024, 4), (fsync.Log.PrefillBytes, fsync.Log.SpareSegments));
        Assert.True(os.RejoinOnCorruption);
    }

    [Fact]
    public void Nodes_may_be_named_as_container_networks_name_them()
    {
        var options = NodeOptions.Parse(
        [
            "--id", "1", "--strategy", "raft", "--nodes", "n0:7000,compose_n1_1:7001,10.0.0.2:7002,[::1]:7003",
            "--data", "d", "--listen", "*", "--metrics", "0.0.0.0:9100",
        ]);
        Assert.Equal(new IPEndPoint(IPAddress.Any, 7001), options.Listen);
        Assert.Equal(new IPEndPoint(IPAddress.Any, 9100), options.Metrics);
    }

    [Theory]
    [InlineData("--id=3", "--id 3: must be a number from 0 to 2")]
    [InlineData("--id=-1", "--id -1: must be a number from 0 to 2")]
    [InlineData("--strategy=paxos", "--strategy paxos: must be raft or ecc")]
    [InlineData("--nodes=a:1,a:1", "--nodes: an address is given twice")]
    [InlineData("--nodes=a:1,b", "--nodes: 'b' is not host:port")]
    [InlineData("--nodes=a:70000", "--nodes: 'a:70000' is not host:port")]
    [InlineData("--durability=disk", "--durability disk: must be memory or os or fsync")]
    [InlineData("--data=", "--data is missing: see --help")]
    [InlineData("--seed=x", "--seed x: must be a number from 0 to 18446744073709551615")]
    [InlineData("--listen=example.org", "--listen example.org: must be an IP address")]
    [InlineData("--metrics=9100", "--metrics 9100: must be HOST:PORT or off")]
    [InlineData("--width=wide", "--width wide: must be adaptive or fixed")]
    [InlineData("--width=fixed", "--width fixed: raft keeps full copies")]
    [InlineData("--hedge-after=x", "--hedge-after x: must be a number from 0 to 600000")]
    [InlineData("--rebuild-rate=0", "--rebuild-rate is for ecc: raft sends snapshots")]
    [InlineData("--verbose", "unknown option '--verbose': see --help")]
    [InlineData("--test-lie=1", "unknown option '--test-lie=1': see --help")]
    public void A_wrong_value_is_answered_with_one_line_that_names_it(string wrong, string line)
    {
        var name = wrong.Split('=')[0];
        var args = new List<string> { "--id=0", "--strategy=raft", $"--nodes={Three}", "--data=d" };
        args.RemoveAll(given => given.Split('=')[0] == name);
        args.Add(wrong);
        Assert.Equal(line, Assert.Throws<UsageException>(() => NodeOptions.Parse(args)).Message);
    }

    [Fact]
    public void A_planted_bug_is_one_of_the_strategys_own()
    {
        string[] raft = ["--id=0", "--strategy=raft", $"--nodes={Three}", "--data=d"];
        Assert.Null(NodeOptions.Parse(raft).TestPlant);
        Assert.Equal("FollowerRead", NodeOptions.Parse([.. raft, "--test-plant=FollowerRead"]).TestPlant);
        Assert.True(NodeOptions.Parse([.. raft, "--test-plant=TornTailAccepted"]).Log.TestAcceptTornTail);
        Assert.StartsWith(
            "--test-plant MixedElementDecode: must be StaleLeaderRead or ",
            Assert.Throws<UsageException>(() => NodeOptions.Parse([.. raft, "--test-plant=MixedElementDecode"])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Ecc_needs_one_node_more_than_data_elements() =>
        Assert.Equal("--data-elements 3: 3 nodes allow at most 2", Assert.Throws<UsageException>(() =>
            NodeOptions.Parse(["--id=0", "--strategy=ecc", $"--nodes={Three}", "--data=d"])).Message);

    [Fact]
    public void An_option_given_twice_or_without_its_value_is_refused()
    {
        Assert.Equal("--id is given twice",
            Assert.Throws<UsageException>(() => NodeOptions.Parse(["--id", "0", "--id", "1"])).Message);
        Assert.Equal("--data needs a value", Assert.Throws<UsageException>(() =>
            NodeOptions.Parse(["--data"])).Message);
    }
}
