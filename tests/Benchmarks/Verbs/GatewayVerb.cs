using Google.Protobuf;
using Testbed.Benchmarks.Peers;
using Testbed.Benchmarks.Support;

namespace Testbed.Benchmarks.Verbs;

/// <summary>
/// <c>gateway</c>: unary calls to a node that carries out the operation, against the client's own streams to all
/// nodes. Any node of ECC coordinates; of Raft it is the leader. Both ways in turns, so that a ratio compares
/// neighbours in time.
/// </summary>
internal static class GatewayVerb
{
    private const int Nodes = 5;
    private const int ValueBytes = 1024;
    private static readonly string[] Strategies = ["raft", "ecc"];
    private static readonly string[] Ways = ["streams", "gateway"];
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(5);

    /// <summary>Measures and prints; returns the cells, medians of the rounds.</summary>
    public static async Task<IReadOnlyList<GatewayCell>> RunAsync(
        TextWriter output, GatewayOptions options, CancellationToken cancel)
    {
        var cells = new List<GatewayCell>();
        try
        {
            foreach (var strategy in Strategies)
            {
                await RunStrategyAsync(strategy, options, cells, cancel).ConfigureAwait(false);
            }
        }
        finally
        {
            // Also what was measured before something went wrong.
            Print(output, options, cells);
        }

        return cells;
    }

    private static void Print(TextWriter output, GatewayOptions options, List<GatewayCell> cells)
    {
        var table = new TextTable(3, "strategy", "operation", "way", "clients", "per second", "of streams",
            "p50 us", "p99 us", "client B/op", "nodes' B/op", "nodes' CPU us/op", "failed");
        foreach (var cell in cells)
        {
            table.Add(cell.Strategy, cell.Operation, cell.Way, TextTable.Number(cell.Clients),
                TextTable.Number(cell.PerSecond), TextTable.Number(cell.Share, 2), TextTable.Number(cell.P50Micros),
                TextTable.Number(cell.P99Micros), TextTable.Number(cell.ClientBytes), TextTable.Number(cell.NodeBytes),
                TextTable.Number(cell.NodeCpuMicros, 1), TextTable.Number(cell.Failed));
        }

        output.WriteLine(
            $"Gateway: {Nodes} node processes and the client on this machine, values of {ValueBytes} B, level memory, closed "
            + $"loop; medians of {options.Rounds} rounds, both ways in turns. Bytes are those sent.");
        table.Print(output);
    }

    private static async Task RunStrategyAsync(
        string strategy, GatewayOptions options, List<GatewayCell> cells, CancellationToken cancel)
    {
        var value = BenchmarkData.Bytes(ValueBytes);
        var cluster = await BenchmarkCluster.StartAsync(strategy, Nodes, options.Records, value, cancel)
            .ConfigureAwait(false);
        await using var owned = cluster.ConfigureAwait(false);
        var doors = await DoorsAsync(strategy, cluster, options, cancel).ConfigureAwait(false);
        try
        {
            var measuring = new Measuring(cluster, doors, value, options, cancel);
            foreach (var isPut in new[] { false, true })
            {
                foreach (var clients in options.Clients)
                {
                    var rounds = new List<GatewayRound[]>();
                    for (var round = 0; round < options.Rounds; round++)
                    {
                        rounds.Add([
                            await measuring.StreamsAsync(isPut, clients).ConfigureAwait(false),
                            await measuring.GatewayAsync(isPut, clients).ConfigureAwait(false)]);
                    }

                    cells.AddRange(Ways.Select((way, i) => GatewayCell.Of(
                        strategy, isPut ? "put" : "get", way, clients, [.. rounds.Select(r => r[i])],
                        [.. rounds.Select(r => r[i].PerSecond / r[0].PerSecond)])));
                }
            }
        }
        finally
        {
            foreach (var door in doors)
            {
                door.Dispose();
            }
        }
    }

