using Testbed.Benchmarks.Support;

namespace Testbed.Benchmarks.Verbs;

/// <summary><c>stream</c>: what the stream path carries between one client and one node process.</summary>
internal static class StreamVerb
{
    private const int Records = 10_000;
    private const int ValueBytes = 1024;
    private const int Repeats = 3;
    private static readonly int[] InFlight = [1, 16, 64, 256];
    private static readonly TimeSpan Warmup = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Measured = TimeSpan.FromSeconds(3);

    public static async Task RunAsync(TextWriter output, CancellationToken cancel)
    {
        var value = BenchmarkData.Bytes(ValueBytes);
        var keys = ClosedLoopKeys.Make(Records);
        var cluster = await BenchmarkCluster.StartAsync("raft", 1, Records, value, cancel)
            .ConfigureAwait(false);
        await using var owned = cluster.ConfigureAwait(false);
        var table = new TextTable(0, "in flight", "gets/s", "p50 us", "p99 us", "client CPU us/op",
            "node CPU us/op", "client B/op", "failed");
        foreach (var inFlight in InFlight)
        {
            var results = new List<(ClosedLoopResult Loop, double? NodeCpu)>();
            for (var repeat = 0; repeat < Repeats; repeat++)
            {
                var cpu = await cluster.NodeCpuSecondsAsync(cancel).ConfigureAwait(false);
                var result = await ClosedLoop.RunAsync(cluster.Client, inFlight, Warmup, Measured,
                    keys.PrepareGet).WaitAsync(cancel).ConfigureAwait(false);
                cpu = await cluster.NodeCpuSecondsAsync(cancel).ConfigureAwait(false) - cpu;
                results.Add((result, cpu * 1e6 / Math.Max(1, result.Operations)));
            }

            var (loop, nodeCpu) = results.OrderBy(result => result.Loop.PerSecond).ElementAt(Repeats / 2);
            table.Add(TextTable.Number(inFlight), TextTable.Number(loop.PerSecond),
                TextTable.Number(loop.P50Micros), TextTable.Number(loop.P99Micros),
                TextTable.Number(loop.CpuMicrosPerOperation, 2),
                nodeCpu is { } micros ? TextTable.Number(micros, 2) : "",
                TextTable.Number(loop.AllocatedBytesPerOperation),
                TextTable.Number(results.Sum(result => result.Loop.Failed)));
        }

        output.WriteLine(
            "Stream: one node process (Raft, one member), one client, gets of 1 KiB over one stream; " +
            $"median of {Repeats} runs.");
        table.Print(output);
    }
}
