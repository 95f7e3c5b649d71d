using Testbed.Results;

namespace Testbed.Tests.EndToEnd.Harness;

/// <summary>The main job on real clusters: five processes, real sockets, real signals.</summary>
public sealed class RunTests
{
    public static TheoryData<string, string, string, int> Matrix()
    {
        string[] levels = ["memory", "os", "fsync", "memory", "fsync", "os"];
        var data = new TheoryData<string, string, string, int>();
        foreach (var strategy in new[] { "raft", "ecc" })
        {
            var kills = strategy == "raft" ? 0 : 1;
            foreach (var workload in new[] { "a", "b", "c", "d", "e", "f" })
            {
                data.Add(strategy, workload, levels[workload[0] - 'a'], kills++ % 3);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public async Task A_run_ends_valid_with_every_file_there(
        string strategy, string workload, string durability, int kills)
    {
        using var results = new ResultsFolder();
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
            "run", "--strategy", strategy, "--workload", workload, "--durability", durability, "--kill", $"{kills}",
            "--records", "400", "--rate", "200", "--duration", "4s", "--warmup", "1s", "--seed", "7", "--max-lag", "250ms",
            "--results", results.Root);

        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{error}");
        Assert.Contains("VALID", output, StringComparison.Ordinal);
        var run = results.Run;
        foreach (var file in new[]
        {
            run.ManifestPath, run.SummaryPath, run.SummaryTextPath, run.WindowsPath, run.LatencyPath, run.HistogramsPath,
            run.HistoryPath, run.FaultsPath, run.NodesPath, run.VerdictPath, Path.Combine(run.ReportFolder, "index.html"),
            Path.Combine(run.ReportFolder, "timeline.png"), Path.Combine(run.LogFolder, "n0.log"),
        })
        {
            Assert.True(File.Exists(file), $"{file} is missing");
        }

        var summary = run.ReadSummary()!;
        Assert.Equal("valid", summary.Verdict);
        Assert.True(summary.Complete);
        Assert.Equal(0, summary.Check.LostWrites);
        Assert.Equal(kills, summary.Faults.Count(f => f.AppliedNs is not null && f.HealedNs is not null));
        Assert.All(summary.Faults, f => Assert.True(f.OkWhileDown > 0, $"nothing succeeded while {f.Node} was down"));
        Assert.All(summary.Nodes, n => Assert.True(n.CaughtUp, $"{n.Node} did not catch up"));
        Assert.Empty(results.Orphans());
    }

    [Theory]
    [InlineData("raft")]
    [InlineData("ecc")]
    public async Task A_paused_node_is_survived_and_comes_back(string strategy)
    {
        using var results = new ResultsFolder();
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
            "run", "--strategy", strategy, "--workload", "a", "--pause", "1", "--records", "400", "--rate", "200",
            "--duration", "5s", "--warmup", "1s", "--max-lag", "250ms", "--results", results.Root);

        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{error}");
        var fault = Assert.Single(results.Run.ReadFaults());
        Assert.Equal("pause", fault.Kind);
        Assert.NotNull(fault.HealedNs);
    }

    [Fact]
    public async Task Puts_of_fixed_width_bear_the_node_that_the_code_has_to_spare()
    {
        using var results = new ResultsFolder();
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
            "run", "--strategy", "ecc", "--code", "5,2", "--width", "fixed", "--workload", "a", "--kill", "1",
            "--records", "400", "--rate", "200", "--duration", "4s", "--warmup", "1s", "--max-lag", "250ms",
            "--results", results.Root);

        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{error}");
        Assert.Contains("ECC (5,2) of fixed width, tolerates 1", output, StringComparison.Ordinal);
        Assert.Equal("fixed", results.Run.ReadManifest().Options["width"]);
        var summary = results.Run.ReadSummary()!;
        Assert.True(Assert.Single(summary.Faults).OkWhileDown > 0);
        var counters = summary.ClientCounters;
        Assert.Equal((0, 0), (counters["width_steps"], counters["puts_of_width_1"]));
        Assert.True(counters["puts_of_width_2"] > 400);
    }

