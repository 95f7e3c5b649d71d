using Testbed.Reports;

namespace Testbed.Benchmarks.Peers;

/// <summary>Median, least and greatest of the rounds.</summary>
internal readonly record struct Spread(double Median, double Least, double Greatest)
{
    public static Spread Of(IReadOnlyList<double> values) => values.Count == 0
        ? new Spread(double.NaN, double.NaN, double.NaN)
        : new Spread(Quantiles.Median(values), values.Min(), values.Max());
}

/// <summary>A figure of both systems side by side.</summary>
internal sealed record PeerRow
{
    public required int Nodes { get; init; }

    public required string Operation { get; init; }

    /// <summary>Null for kills.</summary>
    public int? Clients { get; init; }

    /// <summary>What is counted, with its unit.</summary>
    public required string Figure { get; init; }

    public required Spread Etcd { get; init; }

    public required Spread Testbed { get; init; }

    /// <summary>Ours / etcd; of the rounds where rounds pair up, of the medians otherwise.</summary>
    public required Spread Ratio { get; init; }

    public required bool LessIsBetter { get; init; }

    /// <summary>Bound of the ratio; null when there is none.</summary>
    public double? TargetRatio { get; init; }

    /// <summary>Bound of our figure itself, not of the ratio; null when there is none.</summary>
    public double? TargetValue { get; init; }

    /// <summary>Whether the median keeps the target; null without target or figures.</summary>
    public bool? Reached => (TargetRatio, TargetValue) switch
    {
        (double bound, _) => Keeps(Ratio.Median, bound),
        (_, double bound) => Keeps(Testbed.Median, bound),
        _ => null,
    };

    /// <summary>How many times ours is better than etcd.</summary>
    public Spread TimesBetter => LessIsBetter
        ? new Spread(1 / Ratio.Median, 1 / Ratio.Greatest, 1 / Ratio.Least)
        : Ratio;

    private bool? Keeps(double value, double bound) =>
        double.IsNaN(value) ? null : LessIsBetter ? value <= bound : value >= bound;
}

/// <summary>Rows of figures out of cells and kills.</summary>
internal static class PeersSummary
{
    private const double CpuTarget = 1 / 5.0;

    private static readonly Measure[] Measures =
    [
        new("per second", false, cell => cell.PerSecond),
        new("p50 us", true, cell => cell.P50Micros),
        new("p99 us", true, cell => cell.P99Micros),
        new("server CPU us/op", true, cell => cell.ServerCpuMicrosPerOperation),
        new("disk B/op", true, cell => cell.DiskBytesPerOperation),
    ];

    private sealed record Measure(string Name, bool LessIsBetter, Func<PeerCell, double> Of);

    /// <summary>All rows of a cluster size, in the order of reading.</summary>
    public static IReadOnlyList<PeerRow> Rows(PeersData data, int nodes)
    {
        var cells = data.Cells.Where(cell => cell.Nodes == nodes).ToList();
        var rows = new List<PeerRow>();
        foreach (var group in cells.Where(cell => cell.System == PeerSystems.Testbed)
            .GroupBy(cell => (cell.Operation, cell.Clients)))
        {
            // Our stream has no counterpart: it stands against the calls that etcd's clients make.
            var against = group.Key.Operation == PeerOperations.StreamPut ? PeerOperations.Put : group.Key.Operation;
            var etcd = cells.Where(cell => cell.System == PeerSystems.Etcd
                && cell.Operation == against && cell.Clients == group.Key.Clients).ToList();
            foreach (var measure in Measures.Where(m => m.Name != "disk B/op" || against == PeerOperations.Put))
            {
                rows.Add(Row(nodes, group.Key.Operation, group.Key.Clients, measure, etcd, [.. group]));
            }
        }

        return [.. rows, .. Kills(data, nodes)];
    }

    private static PeerRow Row(int nodes, string operation, int clients, Measure measure,
        List<PeerCell> etcd, List<PeerCell> ours) => new()
        {
            Nodes = nodes,
            Operation = operation,
            Clients = clients,
            Figure = measure.Name,
            Etcd = Spread.Of([.. etcd.Select(measure.Of)]),
            Testbed = Spread.Of([.. ours.Select(measure.Of)]),
            // A base of zero, as processor time can be in a short cell, has no ratio.
            Ratio = Spread.Of([.. ours.Join(etcd, o => o.Round, e => e.Round,
                (o, e) => measure.Of(o) / measure.Of(e)).Where(double.IsFinite)]),
            LessIsBetter = measure.LessIsBetter,
            TargetRatio = Target(operation, clients, measure.Name),
        };

    private static double? Target(string operation, int clients, string figure) =>
        (operation, clients, figure) switch
        {
            (PeerOperations.Put, 16, "per second") => 5,
            (PeerOperations.Put, 64, "per second") => 4,
            (PeerOperations.Put, 256, "per second") => 3.5,
            (PeerOperations.Put, 256, "p99 us") => 1 / 4.0,
            (PeerOperations.Put, 1, "p50 us") => 1 / 3.0,
            (PeerOperations.StreamPut, 256, "per second") => 10,
            (PeerOperations.Get, 64, "per second") => 4,
            (PeerOperations.Put, _, "server CPU us/op") => CpuTarget,
            _ => null,
        };

    private static IEnumerable<PeerRow> Kills(PeersData data, int nodes)
    {
        var etcd = Millis(PeerSystems.Etcd);
        var ours = Millis(PeerSystems.Testbed);
        if (etcd.Count == 0 || ours.Count == 0)
        {
            yield break;
        }

        foreach (var (name, share, bound) in new[] { ("p50 ms", 0.5, 100.0), ("p99 ms", 0.99, 400.0) })
        {
            Spread At(List<double> millis) => Spread.Of(millis) with { Median = Quantiles.Quantile(millis, share) };
            var ratio = At(ours).Median / At(etcd).Median;
            yield return new PeerRow
            {
                Nodes = nodes,
                Operation = "leader kill to put",
                Figure = name,
                Etcd = At(etcd),
                Testbed = At(ours),
                Ratio = new Spread(ratio, ratio, ratio),
                LessIsBetter = true,
                TargetValue = bound,
            };
        }

        List<double> Millis(string system) =>
            [.. data.Kills.Where(kill => kill.Nodes == nodes && kill.System == system)
                .Select(kill => kill.FirstPutMillis)];
    }
}
