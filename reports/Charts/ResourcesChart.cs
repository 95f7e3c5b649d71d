using Testbed.Results;

namespace Testbed.Reports;

/// <summary>CPU, memory, network, disk and stored bytes of each node over time.</summary>
internal static class ResourcesChart
{
    /// <summary>A longer silence than this between samples is a gap, not a slope.</summary>
    private const double GapSeconds = 1.5;

    /// <summary>Builds the figure.</summary>
    public static Figure Build(Findings findings)
    {
        TimeFrame frame = new(findings);
        IReadOnlyList<NodeSamples> nodes = Group(findings, frame);
        List<Panel> panels =
        [
            frame.Lane() with { Legend =
                [.. nodes.Select((n, i) => new LegendEntry(n.Node, Palette.Of(i))), new LegendEntry("all", Tone.Muted)] },
            Over("CPU", "cores", frame, nodes, n => n.Rate(r => r.CpuSeconds), 0.1),
            Over("Working set", "MB", frame, nodes,
                n => n.Level(r => (r.WorkingSetBytes ?? r.RssBytes) / 1e6), 1),
            Over("Network sent", "MB/s", frame, nodes,
                n => n.Rate(r => r.NetworkTxBytes / 1e6), 0.01),
            Over("Network received", "MB/s", frame, nodes,
                n => n.Rate(r => r.NetworkRxBytes / 1e6), 0.01),
            Over("Disk written", "MB/s", frame, nodes, n => n.Rate(r => r.DiskWriteBytes / 1e6), 0.01),
            Over("Stored payload", "MB", frame, nodes, n => n.Level(r => r.StorePayloadBytes / 1e6), 0.01),
        ];
        if (findings.Run.Summary.Rebuilds.Count > 0)
        {
            panels.Add(Over("Slots that vote", "slots", frame, nodes, n => n.Level(r => r.SlotsReady), 256));
        }

        return new Figure("resources", Finding(findings), ChartNames.RunLine(findings.Run.Manifest), panels);
    }

    private static string Finding(Findings findings)
    {
        ByteFigures bytes = findings.Run.Summary.Bytes;
        long? rss = findings.Run.Summary.Nodes.Max(n => n.MaxRssBytes);
        List<string> parts = [];
        if (bytes.CpuMicrosPerOperation is double cpu)
        {
            parts.Add($"{Units.Three(cpu)} us of node CPU per operation");
        }

        if (rss is long largest)
        {
            parts.Add($"largest node {Units.Bytes(largest)} resident");
        }

        return parts.Count == 0 ? "What the nodes used" : string.Join(", ", parts);
    }

    private static IReadOnlyList<NodeSamples> Group(Findings findings, TimeFrame frame) =>
    [
        .. findings.Run.Nodes.GroupBy(n => n.Node).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => new NodeSamples(
                g.Key,
                [
                    .. g.OrderBy(r => r.TNs).Select(r => (findings.Clock.Seconds(r.TNs), r))
                        .Where(r => r.Item1 >= frame.X.Min && r.Item1 <= frame.X.Max),
                ])),
    ];

    private static Panel Over(
        string title, string unit, TimeFrame frame, IReadOnlyList<NodeSamples> nodes,
        Func<NodeSamples, (double[] Xs, double[] Ys)> values, double atLeast)
    {
        List<Mark> marks = [.. frame.Background()];
        double largest = 0;
        bool any = false;
        (double[] Xs, double[] Ys)[] lines = [.. nodes.Select(values)];
        (double[] Xs, double[] Ys) sum = Sum(lines);
        if (sum.Ys.Any(double.IsFinite))
        {
            largest = sum.Ys.Where(double.IsFinite).Max();
            marks.Add(new LineMark(sum.Xs, sum.Ys, Tone.Muted) { Width = 2 });
        }

        for (int i = 0; i < nodes.Count; i++)
        {
            (double[] xs, double[] ys) = lines[i];
            double top = ys.Where(double.IsFinite).DefaultIfEmpty(double.NaN).Max();
            if (!double.IsNaN(top))
            {
                any = true;
                largest = Math.Max(largest, top);
                marks.Add(new LineMark(xs, ys, Palette.Of(i)) { Width = 1.5 });
            }
        }

        return new Panel
        {
            Title = title, X = frame.X, Y = AxisScales.FromZero(unit, Math.Max(largest, atLeast)),
            Height = any ? 105 : 50, Marks = marks, Empty = any ? null : "not sampled in this run",
        };
    }

    /// <summary>All nodes together: samples are taken of all at one time; a node that is down adds nothing.</summary>
    private static (double[] Xs, double[] Ys) Sum((double[] Xs, double[] Ys)[] lines)
    {
        SortedDictionary<double, double> sums = [];
        foreach ((double[] xs, double[] ys) in lines)
        {
            for (int i = 0; i < xs.Length; i++)
            {
                double before = sums.TryGetValue(xs[i], out double s) ? s : double.NaN;
                sums[xs[i]] = double.IsFinite(ys[i]) ? (double.IsFinite(before) ? before + ys[i] : ys[i]) : before;
            }
        }

        return ([.. sums.Keys], [.. sums.Values]);
    }

    /// <summary>One node's samples on the report's clock.</summary>
    private sealed record NodeSamples(string Node, IReadOnlyList<(double Seconds, NodeRow Row)> Rows)
    {
        /// <summary>A value as it is; NaN while the node is down.</summary>
        public (double[] Xs, double[] Ys) Level(Func<NodeRow, double?> value) =>
            ([.. Rows.Select(r => r.Seconds)], [.. Rows.Select(r => value(r.Row) ?? double.NaN)]);

        /// <summary>A counter's growth per second; NaN across a restart or a gap.</summary>
        public (double[] Xs, double[] Ys) Rate(Func<NodeRow, double?> counter)
        {
            List<double> xs = [];
            List<double> ys = [];
            for (int i = 1; i < Rows.Count; i++)
            {
                double elapsed = Rows[i].Seconds - Rows[i - 1].Seconds;
                double? grown = counter(Rows[i].Row) - counter(Rows[i - 1].Row);
                xs.Add(Rows[i].Seconds);
                ys.Add(grown is double g && g >= 0 && elapsed is > 0 and < GapSeconds ? g / elapsed
                    : double.NaN);
            }

            return ([.. xs], [.. ys]);
        }
    }
}
