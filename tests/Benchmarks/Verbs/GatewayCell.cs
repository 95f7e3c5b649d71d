using Testbed.Reports;

namespace Testbed.Benchmarks.Verbs;

/// <summary>How long <c>gateway</c> measures what.</summary>
internal sealed record GatewayOptions
{
    public int Records { get; init; } = 10_000;

    public IReadOnlyList<int> Clients { get; init; } = [1, 64];

    public int Rounds { get; init; } = 3;

    public TimeSpan Warmup { get; init; } = TimeSpan.FromSeconds(0.3);

    public TimeSpan Measured { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>One round of one way; bytes and processor time per operation, those of a warm-up among them.</summary>
internal readonly record struct GatewayRound(
    double PerSecond, double P50Micros, double P99Micros, double ClientBytes, double NodeBytes, double NodeCpuMicros,
    long Failed);

/// <summary>One line of the table: medians of the rounds; share is the rate over that of the streams next to it.</summary>
internal sealed record GatewayCell(
    string Strategy, string Operation, string Way, int Clients, double PerSecond, double Share, double P50Micros,
    double P99Micros, double ClientBytes, double NodeBytes, double NodeCpuMicros, long Failed)
{
    /// <summary>Sums up rounds.</summary>
    public static GatewayCell Of(string strategy, string operation, string way, int clients,
        IReadOnlyList<GatewayRound> rounds, IReadOnlyList<double> shares) => new(
        strategy, operation, way, clients, Median(rounds.Select(r => r.PerSecond)), Median(shares),
        Median(rounds.Select(r => r.P50Micros)), Median(rounds.Select(r => r.P99Micros)),
        Median(rounds.Select(r => r.ClientBytes)), Median(rounds.Select(r => r.NodeBytes)),
        Median(rounds.Select(r => r.NodeCpuMicros)), rounds.Sum(r => r.Failed));

    private static double Median(IEnumerable<double> values) => Quantiles.Median([.. values]);
}
