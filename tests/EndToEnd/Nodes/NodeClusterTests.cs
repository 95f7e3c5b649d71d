using System.Diagnostics;
using System.Text;
using Testbed.Client;

namespace Testbed.Tests.EndToEnd.Nodes;

/// <summary>Three nodes as processes, driven through <see cref="IKvClient"/>.</summary>
public sealed class NodeClusterTests : IDisposable
{
    private const int Keys = 100;

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("raft")]
    [InlineData("ecc")]
    public async Task A_cluster_serves_through_the_loss_and_return_of_each_node_in_turn(string strategy)
    {
        var addresses = NodeProcess.FreeAddresses(3);
        var nodes = await Task.WhenAll(Enumerable.Range(0, 3).Select(id =>
            NodeProcess.StartAsync(strategy, addresses, id, _folder.Of(id))));
        try
        {
            await using var client = NodeTests.Connect(strategy, addresses);
            await PutAllAsync(client, "first");
            for (var lost = 0; lost < 3; lost++)
            {
                await nodes[lost].KillAsync();
                await ExpectAllAsync(client, lost == 0 ? "first" : $"without{lost - 1}");
                await PutAllAsync(client, $"without{lost}");
                await nodes[lost].DisposeAsync();
                nodes[lost] = await NodeProcess.StartAsync(strategy, addresses, lost, _folder.Of(lost));

                // The next one may only be lost when this one holds what it missed: three nodes bear one
                // failure.
                await CaughtUpAsync(strategy, addresses);
            }

            await ExpectAllAsync(client, "without2");
        }
        finally
        {
            foreach (var node in nodes)
            {
                await node.DisposeAsync();
            }
        }
    }

    [Theory]
    [InlineData("raft")]
    [InlineData("ecc")]
    public async Task Values_from_none_to_large_survive_the_way_there_and_back(string strategy)
    {
        var addresses = NodeProcess.FreeAddresses(3);
        var nodes = await Task.WhenAll(Enumerable.Range(0, 3).Select(id =>
            NodeProcess.StartAsync(strategy, addresses, id, _folder.Of(id))));
        try
        {
            await using var client = NodeTests.Connect(strategy, addresses);
            foreach (var bytes in new[] { 0, 1, 1000, 70_000, 3_000_000 })
            {
                var value = new byte[bytes];
                new Random(bytes).NextBytes(value);
                var key = Encoding.ASCII.GetBytes($"size{bytes}");
                var put = await client.PutAsync(key, value, NodeTests.Long);
                Assert.Equal((Outcome.Ok, null), (put.Outcome, put.Reason));
                var get = await client.GetAsync(key, NodeTests.Long);
                Assert.Equal(Outcome.Ok, get.Outcome);
                Assert.True(value.AsSpan().SequenceEqual(get.Value.Span));
            }

            Assert.Equal(Outcome.NotFound,
                (await client.GetAsync("absent"u8.ToArray(), NodeTests.Long)).Outcome);
            Assert.Equal(Outcome.Ok, (await client.DeleteAsync("size1"u8.ToArray(), NodeTests.Long)).Outcome);
            var scan = await client.ScanAsync("size"u8.ToArray(), 2, NodeTests.Long);
            Assert.Equal(Outcome.Ok, scan.Outcome);
            Assert.Equal(["size0", "size1000"],
                scan.Entries!.Select(entry => Encoding.ASCII.GetString(entry.Key.Span)));
        }
        finally
        {
            foreach (var node in nodes)
            {
                await node.DisposeAsync();
            }
        }
    }

    private static async Task PutAllAsync(IKvClient client, string value)
    {
        var puts = await Task.WhenAll(Enumerable.Range(0, Keys).Select(i =>
            client.PutAsync(Key(i), Encoding.ASCII.GetBytes(value + i), NodeTests.Long)));
        Assert.All(puts, put => Assert.Equal((Outcome.Ok, null), (put.Outcome, put.Reason)));
    }

    private static async Task ExpectAllAsync(IKvClient client, string value)
    {
        var gets = await Task.WhenAll(Enumerable.Range(0, Keys).Select(i =>
            client.GetAsync(Key(i), NodeTests.Long)));
        for (var i = 0; i < Keys; i++)
        {
            Assert.Equal((Outcome.Ok, value + i),
                (gets[i].Outcome, Encoding.ASCII.GetString(gets[i].Value.Span)));
        }
    }

    private static async Task CaughtUpAsync(string strategy, string[] addresses)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var status = await Task.WhenAll(addresses.Select(address =>
                NodeProbe.StatusAsync(address, Cancel)));
            if (status.All(node => node is not null) && IsCaughtUp(strategy, status!))
            {
                return;
            }

            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), string.Join('\n', status.Select(node =>
                node is null ? "down" : string.Join(' ', node.Select(pair => $"{pair.Key}={pair.Value}")))));
            await pause.WaitForNextTickAsync(Cancel);
        }
    }

    private static bool IsCaughtUp(string strategy, IReadOnlyDictionary<string, string>[] status) =>
        strategy == "raft"
            ? status.Select(node => node["applied_index"]).Distinct().Count() == 1
            : status.All(node => node["caught_up"] == "1" && node["missing_elements"] == "0");

    private static byte[] Key(int i) => Encoding.ASCII.GetBytes($"key{i}");
}
