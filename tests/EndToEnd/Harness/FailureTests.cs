using System.Net;
using System.Net.Sockets;
using Testbed.Results;

namespace Testbed.Tests.EndToEnd.Harness;

/// <summary>
/// What users and machines do wrong: a clear line, the right exit code, nothing left behind, nothing lost.
/// </summary>
public sealed class FailureTests
{
    [Theory]
    [InlineData("recordcount=many\n", "recordcount")]
    [InlineData("recrodcount=100\n", "recordcount")]
    public async Task A_wrong_property_file_is_one_clear_line(string text, string expected)
    {
        using var results = new ResultsFolder();
        var file = Path.Combine(results.Root, "mine.properties");
        await File.WriteAllTextAsync(file, text, TestContext.Current.CancellationToken);

        var (exitCode, output, error) = await HarnessProcess.RunAsync("run", "--workload", file, "--results", results.Root);

        Assert.Equal(64, exitCode);
        Assert.Empty(output);
        Assert.Contains(expected, Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_results_folder_that_cannot_be_written_is_one_clear_line()
    {
        using var results = new ResultsFolder();
        var file = Path.Combine(results.Root, "a-file");
        await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);

        var (exitCode, _, error) = await HarnessProcess.RunAsync("run", "--results", Path.Combine(file, "runs"));

        Assert.Equal(64, exitCode);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task A_port_in_use_makes_the_run_void_and_names_the_port()
    {
        using var results = new ResultsFolder();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;

        var (exitCode, output, error) = await HarnessProcess.RunAsync(
            "run", "--base-port", $"{port}", "--results", results.Root);

        Assert.Equal(4, exitCode);
        Assert.Contains($"{port}", output + error, StringComparison.Ordinal);
        Assert.Empty(results.Orphans());
    }

    [Theory]
    [InlineData("phase: load")]
    [InlineData("phase: warm-up")]
    [InlineData("phase: fault")]
    [InlineData("phase: drain")]
    public async Task Ctrl_C_keeps_what_was_measured_and_leaves_no_process(string phase)
    {
        using var results = new ResultsFolder();
        await using var harness = HarnessProcess.Start(
            "run", "--strategy", "ecc", "--workload", "a", "--kill", "1", "--records", "2000", "--rate", "200",
            "--duration", "4s", "--warmup", "1s", "--results", results.Root);
        await harness.WaitForAsync(phase);

        await harness.SignalAsync("INT");
        var exitCode = await harness.WaitAsync();

        Assert.True(exitCode == 130, $"exit {exitCode}\n{harness.Out}\n{harness.Error}");
        var summary = results.Run.ReadSummary()!;
        Assert.False(summary.Complete);
        Assert.True(File.Exists(results.Run.HistoryPath));
        Assert.Empty(results.Orphans());
    }

    [Fact]
    public async Task A_harness_that_is_killed_leaves_no_node_behind_and_a_readable_folder()
    {
        using var results = new ResultsFolder();
        await using var harness = HarnessProcess.Start(
            "run", "--strategy", "raft", "--workload", "a", "--pause", "1", "--records", "200", "--rate", "200",
            "--duration", "20s", "--warmup", "1s", "--pause-at", "1s", "--resume-at", "19s", "--results", results.Root);
        await harness.WaitForAsync("phase: fault");

        await harness.SignalAsync("KILL");
        await harness.WaitAsync();

        var deadline = DateTime.UtcNow.AddSeconds(15);
        while (results.Orphans().Count > 0 && DateTime.UtcNow < deadline)
        {
            await Task.Yield();
        }

        Assert.Empty(results.Orphans());
        Assert.NotNull(RunFolder.Open(results.Run.FullPath).ReadManifest());
        Assert.NotEmpty(results.Run.ReadNodes());
    }
}
