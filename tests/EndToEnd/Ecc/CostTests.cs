using Google.Protobuf;
using Grpc.Net.Client;
using Testbed.Client;
using Testbed.Protos.V1;
using Testbed.Wire;

namespace Testbed.Tests.EndToEnd.Ecc;

/// <summary>What operations cost on real processes when nothing fails, by the counters of who carried them out.</summary>
public sealed class CostTests(ITestOutputHelper output)
{
    private const int Operations = 40;
    private const int ValueBytes = 999;
    private const int BlobBytes = EccElement.PrefixBytes + (ValueBytes / EccCluster.DataElements);
    private static readonly string[] Wasted =
        ["retags", "hedges", "width_steps", "resends", "restarts", "void_acks", "degraded_reads", "pins", "unknown_outcomes"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_put_takes_two_rounds_and_a_get_one_and_the_values_bytes_on_streams_and_by_unary_calls()
    {
        await using var cluster = await EccCluster.StartAsync("memory");
        await using var client = await cluster.ConnectAsync(EccCluster.NoHedge);
        await CostsAsync(cluster, new Way("streams")
        {
            Count = () => Task.FromResult(client.Counters()),
            Put = async (key, value) =>
            {
                var put = await client.PutAsync(key, value, EccCluster.Patience);
                Assert.Equal((Outcome.Ok, 2, false), (put.Outcome, put.Rounds, put.Degraded));
            },
            Get = async key =>
            {
                var get = await client.GetAsync(key, EccCluster.Patience);
                Assert.Equal((Outcome.Ok, 1, false), (get.Outcome, get.Rounds, get.Degraded));
                return get.Value;
            },
        });

        // Any node is the client of those who call it, and counts what it does for them.
        using var channel = GrpcChannel.ForAddress($"http://{cluster.Addresses[1]}");
        var store = new KvStore.KvStoreClient(channel);
        await CostsAsync(cluster, new Way("unary calls")
        {
            Count = () => cluster.NumbersAsync(1),
            Put = async (key, value) => await store.PutAsync(
                new PutRequest { Key = ByteString.CopyFrom(key), Value = ByteString.CopyFrom(value) },
                deadline: DateTime.UtcNow + EccCluster.Patience, cancellationToken: Cancel),
            Get = async key => (await store.GetAsync(
                new GetRequest { Key = ByteString.CopyFrom(key) },
                deadline: DateTime.UtcNow + EccCluster.Patience, cancellationToken: Cancel)).Value.Memory,
        });
    }

    private async Task CostsAsync(EccCluster cluster, Way way)
    {
        string[] names = [.. Enumerable.Range(0, Operations).Select(i => $"{way.Name} {i:D2}")];
        var keyBytes = names[0].Length;
        var storedBefore = await cluster.SumAsync("store_payload_bytes");
        var before = await NodesAsync(cluster);
        var puts = await CountAsync(way, messages: 2 * EccCluster.Nodes, async () =>
        {
            foreach (var name in names)
            {
                await way.Put(Measured.Key(name), Measured.Value(name, ValueBytes));
            }
        });
        Assert.Equal((Operations, 2 * Operations), (puts["operations"], puts["rounds"]));
        Assert.Equal(Operations, puts["puts_of_width_3"]);
        Assert.Equal(2 * EccCluster.Nodes * Operations, puts["operation_tx_messages"]);

        // No incarnation is sent while no node has begun anew.
        var finalizeBytes = EccFetch.MaxBytes(keyBytes) - sizeof(uint);
        Assert.Equal(
            Operations * EccCluster.Nodes * (EccPreWrite.MaxBytes(keyBytes, BlobBytes) + finalizeBytes),
            puts["operation_tx_bytes"]);
        await cluster.SumIsAsync(
            "store_payload_bytes", storedBefore + (Operations * EccCluster.Nodes * BlobBytes));

        var gets = await CountAsync(way, messages: EccCluster.DataElements, async () =>
        {
            foreach (var name in names)
            {
                Assert.True((await way.Get(Measured.Key(name))).Span.SequenceEqual(Measured.Value(name, ValueBytes)));
            }
        });
        Assert.Equal((Operations, Operations), (gets["operations"], gets["rounds"]));
        Assert.Equal(EccCluster.DataElements * Operations, gets["operation_tx_messages"]);

        // Where no node ever came back empty there are no incarnations to tell.
        var headBytes = EccFetchReply.MaxBytes(EccElement.PrefixBytes) - (4 * Limits.Nodes);
        Assert.Equal(
            Operations * (ValueBytes + (EccCluster.DataElements * headBytes)), gets["operation_rx_bytes"]);

        var after = await NodesAsync(cluster);
        Assert.Equal(
            [EccCluster.Nodes * Operations, EccCluster.Nodes * Operations, 3 * Operations, 3 * Operations, 0],
            after.Zip(before, (now, then) => now - then));
        output.WriteLine($"{way.Name}: put 2 rounds, {puts["operation_tx_bytes"] / (double)Operations / ValueBytes:F3} "
            + $"bytes sent per byte; get 1 round, {gets["operation_rx_bytes"] / (double)Operations / ValueBytes:F3} received");
    }

    /// <summary>What the operations cost, once every answer of every node is in; nothing was wasted.</summary>
    private static async Task<Dictionary<string, long>> CountAsync(Way way, int messages, Func<Task> operations)
    {
        var before = await way.Count();
        await operations();
        IReadOnlyDictionary<string, long> after = before;
        await EccCluster.UntilAsync(async () =>
        {
            after = await way.Count();
            var received = after["operation_rx_messages"] - before["operation_rx_messages"];
            return received == messages * Operations ? null : $"{received} answers, not {messages * Operations}";
        });
        var costs = before.Keys.ToDictionary(name => name, name => after[name] - before[name]);
        Assert.All(Wasted, name => Assert.True(costs[name] == 0, $"{name}: {costs[name]}"));
        return costs;
    }

    private static async Task<long[]> NodesAsync(EccCluster cluster)
    {
        string[] counters = ["pre_writes", "finalises", "fetches", "data_elements_served", "parity_elements_served"];
        var sums = new long[counters.Length];
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] = await cluster.SumAsync(counters[i]);
        }

        return sums;
    }

    /// <summary>How operations reach the cluster, and who counts what they cost.</summary>
    private sealed record Way(string Name)
    {
        public required Func<Task<IReadOnlyDictionary<string, long>>> Count { get; init; }

        public required Func<byte[], byte[], Task> Put { get; init; }

        public required Func<byte[], Task<ReadOnlyMemory<byte>>> Get { get; init; }
    }
}
