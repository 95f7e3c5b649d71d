using System.Net;
using System.Net.Sockets;
using Testbed.Tests.EndToEnd.Harness;

namespace Testbed.Tests.EndToEnd.Docker;

/// <summary>Engines that are not at the usual place: elsewhere, absent, silent, or too old.</summary>
public sealed class RemoteEngineTests
{
    [Fact]
    public async Task An_engine_reached_over_TCP_serves_through_published_ports_and_its_own_statistics()
    {
        DockerEngine.Require();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var forwarding = ForwardAsync(listener, stop.Token);
        using var results = new ResultsFolder();
        await using var harness = HarnessProcess.Start(
            [
                "run", "--cluster", "docker", "--strategy", "raft", "--workload", "a", "--records", "300", "--rate", "100",
                "--duration", "6s", "--warmup", "1s", "--kill", "1", "--max-lag", "2s", "--results", results.Root,
            ],
            ("DOCKER_HOST", $"tcp://{listener.LocalEndpoint}"));

        var exitCode = await harness.WaitAsync();
        await stop.CancelAsync();
        await forwarding;

        Assert.True(exitCode == 0, $"exit {exitCode}\n{harness.Out}\n{harness.Error}");
        Assert.Contains(results.Run.ReadNodes(), r => r is { CpuSeconds: > 0, WorkingSetBytes: > 0, InterfaceTxBytes: > 0 });
        Assert.Empty(await DockerEngine.LeftOfAsync(results.Run.RunId));
    }

    [Theory]
    [InlineData("unix:///nowhere/docker.sock", "no Docker engine answers at unix:///nowhere/docker.sock")]
    [InlineData("tcp://127.0.0.1:1", "no Docker engine answers at tcp://127.0.0.1:1")]
    [InlineData("nonsense", "DOCKER_HOST")]
    public async Task An_engine_that_is_not_there_is_one_clear_line(string host, string line)
    {
        using var results = new ResultsFolder();
        await using var harness = HarnessProcess.Start(
            ["cluster", "prune"], ("DOCKER_HOST", host));

        Assert.Equal(4, await harness.WaitAsync());
        Assert.Contains(line, Assert.Single(harness.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Empty(harness.Out);
    }

    [Fact]
    public async Task An_engine_that_is_too_old_is_refused_with_its_version()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var old = AnswerAsync(listener, """{"Version":"17.05.0","ApiVersion":"1.29","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64"}""", stop.Token);
        await using var harness = HarnessProcess.Start(["cluster", "prune"], ("DOCKER_HOST", $"tcp://{listener.LocalEndpoint}"));

        Assert.Equal(4, await harness.WaitAsync());
        await stop.CancelAsync();
        await old;
        Assert.Contains("the Docker engine 17.05.0 is too old: its API is 1.29, 1.40 is needed", harness.Error, StringComparison.Ordinal);
    }

    /// <summary>Carries TCP connections to this machine's engine, which listens on a Unix socket.</summary>
    private static async Task ForwardAsync(TcpListener listener, CancellationToken cancel)
    {
        var carried = new List<Task>();
        try
        {
            while (true)
            {
                var from = await listener.AcceptSocketAsync(cancel);
                var to = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await to.ConnectAsync(new UnixDomainSocketEndPoint("/var/run/docker.sock"), cancel);
                carried.Add(Task.WhenAll(CopyAsync(from, to, cancel), CopyAsync(to, from, cancel)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(carried);
        }
    }

    private static async Task CopyAsync(Socket from, Socket to, CancellationToken cancel)
    {
        var buffer = new byte[65536];
        try
        {
            for (int read; (read = await from.ReceiveAsync(buffer, cancel)) > 0;)
            {
                await to.SendAsync(buffer.AsMemory(0, read), cancel);
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            to.Dispose();
        }
    }

    private static async Task AnswerAsync(TcpListener listener, string json, CancellationToken cancel)
    {
        try
        {
            using var socket = await listener.AcceptSocketAsync(cancel);
            var buffer = new byte[4096];
            await socket.ReceiveAsync(buffer, cancel);
            await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes(
                $"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\nConnection: close\r\n\r\n{json}"), cancel);
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }
}
