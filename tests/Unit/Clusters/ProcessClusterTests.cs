using System.Diagnostics;
using Testbed.Harness.Clusters;
using Testbed.Harness.Clusters.Processes;
using Testbed.Injectors;

namespace Testbed.Tests.Unit.Clusters;

public sealed class ProcessClusterTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_node_is_killed_started_again_and_sampled()
    {
        NotOnWindows();
        using var nodes = new ScriptedNodes(ScriptedNodes.Well);
        await using var cluster = await ProcessCluster.StartAsync(nodes.Options(2), nodes, Cancel);
        Assert.Equal(2, cluster.Addresses.Distinct().Count());

        var evidence = await cluster.KillAsync(1, Cancel);
        Assert.Contains("exit code 137 (SIGKILL)", evidence, StringComparison.Ordinal);
        var rows = await cluster.SampleAsync(Cancel);
        Assert.Equal(["up", "down"], rows.Select(r => r.State));
        Assert.NotNull(rows[0].RssBytes);
        Assert.Null(rows[1].RssBytes);

        var again = await cluster.StartAsync(1, Cancel);
        Assert.Contains("serving after", again, StringComparison.Ordinal);
        Assert.Equal(["up", "up"], (await cluster.SampleAsync(Cancel)).Select(r => r.State));
    }

    [Fact]
    public async Task A_stopped_node_ends_by_SIGTERM()
    {
        NotOnWindows();
        using var nodes = new ScriptedNodes(ScriptedNodes.Well);
        await using var cluster = await ProcessCluster.StartAsync(nodes.Options(1), nodes, Cancel);
        var evidence = await cluster.StopAsync(0, Cancel);
        Assert.Contains("exit code 143 (SIGTERM)", evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_paused_node_is_seen_stopped_by_the_system_and_runs_again()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "process states are read from /proc");
        using var nodes = new ScriptedNodes(ScriptedNodes.Well);
        await using var cluster = await ProcessCluster.StartAsync(nodes.Options(1), nodes, Cancel);
        Assert.Contains("state T", await cluster.PauseAsync(0, Cancel), StringComparison.Ordinal);
        Assert.Equal("paused", (await cluster.SampleAsync(Cancel))[0].State);
        await Assert.ThrowsAsync<NodeControlException>(() => cluster.PauseAsync(0, Cancel));
        Assert.Matches("state [RSD]", await cluster.ResumeAsync(0, Cancel));
    }

    [Fact]
    public async Task What_cannot_be_done_says_so()
    {
        NotOnWindows();
        using var nodes = new ScriptedNodes(ScriptedNodes.Well);
        await using var cluster = await ProcessCluster.StartAsync(nodes.Options(1), nodes, Cancel);
        Assert.Equal("n0 is already running", (await Assert.ThrowsAsync<NodeControlException>(
            () => cluster.StartAsync(0, Cancel))).Message);
        await cluster.KillAsync(0, Cancel);
        Assert.Equal("n0 is already down and cannot be killed", (await Assert.ThrowsAsync<NodeControlException>(
            () => cluster.KillAsync(0, Cancel))).Message);
    }

    [Fact]
    public async Task A_node_that_does_not_start_is_named_with_exit_code_and_last_log_line()
    {
        NotOnWindows();
        using var nodes = new ScriptedNodes("echo first line; echo 'no such disk' >&2; exit 3");
        var e = await Assert.ThrowsAsync<ClusterStartException>(
            () => ProcessCluster.StartAsync(nodes.Options(1), nodes, Cancel));
        Assert.Equal("n0 did not start: exit code 3; its log ends with: no such disk", e.Message);
        Assert.False(Directory.Exists(nodes.Options(1).DataFolder));
    }

    [Fact]
    public async Task A_lost_port_is_tried_three_times_with_new_ports()
    {
        NotOnWindows();
        using var nodes = new ScriptedNodes("exit 69");
        var e = await Assert.ThrowsAsync<ClusterStartException>(
            () => ProcessCluster.StartAsync(nodes.Options(1) with { BasePort = 0 }, nodes, Cancel));
        Assert.Contains("exit code 69 (port in use)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_given_port_in_use_is_one_clear_error()
    {
        using var nodes = new ScriptedNodes("exit 69");
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        var e = await Assert.ThrowsAsync<ClusterStartException>(
            () => ProcessCluster.StartAsync(nodes.Options(1) with { BasePort = port }, nodes, Cancel));
        Assert.Equal($"port {port} is in use; choose another --base-port or leave it out to get free ports", e.Message);
    }

    [Fact]
    public async Task An_end_nobody_asked_for_is_reported()
    {
        NotOnWindows();
        using var nodes = new ScriptedNodes(ScriptedNodes.Well);
        await using var cluster = await ProcessCluster.StartAsync(nodes.Options(2), nodes, Cancel);
        var reported = new TaskCompletionSource<(int, string)>();
        cluster.UnexpectedExit += (node, what) => reported.TrySetResult((node, what));
        Process.GetProcessById(cluster.Processes()[1].Pid).Kill();
        var (who, text) = await reported.Task.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Assert.Equal(1, who);
        Assert.StartsWith("n1 ended by itself with exit code 137", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_left_after_the_cluster()
    {
        NotOnWindows();
        using var nodes = new ScriptedNodes(ScriptedNodes.Well);
        var cluster = await ProcessCluster.StartAsync(nodes.Options(2), nodes, Cancel);
        var processes = cluster.Processes();
        await cluster.PauseAsync(1, Cancel);
        await cluster.DisposeAsync();
        Assert.All(processes, p => Assert.Null(ProcessIdentity.StartToken(p.Pid)));
        Assert.False(Directory.Exists(nodes.Options(2).DataFolder));
        Assert.True(File.Exists(Path.Combine(nodes.Folder, "logs", "n0.log")));
    }

    [Fact]
    public async Task The_reaper_ends_even_a_paused_node_when_its_harness_is_gone()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "start times are read from /proc");
        var folder = Directory.CreateTempSubdirectory("testbed-unit-").FullName;
        DataFolders.Make(folder);
        using var sleeper = Process.Start("sleep", "60");
        using var stranger = Process.Start("sleep", "60");
        try
        {
            using (var reaper = Reaper.Start(folder)!)
            {
                reaper.Watch([
                    (sleeper.Id, ProcessIdentity.StartToken(sleeper.Id)),
                    // The id fits but not the start time: another process has got the id since.
                    (stranger.Id, "1"),
                ]);
                Assert.True(UnixSignal.TrySend(sleeper.Id, UnixSignal.Stop, out _));
            }

            await sleeper.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(10), Cancel);
            Assert.Equal(137, sleeper.ExitCode);
            Assert.False(stranger.HasExited);
            Assert.False(Directory.Exists(folder));
        }
        finally
        {
            stranger.Kill();
        }
    }

    [Fact]
    public void The_leader_is_the_one_with_the_highest_term()
    {
        static Dictionary<string, string> Status(string role, string term) => new() { ["role"] = role, ["term"] = term };
        Assert.Equal(2, NodeStatus.Leader([Status("leader", "3"), null, Status("leader", "10"), Status("follower", "11")]));
        Assert.Null(NodeStatus.Leader([Status("follower", "3"), null]));
        Assert.Null(NodeStatus.Leader([new Dictionary<string, string>()]));
    }

    [Fact]
    public void Chosen_ports_are_different_and_free()
    {
        var ports = Ports.Choose(20);
        Assert.Equal(20, ports.Distinct().Count());
        Assert.All(ports, p => Assert.InRange(p, 1024, 65535));
    }

    private static void NotOnWindows() => Assert.SkipWhen(OperatingSystem.IsWindows(), "the node is a shell script");
}
