using System.Diagnostics;
using System.Globalization;
using Testbed.Benchmarks.Support;

namespace Testbed.Benchmarks.Verbs;

/// <summary>
/// <c>containers</c>: what a container costs against a process, and a published port against a container's
/// own address; the three in turn, round after round.
/// </summary>
internal static class ContainersVerb
{
    private const int Records = 2_000;
    private const int ValueBytes = 1024;
    private const int Rounds = 5;
    private const int StartNodes = 5;
    private static readonly int[] InFlight = [1, 64];
    private static readonly TimeSpan Warmup = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Measured = TimeSpan.FromSeconds(1.5);

    private static readonly (string Name, string Cluster, string Access)[] Ways =
    [
        ("process", "process", "auto"), ("container, its address", "docker", "direct"),
        ("container, published port", "docker", "published"),
    ];

    /// <param name="output">Where the tables go.</param>
    /// <param name="program">Node program; null: the one beside the harness.</param>
    /// <param name="cancel">Ends it.</param>
    public static async Task RunAsync(TextWriter output, string? program, CancellationToken cancel)
    {
        await StartTimesAsync(output, program, cancel).ConfigureAwait(false);
        await RatesAsync(output, program, cancel).ConfigureAwait(false);
    }

    private static async Task StartTimesAsync(TextWriter output, string? program, CancellationToken cancel)
    {
        var ways = Ways.Where(w => w.Access != "published").ToArray();
        var millis = ways.Select(_ => new List<double>()).ToArray();
        // The first round makes and loads the image, and is not counted.
        for (var round = 0; round <= Rounds; round++)
        {
            for (var way = 0; way < ways.Length; way++)
            {
                var begun = Stopwatch.GetTimestamp();
                var cluster = await BenchmarkCluster.StartAsync(
                    "raft", StartNodes, 0, [], cancel, ways[way].Cluster, ways[way].Access, program).ConfigureAwait(false);
                if (round > 0)
                {
                    millis[way].Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
                }

                await cluster.DisposeAsync().ConfigureAwait(false);
            }
        }

        var table = new TextTable(1, "nodes are", "ms until all five serve (median)", "min", "max");
        for (var way = 0; way < ways.Length; way++)
        {
            var sorted = millis[way].Order().ToArray();
            table.Add(ways[way].Cluster == "process" ? "processes" : "containers", TextTable.Number(sorted[Rounds / 2]),
                TextTable.Number(sorted[0]), TextTable.Number(sorted[^1]));
        }

        table.Print(output);
        output.WriteLine();
    }

    private static async Task RatesAsync(TextWriter output, string? program, CancellationToken cancel)
    {
        var value = BenchmarkData.Bytes(ValueBytes);
        var keys = ClosedLoopKeys.Make(Records);
        var clusters = new List<BenchmarkCluster>();
        try
        {
            foreach (var way in Ways)
            {
                clusters.Add(await BenchmarkCluster.StartAsync(
                    "raft", 1, Records, value, cancel, way.Cluster, way.Access, program).ConfigureAwait(false));
            }

            var table = new TextTable(1, "node is a", "in flight", "gets/s", "p50 us", "rate against process", "range");
            foreach (var inFlight in InFlight)
            {
                var results = Ways.Select(_ => new List<ClosedLoopResult>()).ToArray();
                for (var round = 0; round < Rounds; round++)
                {
                    for (var way = 0; way < Ways.Length; way++)
                    {
                        results[way].Add(await ClosedLoop.RunAsync(
                            clusters[way].Client, inFlight, Warmup, Measured, keys.PrepareGet).WaitAsync(cancel).ConfigureAwait(false));
                    }
                }

                Add(table, inFlight, results);
            }

            output.WriteLine($"One node, gets of 1 KiB over one stream, {Rounds} rounds of all three in turn, medians:");
            table.Print(output);
        }
        finally
        {
            foreach (var cluster in clusters)
            {
                await cluster.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private static void Add(TextTable table, int inFlight, List<ClosedLoopResult>[] results)
    {
        for (var way = 0; way < Ways.Length; way++)
        {
            var ratios = results[way].Zip(results[0], (w, p) => w.PerSecond / p.PerSecond).Order().ToArray();
            table.Add(Ways[way].Name, TextTable.Number(inFlight),
                TextTable.Number(results[way].Select(r => r.PerSecond).Order().ElementAt(Rounds / 2)),
                TextTable.Number(results[way].Select(r => r.P50Micros).Order().ElementAt(Rounds / 2)),
                way == 0 ? "1" : TextTable.Number(ratios[Rounds / 2], 2),
                way == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{ratios[0]:F2}-{ratios[^1]:F2}"));
        }
    }
}
