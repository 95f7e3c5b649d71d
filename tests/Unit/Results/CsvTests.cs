using Testbed.Results;

namespace Testbed.Tests.Unit.Results;

/// <summary>The CSV files are an interface: headers and forms are fixed here.</summary>
public sealed class CsvTests
{
    [Fact]
    public void Windows_csv_looks_like_this()
    {
        using var _ = new CommaCulture();
        WindowRow[] rows =
        [
            new(100_000_000, "steady", "read", "ok", 190, 412.5, 1833.017, 2500, 400.25, 1800),
            new(100_000_000, "steady", "update", "shed", 3, null, null, null, null, null),
        ];
        Check(rows,
            """
            t_ns,phase,operation,outcome,count,latency_p50_us,latency_p99_us,latency_max_us,service_p50_us,service_p99_us
            100000000,steady,read,ok,190,412.5,1833.017,2500,400.25,1800
            100000000,steady,update,shed,3,,,,,

            """);
    }

    [Fact]
    public void Latency_csv_looks_like_this()
    {
        using var _ = new CommaCulture();
        LatencyRow[] rows = [new("measured", "read", "ok", "latency", 99.9, 1833.017, 59_940)];
        Check(rows,
            """
            phase,operation,outcome,kind,percentile,value_us,count
            measured,read,ok,latency,99.9,1833.017,59940

            """);
    }

    [Fact]
    public void Faults_csv_looks_like_this()
    {
        using var _ = new CommaCulture();
        FaultRow[] rows =
        [
            new(1, "kill", "n2", 15_000_000_000, 15_003_100_200, null, 25_000_000_000, null, "exit code 137, \"killed\"", ""),
            new(2, "pause", "n0", -1, null, null, null, null, "line one\nline two", "never"),
        ];
        Check(rows,
            """"
            id,kind,node,requested_ns,applied_ns,observed_ns,heal_requested_ns,healed_ns,evidence,heal_evidence
            1,kill,n2,15000000000,15003100200,,25000000000,,"exit code 137, ""killed""",
            2,pause,n0,-1,,,,,"line one
            line two",never

            """");
    }

    [Fact]
    public void Nodes_csv_looks_like_this()
    {
        using var _ = new CommaCulture();
        NodeRow[] rows =
        [
            new(250_000_000, "n0", "up", 1.25, 104_857_600, 90, 80, 1, 2, 10, 20, 3, 4, 5, 6, 7, "leader", 8, 9),
            new(250_000_000, "n2", "up", null, null, null, null, null, null, null, null, null, null, null, null, null, "replica",
                null, null, "recovering", 12, 3_000, 9_500),
            new(250_000_000, "n1", "down", null, null, null, null, null, null, null, null, null, null, null, null, null, ""),
        ];
        Check(rows,
            """
            t_ns,node,state,cpu_seconds,rss_bytes,working_set_bytes,cache_bytes,network_rx_bytes,network_tx_bytes,interface_rx_bytes,interface_tx_bytes,disk_read_bytes,disk_write_bytes,store_payload_bytes,store_total_bytes,store_keys,role,gc_heap_bytes,log_allocated_bytes,standing,slots_ready,rebuilt_bytes,rebuild_read_bytes
            250000000,n0,up,1.25,104857600,90,80,1,2,10,20,3,4,5,6,7,leader,8,9,,,,
            250000000,n2,up,,,,,,,,,,,,,,replica,,,recovering,12,3000,9500
            250000000,n1,down,,,,,,,,,,,,,,,,,,,,

            """);
    }

    [Fact]
    public void A_file_that_is_not_there_has_no_rows()
    {
        using var folder = new TemporaryFolder();
        Assert.Empty(CsvRows.Read<LatencyRow>(folder.In("latency.csv")));
    }

    [Fact]
    public void Of_an_unfinished_file_all_whole_lines_are_read()
    {
        using var folder = new TemporaryFolder();
        var path = folder.In("latency.csv");
        using (var appender = new CsvAppender<LatencyRow>(path))
        {
            appender.Append(new LatencyRow("steady", "read", "ok", "latency", 50, 1.5, 10));
            appender.Flush();
        }

        Assert.False(File.Exists(path));
        File.AppendAllText(path + PartialFile.Suffix, "steady,read,ok,lat");
        Assert.Equal(1.5, Assert.Single(CsvRows.Read<LatencyRow>(path)).ValueUs);
    }

    [Fact]
    public void Samples_of_runs_from_before_rebuilds_were_sampled_can_be_read()
    {
        using var folder = new TemporaryFolder();
        var path = folder.In("nodes.csv");
        File.WriteAllText(path,
            "t_ns,node,state,cpu_seconds,rss_bytes,working_set_bytes,cache_bytes,network_rx_bytes,network_tx_bytes,interface_rx_bytes,"
            + "interface_tx_bytes,disk_read_bytes,disk_write_bytes,store_payload_bytes,store_total_bytes,store_keys,role\n"
            + "1,n0,up,1.25,2,3,4,5,6,7,8,9,10,11,12,13,leader\n");
        var row = Assert.Single(CsvRows.Read<NodeRow>(path));
        Assert.Equal((13, "leader", "", null), (row.StoreKeys, row.Role, row.Standing, row.SlotsReady));
    }

    [Fact]
    public void A_malformed_line_is_named()
    {
        using var folder = new TemporaryFolder();
        var path = folder.In("latency.csv");
        File.WriteAllText(path,
            "phase,operation,outcome,kind,percentile,value_us,count\na,b,c,d,1,2,3\na,b,c,d,1,\"2,5\",3\n");
        var e = Assert.Throws<ResultsException>(() => CsvRows.Read<LatencyRow>(path));
        Assert.Contains("latency.csv line 3:", e.Message, StringComparison.Ordinal);
    }

    private static void Check<T>(T[] rows, string expected)
    {
        using var folder = new TemporaryFolder();
        var path = folder.In("rows.csv");
        CsvRows.Write(path, rows);
        Assert.Equal(expected.ReplaceLineEndings("\n"), File.ReadAllText(path));
        Assert.NotEqual(0xEF, File.ReadAllBytes(path)[0]);
        Assert.Equal(rows, CsvRows.Read<T>(path));
    }
}
