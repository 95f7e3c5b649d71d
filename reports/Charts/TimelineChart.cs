namespace Testbed.Reports;

/// <summary>Goodput, latency and failures over time in 100 ms windows, with faults and phases.</summary>
internal static class TimelineChart
{
    /// <summary>Windows in the moving mean that is drawn over the single windows: one second.</summary>
    private const int MeanWindows = 10;

    /// <summary>Most bars of the failure panel; a longer run sums neighbouring windows.</summary>
    private const int MaxBars = 400;

    /// <summary>Builds the figure.</summary>
    public static Figure Build(Findings findings)
    {
        TimeFrame frame = new(findings);
        List<Panel> panels = [frame.Lane()];
        panels.Add(Goodput(frame, findings, findings.Reads, "reads", Tone.Blue));
        panels.Add(Goodput(frame, findings, findings.Writes, "writes", Tone.Orange));
        panels.Add(Latency(frame, findings));
        panels.Add(Failures(frame, findings));
        return new Figure("timeline", Finding(findings), ChartNames.RunLine(findings.Run.Manifest), panels);
    }

    /// <summary>The sentence over the timeline.</summary>
    public static string Finding(Findings findings)
    {
        if (findings.Total.Count == 0)
        {
            return "No operation was measured";
        }

        string rate = $"Goodput {Units.Rate(findings.Goodput)}"
            + (findings.Run.Manifest.OfferedRate is double offered ? $" of {Units.Rate(offered)} offered"
                : " (closed loop)");
        if (findings.Deepest is not DownSpan down)
        {
            return findings.Faults.Count == 0 ? rate + "; no fault was applied" : rate + "; no node was taken away";
        }

        string nodes = down.Nodes == 1 ? $"one node {Downtime.Word(findings.Faults)}"
            : $"{down.Nodes} nodes {Downtime.Word(findings.Faults)}";
        string stalls = string.Join(", ", FaultText.Stalls(findings));
        return stalls.Length == 0 ? $"{rate}, {nodes} for a while"
            : $"{rate}; {nodes} for a while; longest stall from the first fault on: {stalls}";
    }

    private static Panel Goodput(
        TimeFrame frame, Findings findings, WindowSeries series, string kind, Tone tone)
    {
        string title = $"Goodput of {kind}";
        if (series.IsEmpty)
        {
            return new Panel
            {
                Title = title, X = frame.X, Y = AxisScales.FromZero("ok per second", 1), Height = 60,
                Empty = $"no {kind} in this workload",
            };
        }

        double[] good = series.GoodPerSecond;
        double[] offered = MovingMean(series.AllPerSecond, new int[series.Seconds.Length]);
        Axis y = AxisScales.FromZero("ok per second", Math.Max(Largest(good), Largest(offered)));
        List<Mark> marks = [.. frame.Background()];
        marks.Add(new LineMark(series.Seconds, good, tone) { Opacity = 0.35, Width = 1 });
        marks.Add(new LineMark(series.Seconds, offered, Tone.Ink) { Dashed = true, Width = 1.3,
            Opacity = 0.8 });
        marks.Add(new LineMark(series.Seconds, GoodputMean(series, findings), tone) { Width = 2.2 });
        bool stopped = AddOutages(marks, series, y);
        List<LegendEntry> legend =
        [
            new LegendEntry("100 ms windows", tone, LegendShape.Pale), new LegendEntry("1 s mean", tone),
            new LegendEntry("offered", Tone.Ink, LegendShape.Dashed),
        ];
        if (stopped)
        {
            legend.Add(new LegendEntry("none succeeded", Tone.Vermilion, LegendShape.Box));
        }

        return new Panel { Title = title, X = frame.X, Y = y, Height = 120, Marks = marks, Legend = legend };
    }

    /// <summary>A red strip at the bottom where operations were wanted and none succeeded.</summary>
    private static bool AddOutages(List<Mark> marks, WindowSeries series, Axis y)
    {
        bool any = false;
        int start = -1;
        for (int i = 0; i <= series.Seconds.Length; i++)
        {
            bool stopped = i < series.Seconds.Length && Stopped(series, i);
            if (stopped && start < 0)
            {
                start = i;
            }
            else if (!stopped && start >= 0)
            {
                double end = series.Seconds[i - 1] + (WindowSeries.WindowNs / 1e9);
                marks.Add(new BoxMark(series.Seconds[start], end, 0, y.Max * 0.06, Tone.Vermilion));
                start = -1;
                any = true;
            }
        }

        return any;
    }