    [Theory]
    [InlineData("raft")]
    [InlineData("ecc")]
    public async Task Nodes_that_answer_wrongly_make_the_verdict_invalid(string strategy)
    {
        using var results = new ResultsFolder();
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
            "run", "--strategy", strategy, "--workload", "a", "--records", "200", "--rate", "400", "--duration", "4s",
            "--warmup", "1s", "--max-lag", "250ms", "--test-lying-node", "all", "--results", results.Root);

        Assert.True(exitCode == 2, $"exit {exitCode}\n{output}\n{error}");
        Assert.Contains("INVALID", output, StringComparison.Ordinal);
        Assert.Equal("invalid", results.Run.ReadVerdict()!.Result);
    }

    [Fact]
    public async Task A_run_that_fails_fast_heals_and_ends_at_the_first_violation()
    {
        using var results = new ResultsFolder();
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
            "run", "--strategy", "raft", "--workload", "a", "--records", "200", "--rate", "400", "--duration", "300s",
            "--warmup", "1s", "--fault", "pause:follower@0s for 200s", "--test-lying-node", "all", "--fail-fast",
            "--results", results.Root);

        Assert.True(exitCode == 2, $"exit {exitCode}\n{output}\n{error}");
        Assert.Equal("invalid", results.Run.ReadVerdict()!.Result);
        var summary = results.Run.ReadSummary()!;
        Assert.False(summary.Complete);
        Assert.Contains(summary.Notes, note => note.Contains("--fail-fast", StringComparison.Ordinal));
        Assert.All(results.Run.ReadFaults(), fault => Assert.True(fault.AppliedNs is null || fault.HealedNs is not null));
    }

    [Fact]
    public async Task More_kills_than_the_cluster_tolerates_are_refused_with_one_line()
    {
        using var results = new ResultsFolder();
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
            "run", "--strategy", "ecc", "--workload", "b", "--kill", "3", "--results", results.Root);

        Assert.Equal(64, exitCode);
        Assert.Empty(output);
        var line = Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("--allow-outage", line, StringComparison.Ordinal);
        Assert.Empty(RunFolder.List(results.Root));
    }

    [Fact]
    public async Task Several_sizes_of_values_are_compared_beside_what_the_design_predicts()
    {
        using var results = new ResultsFolder();
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
            "compare", "--strategies", "raft,ecc", "--value-size", "128,4KiB", "--records", "300", "--rate", "200",
            "--duration", "1s", "--warmup", "200ms", "--max-lag", "500ms", "--no-report", "--results", results.Root);

        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{error}");
        Assert.Equal(4, RunFolder.List(results.Root).Count);
        Assert.Contains("predicted", output, StringComparison.Ordinal);
        var pages = Directory.GetFiles(results.Root, "index.html", SearchOption.AllDirectories);
        Assert.Equal(["", "128B", "4KiB"], pages.Select(page => Path.GetDirectoryName(page)!)
            .Select(folder => Path.GetFileName(folder) is var name && name.StartsWith("compare-", StringComparison.Ordinal) ? "" : name)
            .Order(StringComparer.Ordinal));
        var csv = Directory.GetFiles(results.Root, "sweep.csv", SearchOption.AllDirectories).Single();
        var rows = File.ReadAllLines(csv).Select(line => line.Split(',')).ToList();
        foreach (var metric in new[] { "stored_payload", "stored_and_log", "sent_per_put", "sent_per_get" })
        {
            var measured = rows.Where(row => row[0] == metric).ToList();
            Assert.Equal(4, measured.Count);
            Assert.All(measured, row => Assert.True(Number(row[5]) > 0 && Number(row[6]) > 0, string.Join(',', row)));
        }

        // Five copies are five copies; an element may be larger than planned where a node was slow.
        Assert.All(rows.Where(row => row[0] == "stored_payload"), row => Assert.InRange(
            Number(row[5]) / Number(row[6]), 0.999, row[3] == "raft" ? 1.001 : 2));

        static double Number(string text) => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
    }
}
