using Testbed.Benchmarks.Peers;

namespace Testbed.Tests.Unit.Benchmarks;

/// <summary>How figures of the benchmark against etcd become ratios, and what is said of targets.</summary>
public sealed class PeersSummaryTests
{
    [Fact]
    public void Ratios_are_those_of_the_same_round()
    {
        var data = new PeersData();
        // Each machine state doubles both: the ratio stays what it is while the figures spread.
        foreach (var (round, speed) in new[] { (1, 100.0), (2, 200.0), (3, 400.0) })
        {
            data.Cells.Add(Cell(round, PeerSystems.Etcd, PeerOperations.Put, 16, speed));
            data.Cells.Add(Cell(round, PeerSystems.Testbed, PeerOperations.Put, 16, speed * 5));
        }

        var row = Assert.Single(PeersSummary.Rows(data, 3), row => row.Figure == "per second");
        Assert.Equal(new Spread(200, 100, 400), row.Etcd);
        Assert.Equal(new Spread(5, 5, 5), row.Ratio);
        Assert.True(row.Reached);
    }

    [Theory]
    [InlineData(4.99, false)]
    [InlineData(5, true)]
    public void A_target_is_reached_by_the_median_ratio(double times, bool reached)
    {
        var data = new PeersData();
        data.Cells.Add(Cell(1, PeerSystems.Etcd, PeerOperations.Put, 16, 1000));
        data.Cells.Add(Cell(1, PeerSystems.Testbed, PeerOperations.Put, 16, 1000 * times));
        var rows = PeersSummary.Rows(data, 3);
        Assert.Equal(reached, Assert.Single(rows, row => row.Figure == "per second").Reached);

        // Processor time per put is a tenth of a millisecond on both, where a fifth is asked for.
        Assert.False(Assert.Single(rows, row => row.Figure == "server CPU us/op").Reached);
        Assert.Null(Assert.Single(rows, row => row.Figure == "p99 us").Reached);
    }

    [Fact]
    public void Puts_over_the_stream_stand_against_unary_puts_of_etcd()
    {
        var data = new PeersData();
        data.Cells.Add(Cell(1, PeerSystems.Etcd, PeerOperations.Put, 256, 1000));
        data.Cells.Add(Cell(1, PeerSystems.Testbed, PeerOperations.StreamPut, 256, 12_000));
        var row = Assert.Single(PeersSummary.Rows(data, 3), row => row.Figure == "per second");
        Assert.Equal((12.0, true), (row.Ratio.Median, row.Reached));
    }

    [Fact]
    public void Failover_is_judged_by_its_own_time_and_not_by_the_ratio()
    {
        var data = new PeersData();
        data.Kills.AddRange(Enumerable.Range(0, 10).Select(i => new PeerKill(3, 1, PeerSystems.Etcd, 1000 + i, 1)));
        data.Kills.AddRange(Enumerable.Range(0, 10)
            .Select(i => new PeerKill(3, 1, PeerSystems.Testbed, 60 + (i == 9 ? 400 : i), 1)));
        var rows = PeersSummary.Rows(data, 3);
        Assert.Equal([true, false], rows.Select(row => row.Reached));
        Assert.True(rows[0].TimesBetter.Median > 10);
    }

    [Fact]
    public void One_side_alone_gives_no_ratio_and_no_verdict()
    {
        var data = new PeersData();
        data.Cells.Add(Cell(1, PeerSystems.Testbed, PeerOperations.Get, 64, 1000));
        Assert.All(PeersSummary.Rows(data, 3), row => Assert.Null(row.Reached));
        using var output = new StringWriter();
        PeersOutput.Print(output, data, [3, 5]);
        Assert.DoesNotContain("NaN", output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("5 nodes", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_override_the_defaults_and_the_quick_ones()
    {
        var options = PeersOptions.Parse(["--nodes", "5,3", "--quick", "--rounds", "2", "--clients", "4"]);
        Assert.Equal([3, 5], options.Nodes);
        Assert.Equal([4], options.Clients);
        Assert.Equal(2, options.Rounds);
        Assert.Equal(PeersOptions.Quick.Measured, options.Measured);
    }

    [Theory]
    [InlineData("--nodes")]
    [InlineData("--nodes", "0")]
    [InlineData("--clients", "1,x")]
    [InlineData("--node-program", "/does/not/exist")]
    [InlineData("--speed", "5")]
    public void Wrong_options_are_refused(params string[] words) =>
        Assert.Throws<FormatException>(() => PeersOptions.Parse(words));

    private static PeerCell Cell(int round, string system, string operation, int clients, double perSecond) =>
        new(3, round, system, operation, clients, perSecond, 500, 900, 100, 50, 2000, 1000, 0);
}