    private static Panel Latency(TimeFrame frame, Findings findings)
    {
        List<Mark> marks = [.. frame.Background()];
        List<LegendEntry> legend = [];
        AddLatency(marks, legend, findings.Reads, "reads", Tone.Blue);
        AddLatency(marks, legend, findings.Writes, "writes", Tone.Orange);
        IEnumerable<double> values = findings.Reads.P50Us.Concat(findings.Reads.P99Us)
            .Concat(findings.Writes.P50Us).Concat(findings.Writes.P99Us);
        return new Panel
        {
            Title = "Latency from intended start", X = frame.X,
                Y = AxisScales.Log("latency", values, Units.LatencyTick),
            Height = 190, Marks = marks, Legend = legend,
            Empty = legend.Count == 0 ? "no operation succeeded, so there is no latency to show" : null,
        };
    }

    private static void AddLatency(
        List<Mark> marks, List<LegendEntry> legend, WindowSeries series, string kind, Tone tone)
    {
        if (!series.P50Us.Any(double.IsFinite))
        {
            return;
        }

        marks.Add(new LineMark(series.Seconds, Logs(series.P99Us), tone) { Width = 1.1, Opacity = 0.55 });
        marks.Add(new LineMark(series.Seconds, Logs(series.P50Us), tone) { Width = 1.9 });
        legend.Add(new LegendEntry($"{kind} p50", tone));
        legend.Add(new LegendEntry($"{kind} p99", tone, LegendShape.Pale));
    }

    private static Panel Failures(TimeFrame frame, Findings findings)
    {
        WindowSeries all = WindowSeries.Of(findings.Run, findings.Clock, _ => true);
        List<Mark> marks = [.. frame.Background()];
        int bundle = Math.Max(1, (int)Math.Ceiling((double)all.Seconds.Length / MaxBars));
        double width = bundle * WindowSeries.WindowNs / 1e9;
        double largest = 0;
        for (int i = 0; i < all.Seconds.Length; i += bundle)
        {
            double x = all.Seconds[i];
            double bottom = 0;
            Range range = i..Math.Min(i + bundle, all.Seconds.Length);
            foreach ((long count, Tone tone) in new[]
            {
                (all.Failed[range].Sum(), Tone.Vermilion), (all.Unknown[range].Sum(), Tone.Purple),
                (all.Shed[range].Sum(), Tone.Sky),
            })
            {
                if (count > 0)
                {
                    marks.Add(new BoxMark(x, x + width, bottom, bottom + count, tone));
                    bottom += count;
                }
            }

            largest = Math.Max(largest, bottom);
        }

        return new Panel
        {
            Title = "Not ok", X = frame.X,
                Y = AxisScales.FromZero($"per {bundle * 100} ms", Math.Max(1, largest), leastStep: 1),
            Height = largest == 0 ? 60 : 100, Marks = marks,
            Legend = largest == 0 ? [] :
            [
                new LegendEntry("failed", Tone.Vermilion, LegendShape.Box),
                new LegendEntry("unknown", Tone.Purple, LegendShape.Box),
                    new LegendEntry("shed", Tone.Sky, LegendShape.Box),
            ],
            Empty = largest > 0 ? null
                : all.IsEmpty ? "no operation was measured"
                : "every operation succeeded: none failed, none unknown, none shed",
        };
    }

    /// <summary>
    /// Goodput as a mean over one second that never reaches across the start or end of a fault or of an
    /// outage: a mean that did would show a dip before the fault that caused it.
    /// </summary>
    internal static double[] GoodputMean(WindowSeries series, Findings findings)
    {
        double[] edges = [.. findings.Faults.SelectMany(f => new[] { f.Start, f.End })];
        int[] segments = new int[series.Seconds.Length];
        for (int i = 1; i < segments.Length; i++)
        {
            double start = series.Seconds[i];
            bool outageEdge = Stopped(series, i) != Stopped(series, i - 1);
            bool faultEdge = edges.Any(e => e >= start && e < start + (WindowSeries.WindowNs / 1e9));
            segments[i] = segments[i - 1] + (outageEdge || faultEdge ? 1 : 0);
        }

        return MovingMean(series.GoodPerSecond, segments);
    }

    private static bool Stopped(WindowSeries series, int index) =>
        series.All[index] > 0 && series.Good[index] == 0;

    /// <summary>Mean over one second, centred, of values of the same segment.</summary>
    private static double[] MovingMean(double[] values, int[] segments)
    {
        double[] mean = new double[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            int from = Math.Max(0, i - (MeanWindows / 2));
            int to = Math.Min(values.Length, i + (MeanWindows / 2));
            double sum = 0;
            int count = 0;
            for (int j = from; j < to; j++)
            {
                bool same = segments[j] == segments[i];
                sum += same ? values[j] : 0;
                count += same ? 1 : 0;
            }

            mean[i] = sum / count;
        }

        return mean;
    }

    /// <summary>Decimal logarithms; NaN where there is no value.</summary>
    internal static double[] Logs(IEnumerable<double> values) =>
        [.. values.Select(v => v > 0 ? Math.Log10(v) : double.NaN)];

    private static double Largest(double[] values) => values.Length == 0 ? 0 : values.Max();
}