    /// <summary>Connections to gateways: the nodes in turn, or all to the leader.</summary>
    private static async Task<IReadOnlyList<KvCalls>> DoorsAsync(
        string strategy, BenchmarkCluster cluster, GatewayOptions options, CancellationToken cancel)
    {
        var connections = CallerLoop.Connections(options.Clients.Max());
        if (strategy == "ecc")
        {
            return [.. Enumerable.Range(0, Math.Max(Nodes, connections))
                .Select(i => new TestbedCalls(cluster.Addresses[i % Nodes]))];
        }

        var leader = await cluster.LeaderAsync(cancel).ConfigureAwait(false)
            ?? throw new InvalidOperationException("the records were written, but no node leads");
        return [.. Enumerable.Range(0, connections).Select(_ => new TestbedCalls(cluster.Addresses[leader]))];
    }

    private sealed class Measuring(
        BenchmarkCluster cluster, IReadOnlyList<KvCalls> doors, byte[] value, GatewayOptions options,
        CancellationToken cancel)
    {
        private readonly ClosedLoopKeys _keys = ClosedLoopKeys.Make(options.Records, value);
        private readonly ByteString[] _names =
            [.. Enumerable.Range(0, options.Records).Select(i => ByteString.CopyFrom(BenchmarkData.Key(i)))];

        private readonly ByteString _value = ByteString.CopyFrom(value);

        public Task<GatewayRound> StreamsAsync(bool isPut, int clients) => MeasureAsync(ClientBytesOfStreams, async () =>
        {
            var loop = await ClosedLoop.RunAsync(cluster.Client, clients, options.Warmup, options.Measured,
                isPut ? _keys.PreparePut : _keys.PrepareGet).WaitAsync(cancel).ConfigureAwait(false);
            return (loop.PerSecond, loop.P50Micros, loop.P99Micros, loop.Operations, loop.Failed);
        });

        public async Task<GatewayRound> GatewayAsync(bool isPut, int clients)
        {
            await CallAsync(isPut, clients, options.Warmup).ConfigureAwait(false);
            return await MeasureAsync(() => doors.Sum(door => door.SentBytes), async () =>
            {
                var loop = await CallAsync(isPut, clients, options.Measured).ConfigureAwait(false);
                return (loop.PerSecond, loop.P50Micros, loop.P99Micros, loop.Operations + loop.Failed, loop.Failed);
            }).ConfigureAwait(false);
        }

        private Task<CallerResult> CallAsync(bool isPut, int clients, TimeSpan duration) =>
            CallerLoop.RunAsync(doors, clients, duration, async (calls, caller, count) =>
            {
                var key = _names[(int)(((caller * 7919L) + (count * 31)) % _names.Length)];
                if (isPut)
                {
                    await calls.PutAsync(key, _value, CallLimit, cancel).ConfigureAwait(false);
                    return;
                }

                var bytes = await calls.GetAsync(key, CallLimit, cancel).ConfigureAwait(false);
                if (bytes != ValueBytes)
                {
                    throw new InvalidDataException($"a get returned {bytes} bytes");
                }
            }, cancel);

        private long ClientBytesOfStreams() => cluster.Client.Counters().GetValueOrDefault("network_tx_bytes");

        private async Task<GatewayRound> MeasureAsync(Func<long> clientBytes,
            Func<Task<(double PerSecond, double P50, double P99, long Operations, long Failed)>> run)
        {
            var cpu = await cluster.NodeCpuSecondsAsync(cancel).ConfigureAwait(false);
            var nodes = await cluster.NodeSentBytesAsync(cancel).ConfigureAwait(false);
            var client = clientBytes();
            var (perSecond, p50, p99, operations, failed) = await run().ConfigureAwait(false);
            client = clientBytes() - client;
            nodes = await cluster.NodeSentBytesAsync(cancel).ConfigureAwait(false) - nodes;
            cpu = await cluster.NodeCpuSecondsAsync(cancel).ConfigureAwait(false) - cpu;
            var all = (double)Math.Max(1, operations);
            return new GatewayRound(perSecond, p50, p99, client / all, nodes / all, (cpu ?? 0) * 1e6 / all, failed);
        }
    }
}
