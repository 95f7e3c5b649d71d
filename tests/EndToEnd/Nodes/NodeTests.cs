using System.Diagnostics;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Testbed.Client;
using Testbed.Client.Links;
using Testbed.Protos.V1;
using Testbed.Wire;

namespace Testbed.Tests.EndToEnd.Nodes;

/// <summary>One node, a process of its own, asked by several kinds of clients.</summary>
public sealed class NodeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Unary_calls_read_what_they_wrote()
    {
        var nodes = NodeProcess.FreeAddresses(1);
        await using var node = await NodeProcess.StartAsync("raft", nodes, 0, _folder.Of(0));
        using var channel = GrpcChannel.ForAddress($"http://{nodes[0]}");
        var store = new KvStore.KvStoreClient(channel);
        Assert.False((await GetAsync(store, "a")).Found);
        await PutAsync(store, "b", "2");
        await PutAsync(store, "a", "1");
        Assert.Equal("1", (await GetAsync(store, "a")).Value.ToStringUtf8());
        var scan = await store.ScanAsync(new ScanRequest { Limit = 10 }, cancellationToken: Cancel);
        Assert.Equal(["a=1", "b=2"], scan.Entries.Select(entry =>
            $"{entry.Key.ToStringUtf8()}={entry.Value.ToStringUtf8()}"));
        await store.DeleteAsync(new DeleteRequest { Key = ByteString.CopyFromUtf8("a") },
            cancellationToken: Cancel);
        Assert.False((await GetAsync(store, "a")).Found);
    }

    [Fact]
    public async Task Keys_and_values_over_the_limits_are_refused_with_the_limit()
    {
        var nodes = NodeProcess.FreeAddresses(1);
        await using var node = await NodeProcess.StartAsync("raft", nodes, 0, _folder.Of(0));
        using var channel = GrpcChannel.ForAddress($"http://{nodes[0]}",
            new GrpcChannelOptions { MaxReceiveMessageSize = null, MaxSendMessageSize = null });
        var store = new KvStore.KvStoreClient(channel);
        var longKey = await Assert.ThrowsAsync<RpcException>(() =>
            PutAsync(store, new string('k', 1025), "v"));
        Assert.Equal(StatusCode.InvalidArgument, longKey.StatusCode);
        Assert.Equal("the key has 1025 bytes, at most 1024 are allowed", longKey.Status.Detail);
        var noKey = await Assert.ThrowsAsync<RpcException>(() => GetAsync(store, ""));
        Assert.Equal(StatusCode.InvalidArgument, noKey.StatusCode);
        var large = new PutRequest
        {
            Key = ByteString.CopyFromUtf8("k"),
            Value = ByteString.CopyFrom(new byte[Limits.ValueBytes + 1]),
        };
        var largeValue = await Assert.ThrowsAsync<RpcException>(() =>
            store.PutAsync(large, cancellationToken: Cancel).ResponseAsync);
        Assert.Equal(StatusCode.InvalidArgument, largeValue.StatusCode);
        large.Value = ByteString.CopyFrom(new byte[Limits.ValueBytes]);
        await store.PutAsync(large, cancellationToken: Cancel);
        Assert.Equal(Limits.ValueBytes, (await GetAsync(store, "k")).Value.Length);
    }

    [Fact]
    public async Task A_malformed_frame_closes_its_stream_with_the_reason_and_no_other()
    {
        var nodes = NodeProcess.FreeAddresses(1);
        await using var node = await NodeProcess.StartAsync("raft", nodes, 0, _folder.Of(0));
        await using var client = Connect("raft", nodes);
        Assert.Equal(Outcome.Ok, (await client.PutAsync("k"u8.ToArray(), "v"u8.ToArray(), Long)).Outcome);
        using var channel = GrpcChannel.ForAddress($"http://{nodes[0]}",
            new GrpcChannelOptions { MaxSendMessageSize = null });
        var hello = new FrameHello(FrameHello.CurrentVersion, "raft", 1, 0, EndpointKind.Client, default,
            default);
        (byte[] First, byte[] Second, StatusCode Code, string Detail)[] cases =
        [
            ([7, 7], [], StatusCode.InvalidArgument, "frame ends inside a length"),
            ([1, 0, 0, 0, 99], [], StatusCode.InvalidArgument, "the first frame is not a handshake"),
            ((hello with { Strategy = "ecc", DataElements = 1 }).ToFrame(), [], StatusCode.FailedPrecondition,
                "this cluster is raft with 1 nodes, the caller expects ecc (1,1)"),
            (hello.ToFrame(), [9, 0, 0, 0, 1], StatusCode.InvalidArgument, "frame ends inside a message"),
            (hello.ToFrame(), [2, 0, 0, 0, 1, 1], StatusCode.InvalidArgument, "malformed message"),
            (hello.ToFrame(), new byte[Limits.FrameBytes + 100], StatusCode.ResourceExhausted,
                "Received message exceeds the maximum configured message size."),
        ];
        foreach (var (first, second, code, detail) in cases)
        {
            var ended = await EndOfStreamAsync(channel, first, second);
            Assert.Equal((code, detail), (ended.StatusCode, ended.Status.Detail));
        }

        Assert.Equal("v"u8.ToArray(), (await client.GetAsync("k"u8.ToArray(), Long)).Value.ToArray());
        var counters = client.Counters();
        Assert.Equal(0, counters.GetValueOrDefault("link_breaks"));
    }

    [Fact]
    public async Task Health_reflection_status_and_metrics_answer()
    {
        var addresses = NodeProcess.FreeAddresses(2);
        await using var node = await NodeProcess.StartAsync(
            "raft", addresses[..1], 0, _folder.Of(0), "--metrics", addresses[1]);
        Assert.True(await NodeProbe.IsServingAsync(addresses[0], Cancel));
        Assert.False(await NodeProbe.IsServingAsync(NodeProcess.FreeAddresses(1)[0], Cancel));
        var status = await NodeProbe.StatusAsync(addresses[0], Cancel);
        Assert.NotNull(status);
        Assert.Equal("raft", status["strategy"]);
        Assert.All(["network_rx_bytes", "network_tx_bytes", "cpu_micros", "rss_bytes", "gc_heap_bytes"],
            name => Assert.True(status.ContainsKey(name), name));
        Assert.NotEqual("0", status["network_rx_bytes"]);
        using var http = new HttpClient();
        var metrics = await http.GetStringAsync($"http://{addresses[1]}/metrics", Cancel);
        Assert.Contains("# TYPE testbed_rss_bytes gauge\ntestbed_rss_bytes ", metrics,
            StringComparison.Ordinal);
        Assert.Contains("testbed_network_rx_bytes_total ", metrics, StringComparison.Ordinal);
        Assert.Contains("node=\"n0\"", metrics, StringComparison.Ordinal);
        Assert.Contains("testbed_loop_batch_micros_bucket{le=\"+Inf\"} ", metrics, StringComparison.Ordinal);
        Assert.Contains("testbed_log_write_micros_count ", metrics, StringComparison.Ordinal);
        Assert.Equal(["grpc.health.v1.Health", "testbed.v1.KvStore", "testbed.v1.NodeAdmin"],
            await Reflection.ServicesAsync(addresses[0], Cancel));
    }

    [Fact]
    public async Task The_node_program_itself_asks_for_the_health_of_a_node()
    {
        var addresses = NodeProcess.FreeAddresses(3);
        await using var node = await NodeProcess.StartAsync(
            "raft", addresses[..2], 0, _folder.Of(0), "--listen", "*", "--metrics", $"0.0.0.0:{addresses[2].Split(':')[1]}");
        await using var asked = NodeProcess.Launch("", "--health", addresses[0]);
        Assert.Equal((0, ""), (await asked.ExitAsync(), asked.Errors.Trim()));
        await using var nobody = NodeProcess.Launch("", "--health", addresses[1]);
        Assert.Equal(1, await nobody.ExitAsync());
        await using var wrong = NodeProcess.Launch("", "--health", addresses[0], "--id", "0");
        Assert.Equal(64, await wrong.ExitAsync());
        using var http = new HttpClient();
        Assert.Contains("testbed_info{", await http.GetStringAsync($"http://{addresses[2]}/metrics", Cancel),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_whose_peer_names_mean_nothing_yet_goes_on_trying()
    {
        var own = NodeProcess.FreeAddresses(1)[0];
        await using var node = await NodeProcess.StartAsync("ecc", [own, "not-yet.invalid:7000"], 0, _folder.Of(0));
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(400));
        for (var i = 0; i < 3; i++)
        {
            await pause.WaitForNextTickAsync(Cancel);
            Assert.True(await NodeProbe.IsServingAsync(own, Cancel), node.Errors);
        }

        Assert.Equal(0, await node.TerminateAsync());
    }

    [Fact]
    public async Task A_terminated_node_ends_soon_and_keeps_what_it_acknowledged()
    {
        var nodes = NodeProcess.FreeAddresses(1);
        var node = await NodeProcess.StartAsync("raft", nodes, 0, _folder.Of(0), "--durability", "fsync");
        await using var client = Connect("raft", nodes);
        Assert.Equal(Outcome.Ok, (await client.PutAsync("k"u8.ToArray(), "kept"u8.ToArray(), Long)).Outcome);
        var clock = Stopwatch.StartNew();
        Assert.Equal(0, await node.TerminateAsync());
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"took {clock.Elapsed}");
        await node.DisposeAsync();
        await using var again = await NodeProcess.StartAsync("raft", nodes, 0, _folder.Of(0));
        Assert.Equal("kept"u8.ToArray(), (await client.GetAsync("k"u8.ToArray(), Long)).Value.ToArray());
    }

    [Theory]
    [InlineData("os")]
    [InlineData("fsync")]
    public async Task A_killed_node_keeps_what_it_acknowledged(string durability)
    {
        var nodes = NodeProcess.FreeAddresses(1);
        var node = await NodeProcess.StartAsync("raft", nodes, 0, _folder.Of(0), "--durability", durability);
        await using var client = Connect("raft", nodes);
        var puts = await Task.WhenAll(Enumerable.Range(0, 200).Select(i =>
            client.PutAsync(Encoding.ASCII.GetBytes($"key{i}"), Encoding.ASCII.GetBytes($"value{i}"), Long)));
        Assert.All(puts, put => Assert.Equal(Outcome.Ok, put.Outcome));
        await node.KillAsync();
        await node.DisposeAsync();
        await using var again = await NodeProcess.StartAsync("raft", nodes, 0, _folder.Of(0), "--durability",
            durability);
        for (var i = 0; i < 200; i++)
        {
            var get = await client.GetAsync(Encoding.ASCII.GetBytes($"key{i}"), Long);
            Assert.Equal($"value{i}", Encoding.ASCII.GetString(get.Value.Span));
        }
    }

    [Fact]
    public async Task A_node_tied_to_its_parent_ends_with_its_standard_input()
    {
        var nodes = NodeProcess.FreeAddresses(1);
        await using var node = await NodeProcess.StartAsync("raft", nodes, 0, _folder.Of(0));
        node.CloseInput();
        Assert.Equal(0, await node.ExitAsync());
    }

    [Fact]
    public async Task A_port_in_use_a_wrong_option_and_a_corrupt_log_end_with_one_line_and_their_own_code()
    {
        var nodes = NodeProcess.FreeAddresses(1);
        var node = await NodeProcess.StartAsync("raft", nodes, 0, _folder.Of(0));
        await using var client = Connect("raft", nodes);
        string[] args = ["--id", "0", "--strategy", "raft", "--nodes", nodes[0], "--data", _folder.Of(1)];
        await ExpectEndAsync(69, $"testbed-node: cannot listen on {nodes[0]}: port in use", args);
        await ExpectEndAsync(64, "testbed-node: unknown option '--what': see --help", [.. args, "--what"]);
        var elsewhere = NodeProcess.FreeAddresses(1)[0];
        await ExpectEndAsync(74, "testbed-node: data folder",
            ["--id", "0", "--strategy", "raft", "--nodes", elsewhere, "--data", _folder.Of(0)]);

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(Outcome.Ok, (await client.PutAsync("k"u8.ToArray(), new byte[1000], Long)).Outcome);
        }

        await node.KillAsync();
        await node.DisposeAsync();
        var segment = Directory.EnumerateFiles(_folder.Of(0)).Where(file =>
            Path.GetFileName(file) != "lock").Order().First();
        var bytes = await File.ReadAllBytesAsync(segment, Cancel);
        bytes[6000] ^= 1;
        await File.WriteAllBytesAsync(segment, bytes, Cancel);
        await ExpectEndAsync(74, "is corrupt at byte",
            ["--id", "0", "--strategy", "raft", "--nodes", nodes[0], "--data", _folder.Of(0)]);
    }

    internal static TimeSpan Long { get; } = TimeSpan.FromSeconds(20);

    internal static IKvClient Connect(string strategy, string[] nodes) =>
        KvClients.Connect(new KvClientOptions
    {
        Strategy = strategy,
        Nodes = nodes,
        DataElements = Math.Max(1, nodes.Length / 2),
        Seed = 7,
    });

    private static async Task ExpectEndAsync(int code, string line, params string[] args)
    {
        await using var node = NodeProcess.Launch("", args);
        Assert.Equal(code, await node.ExitAsync());
        var lines = node.Errors.Split('\n',
            StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Contains(line, Assert.Single(lines), StringComparison.Ordinal);
    }

    private static async Task<RpcException> EndOfStreamAsync(GrpcChannel channel, byte[] first, byte[] second)
    {
        using var call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(
            StreamFrame.Method, null, new CallOptions(deadline: DateTime.UtcNow.AddSeconds(20)));
        return await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await call.RequestStream.WriteAsync(StreamFrame.Of(first), Cancel);
            if (second.Length > 0)
            {
                Assert.True(await call.ResponseStream.MoveNext(Cancel));
                try
                {
                    await call.RequestStream.WriteAsync(StreamFrame.Of(second), Cancel);
                }
                catch (RpcException)
                {
                    // The node may end the stream before it has taken all bytes; its status comes with the
                    // next read.
                }
            }

            await call.ResponseStream.MoveNext(Cancel);
        });
    }

    private static async Task<GetReply> GetAsync(KvStore.KvStoreClient store, string key) =>
        await store.GetAsync(new GetRequest { Key = ByteString.CopyFromUtf8(key) },
            cancellationToken: Cancel);

    private static async Task PutAsync(KvStore.KvStoreClient store, string key, string value) =>
        await store.PutAsync(
            new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8(value) },
            cancellationToken: Cancel);
}
