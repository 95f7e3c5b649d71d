using Testbed.Harness.Clusters;
using Testbed.Harness.Clusters.Processes;
using Testbed.Harness.Runs;

namespace Testbed.Tests.Unit.Cli;

public sealed class RunOptionTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public async Task Without_options_a_run_has_the_documented_defaults()
    {
        var o = await Parse("run");
        Assert.Equal(("ecc", "b", 5, 3, "memory"), (o.Strategy, o.Workload, o.Nodes, o.DataElements, o.Durability));
        Assert.Equal((2000.0, "poisson", 64), (o.RatePerSecond, o.Arrival, o.Clients));
        Assert.Equal((30 * Second, 5 * Second, Second), (o.DurationNanos, o.WarmupNanos, o.TimeoutNanos));
        Assert.Equal((4711ul, false), (o.Seed, o.SeedGiven));
        Assert.True(o.Faults.IsEmpty);
        Assert.True(o.Thresholds.IsEmpty);
        Assert.True(o.Report);
        Assert.Null(o.Records);
        Assert.Null(o.ValueBytes);
        Assert.Empty(o.LyingNodes);
        Assert.EndsWith(Path.Combine("results", "runs"), o.ResultsRoot, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_option_arrives_in_base_units()
    {
        var o = await Parse(
            "run", "--strategy", "ecc", "--workload", "a", "-p", "requestdistribution=uniform", "--property", "readproportion=0.4",
            "--code", "7,4", "--durability", "fsync", "--rate", "1500.5", "--arrival", "constant", "--clients", "9",
            "--duration", "12s", "--warmup", "0s", "--records", "500", "--value-size", "2KiB", "--timeout", "250ms",
            "--seed", "99", "--label", "first try", "--no-report", "--max-lag", "20ms", "--quiet", "--base-port", "9000",
            "--max-read-p99", "5ms", "--max-write-p99", "1s", "--min-goodput", "1000", "--test-lying-node", "n2");
        Assert.Equal(("ecc", "a", 7, 4, "fsync"), (o.Strategy, o.Workload, o.Nodes, o.DataElements, o.Durability));
        Assert.Equal("uniform", o.Properties["requestdistribution"]);
        Assert.Equal("0.4", o.Properties["readproportion"]);
        Assert.Equal((1500.5, "constant", 9), (o.RatePerSecond, o.Arrival, o.Clients));
        Assert.Equal((12 * Second, 0, Second / 4), (o.DurationNanos, o.WarmupNanos, o.TimeoutNanos));
        Assert.Equal((500, 2048), (o.Records, o.ValueBytes));
        Assert.Equal((99ul, true), (o.Seed, o.SeedGiven));
        Assert.Equal(("first try", false, 20_000_000L, true, 9000), (o.Label, o.Report, o.MaxLagNanos, o.Quiet, o.BasePort));
        Assert.Equal((5_000_000, Second), (o.Thresholds.MaxReadP99Nanos, o.Thresholds.MaxWriteP99Nanos));
        Assert.Equal(1000, o.Thresholds.MinGoodput);
        Assert.Equal([2], o.LyingNodes);
        Assert.Equal(3, o.Tolerance);
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("os")]
    [InlineData("fsync")]
    public async Task Every_durability_level_can_be_asked_for(string level) =>
        Assert.Equal(level, (await Parse("run", "--durability", level)).Durability);

    [Fact]
    public async Task Fault_options_become_a_plan()
    {
        var o = await Parse(
            "run", "--strategy", "raft", "--kill", "1", "--kill-role", "leader", "--kill-at", "4s", "--restart-at", "8s",
            "--pause", "1", "--pause-at", "10s", "--resume-at", "11s", "--fault", "stop:n3@20s for 2s",
            "--fault", "kill:any@24s for 2s", "--allow-outage");
        var plan = o.CompilePlan();
        Assert.Equal([4 * Second, 10 * Second, 20 * Second, 24 * Second], plan.Faults.Select(f => f.AtNanos));
        Assert.True(o.AllowOutage);
        var down = await Parse("run", "--kill", "1", "--no-restart");
        Assert.Null(down.CompilePlan().Faults[0].HealAtNanos);
    }

    [Theory]
    [InlineData("raft", 5, 3, 2)]
    [InlineData("raft", 4, 3, 1)]
    [InlineData("ecc", 5, 3, 2)]
    [InlineData("ecc", 5, 4, 1)]
    [InlineData("ecc", 5, 1, 2)]
    [InlineData("ecc", 3, 3, 0)]
    public void Tolerance_is_what_the_protocols_give(string strategy, int nodes, int elements, int tolerance) => Assert.Equal(
        tolerance, new RunOptions { Strategy = strategy, Nodes = nodes, DataElements = elements }.Tolerance);

    [Fact]
    public async Task Nodes_alone_choose_a_code_that_tolerates_as_much_as_raft()
    {
        foreach (var nodes in Enumerable.Range(1, 9))
        {
            var o = await Parse("run", "--nodes", nodes.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Assert.Equal((nodes - 1) / 2, o.Tolerance);
        }
    }

    [Fact]
    public async Task The_rate_of_rebuilding_reaches_the_nodes_of_an_ecc_cluster()
    {
        Assert.Null((await Parse("run")).RebuildBytesPerSecond);
        var rate = (await Parse("run", "--rebuild-rate", "2MiB")).RebuildBytesPerSecond;
        Assert.Equal(2 << 20, rate);
        var cluster = new ClusterOptions
        {
            Strategy = "ecc", LogFolder = "logs", DataFolder = "data", Seed = 1, RebuildBytesPerSecond = rate,
        };
        var words = NodeProgram.Arguments(cluster, 0, ["127.0.0.1:1", "127.0.0.1:2"], "data/n0", "off").ToList();
        Assert.Equal("2097152", words[words.IndexOf("--rebuild-rate") + 1]);
        Assert.DoesNotContain("--rebuild-rate", NodeProgram.Arguments(
            cluster with { RebuildBytesPerSecond = null }, 0, ["127.0.0.1:1"], "data/n0", "off"));
    }

    [Fact]
    public async Task Rate_max_is_the_closed_loop() => Assert.Null((await Parse("run", "--rate", "max")).RatePerSecond);

    [Theory]
    [InlineData("raft", "FollowerRead")]
    [InlineData("ecc", "MixedElementDecode")]
    public async Task A_bug_may_be_planted_and_there_is_none_by_default(string strategy, string bug)
    {
        Assert.Equal(bug, (await Parse("run", "--strategy", strategy, "--plant", bug)).Plant);
        Assert.Null((await Parse("run", "--strategy", strategy)).Plant);
    }

    [Fact]
    public async Task All_nodes_may_lie() => Assert.Equal([0, 1, 2, 3, 4], (await Parse("run", "--test-lying-node", "all")).LyingNodes);

    [Theory]
    [InlineData("1KiB", 1024)]
    [InlineData("16K", 16384)]
    [InlineData("1000", 1000)]
    [InlineData("1kB", 1000)]
    [InlineData("1.5MiB", 1572864)]
    public async Task Sizes_are_read(string text, int bytes) => Assert.Equal(bytes, (await Parse("run", "--value-size", text)).ValueBytes);

    public static TheoryData<string, string> Errors => new()
    {
        { "--strategy paxos", "--strategy: 'paxos' is not raft or ecc" },
        { "--strategy rafft", "--strategy: 'rafft' is not raft or ecc; did you mean raft?" },
        { "--nodes 0", "--nodes: '0' is not a whole number from 1 to 32" },
        { "--nodes many", "--nodes: 'many' is not a whole number from 1 to 32" },
        { "--code 3,5", "--code: '3,5' is not n,k with 1 <= k <= n <= 32, such as 5,3" },
        { "--nodes 5 --code 7,4", "--nodes 5 and --code 7,4 contradict each other" },
        { "--strategy raft --code 5,3", "--code is for --strategy ecc; raft keeps a full copy on each of --nodes" },
        { "--durability disk", "--durability: 'disk' is not memory, os or fsync" },
        { "--rate fast", "--rate: 'fast' is not a number of operations per second from 0.1 to 10000000, or max" },
        { "--rate 0", "--rate: '0' is not a number of operations per second from 0.1 to 10000000, or max" },
        { "--rate max --arrival constant", "--arrival needs a rate; with --rate max there is no schedule" },
        { "--arrival steady", "--arrival: 'steady' is not poisson or constant" },
        { "--clients 0", "--clients: '0' is not a whole number from 1 to 65536" },
        { "--duration 30", "--duration: '30' is not a duration such as 500ms, 30s or 2m" },
        { "--duration 0s", "--duration: '0s' is not a duration such as 500ms, 30s or 2m" },
        { "--warmup soon", "--warmup: 'soon' is not a duration such as 500ms, 30s or 2m" },
        { "--timeout 1,5s", "--timeout: '1,5s' is not a duration such as 500ms, 30s or 2m" },
        { "--records 0", "--records: '0' is not a whole number from 1 to 1000000000" },
        { "--value-size 1KB2", "--value-size: '1KB2' is not a size from 1 to 16777216 bytes such as 1KiB, 16K or 1000" },
        { "--value-size 17MiB", "--value-size: '17MiB' is not a size from 1 to 16777216 bytes such as 1KiB, 16K or 1000" },
        { "--rebuild-rate fast", "--rebuild-rate: 'fast' is not a size from 1 to 1099511627776 bytes such as 1KiB, 16K or 1000" },
        { "--strategy raft --rebuild-rate 1MiB", "--rebuild-rate is for --strategy ecc; raft sends snapshots" },
        {
            "--cluster attach --nodes a:1,a:2 --rebuild-rate 1MiB",
            "--rebuild-rate is for nodes to be started; leave it out with --cluster attach"
        },
        { "--seed -1", "--seed: '-1' is not a whole number from 0 to 2^64-1" },
        { "--kill -1", "--kill: '-1' is not a whole number from 0 to 32" },
        { "--kill 6", "--kill 6: the cluster has only 5 nodes" },
        {
            "--kill 3", "--kill 3: 3 of 5 nodes would be away at once, but ecc (5,3) works with at most 2 away; "
            + "--allow-outage runs it all the same"
        },
        {
            "--strategy raft --kill 3", "--kill 3: 3 of 5 nodes would be away at once, but raft (5 nodes) works with "
            + "at most 2 away; --allow-outage runs it all the same"
        },
        { "--kill-role boss", "--kill-role: 'boss' is not any or leader or follower" },
        { "--kill-at 5s", "--kill-at needs --kill N" },
        { "--kill 1 --kill-at 31s", "--kill-at 31s is not within the measured 30s" },
        { "--fault kill@5s", "--fault \"kill@5s\": write KIND:TARGET@AT [for DURATION], such as \"pause:leader@10s for 5s\"" },
        { "--workload z", "--workload: 'z' is neither a shipped workload (a, b, c, d, e, f) nor a file that can be read" },
        { "-p recordcont=5", "-p recordcont=5: unknown property recordcont; did you mean recordcount?" },
        { "-p records", "--property: 'records' is not name=value, such as recordcount=5000" },
        { "--records 5 -p recordcount=6", "--records 5 and -p recordcount=6 contradict each other" },
        { "--max-read-p99 5", "--max-read-p99: '5' is not a duration such as 500ms, 30s or 2m" },
        { "--min-goodput -5", "--min-goodput: '-5' is not a number above 0" },
        { "--base-port 80", "--base-port: '80' is not a whole number from 1024 to 65000" },
        { "--test-lying-node 9", "--test-lying-node: '9' is not a node number or all" },
        {
            "--nodes 127.0.0.1:1,127.0.0.1:2",
            "--nodes takes addresses only with --cluster attach; without, it takes the number of nodes to start"
        },
        { "--cluster attach", "--cluster attach needs the addresses of all nodes: --nodes host:port,host:port,..." },
        { "--cluster attach --nodes 5", "--cluster attach needs the addresses of all nodes: --nodes host:port,host:port,..." },
        {
            "--cluster attach --nodes a:1,a:x",
            "--nodes: 'a:1,a:x' is not a whole number from 1 to 32, nor host:port,host:port,... with each address once"
        },
        {
            "--cluster attach --nodes a:1,a:1",
            "--nodes: 'a:1,a:1' is not a whole number from 1 to 32, nor host:port,host:port,... with each address once"
        },
        {
            "--cluster attach --nodes a:1,a:2,a:3 --kill 1",
            "--kill 1: a cluster that is only attached to is not ours to harm; leave faults out"
        },
        {
            "--cluster attach --nodes a:1 --base-port 9000",
            "--base-port and --node-program are for nodes to be started; leave them out with --cluster attach"
        },
        {
            "--cluster attach --nodes a:1 --node-cpus 1",
            "--node-cpus, --node-memory and --node-disk limit containers; add --cluster docker"
        },
        { "--cluster attach --nodes a:1 --code 5,3", "--nodes 1 and --code 5,3 contradict each other" },
        { "--strategy raft --width fixed", "--width is for --strategy ecc; raft keeps a full copy on each of --nodes" },
        { "--width fix", "--width: 'fix' is not adaptive or fixed; did you mean fixed?" },
        {
            "--width fixed --kill 1",
            "--kill 1: 1 of 5 nodes would be away at once, but ecc (5,3) of fixed width works with at most 0 away; "
            + "--allow-outage runs it all the same"
        },
        { "--kil 2", "harness run has no option --kil; did you mean --kill?" },
        { "--wrkload=b", "harness run has no option --wrkload; did you mean --workload?" },
        { "--frobnicate", "harness run has no option --frobnicate" },
        { "now", "harness run does not take 'now'" },
        { "--kill", "--kill needs a value" },
        { "--kill 1 --kill 2", "--kill was given more than once" },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public async Task Wrong_usage_is_one_line_and_exit_code_64(string args, string line)
    {
        using var cli = new CliRun();
        Assert.Equal(64, await cli.Run(["run", .. args.Split(' ')]));
        Assert.Equal(line, cli.ErrorLines[0]);
        Assert.True(cli.ErrorLines.Length == 1 || cli.ErrorLines is [_, "try 'harness run --help'"]);
        Assert.Equal("", cli.Out);
        Assert.Null(cli.Captured);
    }

    [Fact]
    public async Task Addresses_and_what_was_said_of_a_running_cluster_are_kept_apart_from_defaults()
    {
        var bare = await Parse("run", "--cluster", "attach", "--nodes", "h0:1, 10.0.0.2:2,[::1]:3");
        Assert.Equal(("attach", 3), (bare.Cluster, bare.Nodes));
        Assert.Equal(["h0:1", "10.0.0.2:2", "[::1]:3"], bare.AttachTo);
        Assert.Equal(new TypedCluster(), bare.Typed);
        var said = await Parse("run", "--cluster", "attach", "--nodes", "a:1,a:2,a:3", "--strategy", "ecc", "--code", "3,2",
            "--durability", "fsync", "--width", "fixed");
        Assert.Equal(
            new TypedCluster { Strategy = "ecc", DataElements = 2, Durability = "fsync", Width = "fixed" }, said.Typed);
    }

    [Theory]
    [InlineData("5,3", "adaptive", 2)]
    [InlineData("5,3", "fixed", 0)]
    [InlineData("5,2", "fixed", 1)]
    [InlineData("3,2", "fixed", 0)]
    public async Task Puts_of_fixed_width_bear_only_the_nodes_beyond_f_and_k(string code, string width, int tolerance)
    {
        var options = await Parse("run", "--code", code, "--width", width);
        Assert.Equal((width, tolerance), (options.Width, options.Tolerance));
    }

    [Fact]
    public async Task Comparisons_start_their_own_clusters()
    {
        using var cli = new CliRun();
        Assert.Equal(64, await cli.Run("compare", "--strategies", "raft,ecc", "--cluster", "attach", "--nodes", "a:1"));
        Assert.Equal("compare starts fresh clusters; --cluster attach is for run", cli.ErrorLines[0]);
    }

    [Fact]
    public async Task A_property_file_is_read_from_the_current_folder()
    {
        using var cli = new CliRun();
        await File.WriteAllTextAsync(
            Path.Combine(cli.Folder, "mine"), "recordcount=5\noperationcount=5\nreadproportion=1\n", TestContext.Current.CancellationToken);
        Assert.Equal(0, await cli.Run("run", "--workload", "mine"));
        await File.WriteAllTextAsync(
            Path.Combine(cli.Folder, "bad"), "recordcount=few\n", TestContext.Current.CancellationToken);
        Assert.Equal(64, await cli.Run("run", "--workload", "bad"));
        Assert.StartsWith("bad:1: ", cli.ErrorLines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_results_folder_that_cannot_be_written_is_refused_before_the_run()
    {
        using var cli = new CliRun();
        var file = Path.Combine(cli.Folder, "file");
        await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);
        Assert.Equal(64, await cli.Run("run", "--results", file));
        Assert.StartsWith($"cannot write to the results folder {file}: ", Assert.Single(cli.ErrorLines), StringComparison.Ordinal);
        Assert.Null(cli.Captured);
    }

    private static async Task<RunOptions> Parse(params string[] args)
    {
        using var cli = new CliRun();
        Assert.Equal((0, ""), (await cli.Run(args), cli.Error));
        return cli.Captured!;
    }
}
