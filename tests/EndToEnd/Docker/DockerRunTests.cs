using Testbed.Results;
using Testbed.Tests.EndToEnd.Harness;

namespace Testbed.Tests.EndToEnd.Docker;

/// <summary>The main job on clusters of containers.</summary>
public sealed class DockerRunTests
{
    private static readonly string[] Common =
    [
        "run", "--cluster", "docker", "--records", "300", "--rate", "150", "--warmup", "1s", "--max-lag", "2s",
    ];

    public static TheoryData<string, string, int> Matrix()
    {
        var data = new TheoryData<string, string, int>();
        foreach (var strategy in new[] { "raft", "ecc" })
        {
            foreach (var workload in new[] { "a", "b" })
            {
                for (var kills = 0; kills <= 2; kills++)
                {
                    data.Add(strategy, workload, kills);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public async Task A_run_in_containers_ends_valid_with_the_resources_of_every_node(string strategy, string workload, int kills)
    {
        DockerEngine.Require();
        using var results = new ResultsFolder();
        await RunAsync(results, 0, "--strategy", strategy, "--workload", workload, "--kill", $"{kills}", "--duration", "5s");

        var summary = results.Run.ReadSummary()!;
        Assert.Equal("valid", summary.Verdict);
        Assert.Equal(0, summary.Check.LostWrites);
        Assert.Equal(kills, summary.Faults.Count(f => f.AppliedNs is not null && f.HealedNs is not null));
        Assert.All(summary.Faults, f => Assert.True(f.OkWhileDown > 0, $"nothing succeeded while {f.Node} was down"));
        Assert.All(summary.Nodes, n => Assert.True(n.CaughtUp && n.CpuSeconds > 0 && n.MaxRssBytes > 0, $"{n.Node}: {n}"));
        foreach (var node in results.Run.ReadNodes().GroupBy(r => r.Node))
        {
            Assert.Contains(node, r => r is
            {
                CpuSeconds: > 0, WorkingSetBytes: > 0, CacheBytes: not null, InterfaceRxBytes: > 0, InterfaceTxBytes: > 0,
                NetworkTxBytes: > 0, DiskWriteBytes: not null,
            });
            Assert.True(File.Exists(Path.Combine(results.Run.LogFolder, node.Key + ".log")));
        }

        var events = await File.ReadAllTextAsync(
            Path.Combine(results.Run.LogFolder, "engine-events.log"), TestContext.Current.CancellationToken);
        Assert.All(summary.Faults, f => Assert.Contains($"{f.Node} die exitCode=137", events, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("raft", "pause:any@1s for 2s", "paused (freezer)", "running", "--workload", "b")]
    [InlineData("ecc", "pause:any@1s for 2s", "paused (freezer)", "running")]
    [InlineData("raft", "oom:any@1s for 2s", "killed for memory (OOM)", "memory limit restored, serving after")]
    [InlineData("ecc", "oom:any@1s for 2s", "killed for memory (OOM)", "memory limit restored, serving after", "--workload", "b")]
    [InlineData("raft", "disk-full:any@1s for 2s", "no space left on device", "volume freed; the node had ended with exit code 74, serving after")]
    [InlineData("ecc", "throttle:any@1s for 2s to 0.02", "limited to 0.02 CPUs, held back after", "limit lifted; held back in")]
    [InlineData("ecc", "restart:any@1s", "exit code 0", "serving after")]
    [InlineData("raft", "isolate:leader@1s for 2s", "held back", "bytes flow")]
    [InlineData("ecc", "partition-in:any@1s for 2s", "held back", "bytes flow", "--node-access", "published")]
    public async Task A_fault_is_applied_with_evidence_and_undone(
        string strategy, string fault, string evidence, string undone, string option = "--workload", string value = "a")
    {
        DockerEngine.Require();
        using var results = new ResultsFolder();

        // A disk matters only where something is written to it.
        var level = fault.StartsWith("disk", StringComparison.Ordinal) ? "os" : "memory";
        await RunAsync(
            results, 0, "--strategy", strategy, "--durability", level, "--duration", "6s", "--fault", fault, option, value);

        var row = Assert.Single(results.Run.ReadFaults());
        Assert.Contains(evidence, row.Evidence, StringComparison.Ordinal);
        Assert.Contains(undone, row.HealEvidence, StringComparison.Ordinal);
        Assert.Equal(0, results.Run.ReadSummary()!.Check.LostWrites);
    }

    [Fact]
    public async Task Limits_and_published_ports_are_honoured()
    {
        DockerEngine.Require();
        using var results = new ResultsFolder();
        await using var harness = Start(results, "--strategy", "ecc", "--node-cpus", "0.75", "--node-memory", "300MiB",
            "--node-disk", "64MiB", "--node-access", "published", "--duration", "3s", "--kill", "1");
        await harness.WaitForAsync("phase: warm-up");
        var containers = await DockerEngine.LinesAsync("ps", "--quiet", "--filter", $"label=io.testbed.run={results.Run.RunId}",
            "--filter", "label=io.testbed.node=n0");
        var limits = await DockerEngine.LinesAsync("inspect", "--format",
            "{{.HostConfig.CpuQuota}} {{.HostConfig.Memory}} {{.Config.User}} {{(index (index .NetworkSettings.Ports \"7000/tcp\") 0).HostIp}}",
            Assert.Single(containers));

        Assert.Equal("75000 314572800 65532:65532 127.0.0.1", Assert.Single(limits));
        Assert.True(await harness.WaitAsync() == 0, $"{harness.Out}\n{harness.Error}");
        Assert.Empty(await DockerEngine.LeftOfAsync(results.Run.RunId));
    }

    [Fact]
    public async Task Processes_and_containers_get_the_same_operations_and_give_the_same_columns()
    {
        DockerEngine.Require();
        using var processes = new ResultsFolder();
        using var containers = new ResultsFolder();
        string[] arguments =
        [
            "--strategy", "raft", "--workload", "a", "--duration", "3s", "--kill", "1", "--seed", "11", "--arrival", "constant",
        ];
        await RunAsync(containers, 0, arguments);
        string[] process = [.. Common.Where(w => w is not ("--cluster" or "docker")), .. arguments, "--results", processes.Root];
        var (exitCode, output, error) = await HarnessProcess.RunAsync(process);

        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{error}");
        Assert.Equal(await OperationsAsync(processes.Run), await OperationsAsync(containers.Run));
        Assert.Equal(
            processes.Run.ReadFaults().Select(f => (f.Kind, f.Node)), containers.Run.ReadFaults().Select(f => (f.Kind, f.Node)));
        foreach (var file in new[] { "nodes.csv", "faults.csv", "windows.csv", "latency.csv" })
        {
            Assert.Equal(await HeaderAsync(processes.Run, file), await HeaderAsync(containers.Run, file));
        }

        Assert.Equal(Files(processes.Run.ReportFolder), Files(containers.Run.ReportFolder));
    }

    [Theory]
    [InlineData("phase: start")]
    [InlineData("phase: load")]
    [InlineData("phase: fault")]
    public async Task Ctrl_C_leaves_nothing_in_the_engine(string phase)
    {
        DockerEngine.Require();
        using var results = new ResultsFolder();
        await using var harness = Start(results, "--strategy", "ecc", "--pause", "1", "--duration", "5s");
        await harness.WaitForAsync(phase);

        await harness.SignalAsync("INT");

        Assert.Equal(130, await harness.WaitAsync());
        Assert.Empty(await DockerEngine.LeftOfAsync(results.Run.RunId));
    }

    [Fact]
    public async Task A_node_that_cannot_start_makes_the_run_void_and_leaves_nothing()
    {
        DockerEngine.Require();
        using var results = new ResultsFolder();
        // The smallest memory a node may be given: .NET does not come up in it, or not for long.
        var output = await RunAsync(results, 4, "--strategy", "raft", "--node-memory", "32MiB", "--node-disk", "16MiB");
        Assert.Contains("VOID", output, StringComparison.Ordinal);
        Assert.Contains("OOM", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_killed_harness_left_is_found_by_label_and_removed()
    {
        DockerEngine.Require();
        using var results = new ResultsFolder();
        await using var harness = Start(results, "--strategy", "raft", "--pause", "1", "--pause-at", "500ms", "--duration", "60s",
            "--node-disk", "64MiB");
        await harness.WaitForAsync("phase: fault");
        await harness.SignalAsync("KILL");
        await harness.WaitAsync();
        var runId = results.Run.RunId;
        Assert.NotEmpty(await DockerEngine.LeftOfAsync(runId));

        var (exitCode, output, error) = await HarnessProcess.RunAsync("cluster", "prune");

        Assert.True(exitCode == 0, error);
        Assert.Contains("6 containers, 1 networks, 5 volumes", output, StringComparison.Ordinal);
        Assert.Empty(await DockerEngine.LeftOfAsync(runId));
    }

    private static HarnessProcess Start(ResultsFolder results, params string[] arguments) =>
        HarnessProcess.Start([.. Common, .. arguments, "--results", results.Root]);

    private static async Task<string> RunAsync(ResultsFolder results, int expectedExitCode, params string[] arguments)
    {
        await using var harness = Start(results, arguments);
        var exitCode = await harness.WaitAsync();
        Assert.True(exitCode == expectedExitCode, $"exit {exitCode}\n{harness.Out}\n{harness.Error}");
        Assert.Empty(await DockerEngine.LeftOfAsync(results.Run.RunId));
        return harness.Out;
    }

    private static async Task<IReadOnlyList<string>> OperationsAsync(RunFolder run)
    {
        using var text = new StreamReader(new System.IO.Compression.GZipStream(
            File.OpenRead(run.HistoryPath), System.IO.Compression.CompressionMode.Decompress));
        var all = await text.ReadToEndAsync(TestContext.Current.CancellationToken);
        // Which of the clients gets an operation depends on who is free; what is asked for does not.
        return [.. all.Split('\n').Where(l => l.Contains("\"invoke\"", StringComparison.Ordinal))
            .Select(l => l[l.IndexOf("\"f\"", StringComparison.Ordinal)..l.IndexOf(",\"time\"", StringComparison.Ordinal)])
            .Order(StringComparer.Ordinal)];
    }

    private static async Task<string> HeaderAsync(RunFolder run, string file) =>
        (await File.ReadAllLinesAsync(Path.Combine(run.FullPath, file), TestContext.Current.CancellationToken))[0];

    private static IEnumerable<string?> Files(string folder) =>
        Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal);
}
