using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Testbed.Tests.EndToEnd.Harness;

/// <summary>Links that are cut: real nodes, the real link proxy between them and the clients.</summary>
public sealed class LinkFaultTests
{
    private static readonly string[] Usual =
    [
        "--records", "300", "--rate", "200", "--warmup", "1s", "--max-lag", "500ms",
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("raft", "partition:leader@1s for 2s", "partition")]
    [InlineData("ecc", "isolate:any@1s for 2s", "isolate")]
    public async Task A_run_with_cut_links_is_valid_and_shows_that_they_were_cut(string strategy, string fault, string kind)
    {
        using var results = new ResultsFolder();
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
        [
            "run", "--strategy", strategy, "--workload", "a", "--fault", fault, "--duration", "6s",
            "--results", results.Root, .. Usual,
        ]);

        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{error}");
        var run = results.Run;
        var row = Assert.Single(run.ReadFaults());
        Assert.Equal(kind, row.Kind);
        Assert.Matches(@"^nothing passed for \d+ ms; held back: .* connections? (towards|from) n\d", row.Evidence);
        Assert.Matches(@"^bytes flow to and from n\d again \d+ ms after the links were mended; ", row.HealEvidence);
        var summary = run.ReadSummary()!;
        Assert.Equal(0, summary.Check.LostWrites);
        Assert.True(Assert.Single(summary.Faults).OkWhileDown > 0, "nothing succeeded while the links were cut");
        Assert.All(summary.Nodes, n => Assert.True(n.CaughtUp, $"{n.Node} did not catch up"));
        Assert.Contains(summary.Notes, n => n.Contains("link proxy", StringComparison.Ordinal));
        Assert.Contains(":stall", await File.ReadAllTextAsync(Path.Combine(run.LogFolder, "links.log"), Cancel),
            StringComparison.Ordinal);
        Assert.Empty(results.Orphans());
    }

    [Fact]
    public async Task Cuts_of_two_nodes_overlap()
    {
        using var results = new ResultsFolder();
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
        [
            "run", "--strategy", "ecc", "--workload", "b", "--fault", "partition-in:n1@1s for 2s",
            "--fault", "partition-out:n2@1500ms for 3s", "--duration", "6s", "--results", results.Root, .. Usual,
        ]);

        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{error}");
        var rows = results.Run.ReadFaults();
        Assert.Contains("towards n1", rows[0].Evidence, StringComparison.Ordinal);
        Assert.DoesNotContain("from n1", rows[0].Evidence, StringComparison.Ordinal);
        Assert.Contains("from n2", rows[1].Evidence, StringComparison.Ordinal);
        Assert.DoesNotContain("towards n2", rows[1].Evidence, StringComparison.Ordinal);
        Assert.All(rows, r => Assert.NotNull(r.HealedNs));
    }

    [Theory]
    [InlineData("KILL", 137)]
    [InlineData("INT", 130)]
    public async Task A_harness_that_ends_while_links_are_cut_leaves_no_process(string signal, int expected)
    {
        using var results = new ResultsFolder();
        await using var harness = HarnessProcess.Start(
        [
            "run", "--strategy", "raft", "--workload", "a", "--fault", "isolate:n1@1s for 18s", "--duration", "20s",
            "--results", results.Root, .. Usual,
        ]);
        await harness.WaitForAsync("fault: isolate n1: nothing passed");
        Assert.Contains(results.Orphans(), p => p.Contains("testbed-linkd", StringComparison.Ordinal));

        await harness.SignalAsync(signal);
        Assert.Equal(expected, await harness.WaitAsync());

        for (var deadline = DateTime.UtcNow.AddSeconds(15); results.Orphans().Count > 0 && DateTime.UtcNow < deadline;)
        {
            await Task.Yield();
        }

        Assert.Empty(results.Orphans());
    }

    [Fact]
    public async Task A_taken_port_is_one_line_and_an_exit_code_of_its_own()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        using var proxy = StartProxy("--control", "127.0.0.1:0", "--link", $"n0>n1={taken.LocalEndpoint}=127.0.0.1:1");
        var error = await proxy.StandardError.ReadToEndAsync(Cancel);
        await proxy.WaitForExitAsync(Cancel);

        Assert.Equal(69, proxy.ExitCode);
        Assert.StartsWith($"testbed-linkd: cannot listen on {taken.LocalEndpoint} (link n0>n1): ",
            Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_proxy_ends_with_its_standard_input()
    {
        using var proxy = StartProxy(
            "--control", "127.0.0.1:0", "--exit-with-parent", "--link", "n0>n1=127.0.0.1:0=127.0.0.1:1");
        Assert.Contains("links: 1, control on 127.0.0.1:", await proxy.StandardError.ReadLineAsync(Cancel) ?? "",
            StringComparison.Ordinal);
        proxy.StandardInput.Close();
        await proxy.WaitForExitAsync(Cancel);
        Assert.Equal(0, proxy.ExitCode);
    }

    private static Process StartProxy(params string[] arguments)
    {
        var info = new ProcessStartInfo("dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        info.ArgumentList.Add(Path.Combine(HarnessProcess.Folder, "linkd", "testbed-linkd.dll"));
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        return Process.Start(info)!;
    }
}
