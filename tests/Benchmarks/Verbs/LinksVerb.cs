using Testbed.Benchmarks.Support;

namespace Testbed.Benchmarks.Verbs;

/// <summary>
/// <c>links</c>: what the link proxy costs. One node process, two clients, one of them through the proxy; they
/// take turns, so that both meet the same machine.
/// </summary>
internal static class LinksVerb
{
    private const int Records = 1_000;
    private const int ValueBytes = 1024;
    private const int Rounds = 7;
    private const int EchoRoundTrips = 10_000;
    private static readonly int[] InFlight = [1, 16, 64];
    private static readonly TimeSpan Warmup = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Measured = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(TextWriter output, CancellationToken cancel)
    {
        await EchoAsync(output, EchoRoundTrips, cancel).ConfigureAwait(false);
        output.WriteLine();
        await GetsAsync(output, cancel).ConfigureAwait(false);
    }

    /// <summary>The bare cost: bytes to an echo server and back.</summary>
    public static async Task EchoAsync(TextWriter output, int roundTrips, CancellationToken cancel)
    {
        var pair = await EchoPair.StartAsync(ValueBytes, cancel).ConfigureAwait(false);
        await using var owned = pair.ConfigureAwait(false);
        var direct = new List<double>();
        var proxied = new List<double>();
        var proxyCpu = new List<double>();
        pair.RoundTrips(pair.Proxied, roundTrips);
        for (var round = 0; round < Rounds; round++)
        {
            direct.Add(pair.RoundTrips(pair.Direct, roundTrips));
            var cpu = pair.ProxyCpu();
            proxied.Add(pair.RoundTrips(pair.Proxied, roundTrips));
            proxyCpu.Add((pair.ProxyCpu() - cpu).TotalMicroseconds / roundTrips);
        }

        var table = new TextTable(0, "direct p50 us", "proxied p50 us", "added p50 us", "proxy CPU us/round trip");
        table.Add(TextTable.Number(Median(direct), 1), TextTable.Number(Median(proxied), 1),
            TextTable.Number(Median(direct.Zip(proxied, (d, p) => p - d)), 1), TextTable.Number(Median(proxyCpu), 1));
        output.WriteLine(
            $"Echo: 1 KiB there and back over one connection, direct and through testbed-linkd in turns; medians of {Rounds} rounds.");
        table.Print(output);
    }

    private static async Task GetsAsync(TextWriter output, CancellationToken cancel)
    {
        var keys = ClosedLoopKeys.Make(Records);
        var cluster = await BenchmarkCluster.StartAsync(
            "raft", 1, Records, BenchmarkData.Bytes(ValueBytes), cancel, linkProxy: true).ConfigureAwait(false);
        await using var owned = cluster.ConfigureAwait(false);
        var table = new TextTable(0, "in flight", "direct p50 us", "proxied p50 us", "added p50 us",
            "direct gets/s", "proxied gets/s", "proxy CPU us/op", "failed");
        foreach (var inFlight in InFlight)
        {
            var direct = new List<ClosedLoopResult>();
            var proxied = new List<ClosedLoopResult>();
            var proxyCpu = new List<double>();
            for (var round = 0; round < Rounds; round++)
            {
                direct.Add(await ClosedLoop.RunAsync(cluster.Direct, inFlight, Warmup, Measured, keys.PrepareGet)
                    .WaitAsync(cancel).ConfigureAwait(false));
                var cpu = cluster.LinkProxyCpu();
                var result = await ClosedLoop.RunAsync(cluster.Client, inFlight, Warmup, Measured, keys.PrepareGet)
                    .WaitAsync(cancel).ConfigureAwait(false);
                proxied.Add(result);
                proxyCpu.Add((cluster.LinkProxyCpu() - cpu).TotalMicroseconds / Math.Max(1, result.Operations));
            }

            table.Add(TextTable.Number(inFlight),
                TextTable.Number(Median(direct.Select(r => r.P50Micros))),
                TextTable.Number(Median(proxied.Select(r => r.P50Micros))),
                TextTable.Number(Median(direct.Zip(proxied, (d, p) => p.P50Micros - d.P50Micros))),
                TextTable.Number(Median(direct.Select(r => r.PerSecond))),
                TextTable.Number(Median(proxied.Select(r => r.PerSecond))),
                TextTable.Number(Median(proxyCpu), 2),
                TextTable.Number(direct.Concat(proxied).Sum(r => r.Failed)));
        }

        output.WriteLine("Links: one node process (Raft, one member), gets of 1 KiB, a client that dials the node and one "
            + $"through testbed-linkd in turns; medians of {Rounds} rounds.");
        table.Print(output);
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);
}
