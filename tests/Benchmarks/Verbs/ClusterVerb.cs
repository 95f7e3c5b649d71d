using Testbed.Benchmarks.Support;
using Testbed.Client;

namespace Testbed.Benchmarks.Verbs;

/// <summary>
/// <c>cluster</c>: gets and puts per second of both strategies, five node processes, closed loop.
/// </summary>
internal static class ClusterVerb
{
    private const int Nodes = 5;
    private const int Records = 10_000;
    private const int ValueBytes = 1024;
    private static readonly string[] Strategies = ["raft", "ecc"];
    private static readonly int[] Clients = [1, 16, 64, 256];
    private static readonly TimeSpan Warmup = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Measured = TimeSpan.FromSeconds(3);

    public static async Task RunAsync(TextWriter output, CancellationToken cancel)
    {
        var table = new TextTable(2, "strategy", "operation", "clients", "per second", "p50 us", "p99 us",
            "client CPU us/op", "nodes' CPU us/op", "failed");
        try
        {
            foreach (var strategy in Strategies)
            {
                await RunStrategyAsync(strategy, table, cancel).ConfigureAwait(false);
            }
        }
        finally
        {
            Print(output, table);
        }
    }

    // Also what was measured before something went wrong.
    private static void Print(TextWriter output, TextTable table)
    {
        output.WriteLine(
            $"Cluster: {Nodes} node processes and the client on this machine, values of 1 KiB, " +
            "linearizable gets, closed loop.");
        table.Print(output);
    }

    private static async Task RunStrategyAsync(string strategy, TextTable table, CancellationToken cancel)
    {
        var value = BenchmarkData.Bytes(ValueBytes);
        var keys = ClosedLoopKeys.Make(Records, value);
        var cluster = await BenchmarkCluster.StartAsync(strategy, Nodes, Records, value, cancel)
            .ConfigureAwait(false);
        await using var owned = cluster.ConfigureAwait(false);
        foreach (var kind in new[] { OperationKind.Get, OperationKind.Put })
        {
            foreach (var clients in Clients)
            {
                var cpu = await cluster.NodeCpuSecondsAsync(cancel).ConfigureAwait(false);
                var result = await ClosedLoop.RunAsync(cluster.Client, clients, Warmup, Measured,
                    kind == OperationKind.Get ? keys.PrepareGet : keys.PreparePut)
                    .WaitAsync(cancel).ConfigureAwait(false);
                cpu = await cluster.NodeCpuSecondsAsync(cancel).ConfigureAwait(false) - cpu;
                var nodeCpu = cpu * 1e6 / Math.Max(1, result.Operations);
                table.Add(strategy, kind == OperationKind.Get ? "get" : "put", TextTable.Number(clients),
                    TextTable.Number(result.PerSecond), TextTable.Number(result.P50Micros),
                    TextTable.Number(result.P99Micros), TextTable.Number(result.CpuMicrosPerOperation, 2),
                    nodeCpu is { } micros ? TextTable.Number(micros, 2) : "",
                    TextTable.Number(result.Failed));
            }
        }
    }
}
