using Testbed.Results;

namespace Testbed.Reports;

/// <summary>
/// The charts of a sweep, value sizes on a log axis: measured dots, predictions dashed beside them, two dashed lines
/// where a prediction has bounds. Dots are joined only where nothing is predicted: between two sizes a prediction is no
/// straight line. The baseline is orange, the candidate blue, as in comparisons.
/// </summary>
internal static class SweepCharts
{
    private const Tone BaselineTone = Tone.Orange;
    private const Tone CandidateTone = Tone.Blue;
    private const double DotRadius = 4.5;
    private const int PredictedPoints = 48;

    /// <summary>Between these sizes the design expects the strategies to need the same processor time.</summary>
    private const double CpuCrossoverLeast = 6 * 1024;
    private const double CpuCrossoverMost = 40 * 1024;

    private static readonly (SweepMetric Metric, string Label, Tone Tone)[] Memories =
    [
        (SweepMetrics.StoredTotal, "stores", Tone.Blue), (SweepMetrics.StoredAndLog, "and log", Tone.Green),
        (SweepMetrics.Heap, "heap", Tone.Purple), (SweepMetrics.Rss, "RSS", Tone.Vermilion),
    ];

    /// <summary>All figures, in the order of the page.</summary>
    public static IReadOnlyList<Figure> All(SweepModel model) => [Bytes(model), Cost(model)];

    /// <summary>Stored and sent bytes, and memory.</summary>
    public static Figure Bytes(SweepModel model) => new(
        "sweep-bytes", BytesFinding(model), Subtitle(model),
        [
            Against(model, SweepMetrics.StoredTotal, "Stored bytes per byte of the values", "stored / logical", false),
            Memory(model),
            Against(model, SweepMetrics.SentPerPut, "Sent bytes per put, per byte of the value", "sent / value", true),
            Against(model, SweepMetrics.SentPerGet, "Sent bytes per get, per byte of the value", "sent / value", true),
        ], 2);

    /// <summary>Processor time, goodput and latency: measured only.</summary>
    public static Figure Cost(SweepModel model) => new(
        "sweep-cost", CostFinding(model), Subtitle(model),
        [Cpu(model), Goodput(model), Latency(model, OperationWords.IsRead, "reads"),
            Latency(model, OperationWords.IsWrite, "writes")], 2);

    /// <summary>Measured and predicted, both sides.</summary>
    private static Panel Against(SweepModel model, SweepMetric metric, string title, string axis, bool log)
    {
        (Curve Curve, Tone Tone)[] predicted =
        [
            .. Curves(model, c => c.Model.Baseline[0], metric).Select(c => (c, BaselineTone)),
            .. Curves(model, c => c.Model.Candidate[0], metric).Select(c => (c, CandidateTone)),
        ];
        Curve baseline = Measured(model, metric, r => r.Baseline.Measured);
        Curve candidate = Measured(model, metric, r => r.Candidate.Measured);
        double[] all = [.. predicted.SelectMany(p => p.Curve.Ys), .. baseline.Ys, .. candidate.Ys];
        Axis y = log ? AxisScales.Log(axis, all, v => Units.Three(v) + "x")
            : AxisScales.FromZero(axis, Largest(all));
        List<Mark> marks =
        [
            .. predicted.Select(p => p.Curve.ToMark(p.Tone, log) with { Dashed = true, Width = 1.5 }),
            baseline.ToDots(BaselineTone, log), candidate.ToDots(CandidateTone, log),
        ];
        return new Panel
        {
            Title = title, X = Sizes(model), Y = y, Height = 270, Marks = marks, Legend = Legend(model, true),
            Empty = baseline.IsEmpty && candidate.IsEmpty ? "not measured" : null,
        };
    }

    /// <summary>Candidate over baseline by four ways to count, and the predicted ratio of the stores.</summary>
    private static Panel Memory(SweepModel model)
    {
        Findings left = model.Cells[0].Model.Baseline[0];
        Findings right = model.Cells[0].Model.Candidate[0];
        SweepMetric stores = SweepMetrics.StoredTotal;
        Curve predicted = new([.. Grid(model).Select(v =>
            ((double)v, (stores.Predicted(right, v) / stores.Predicted(left, v))?.Least ?? double.NaN))]);
        (string Label, Tone Tone, Curve Curve)[] measured =
            [.. Memories.Select(m => (m.Label, m.Tone, Measured(model, m.Metric, r => r.Ratio)))];
        double[] all = [.. predicted.Ys, .. measured.SelectMany(m => m.Curve.Ys)];
        return new Panel
        {
            Title = $"Node memory, {model.CandidateLabel} / {model.BaselineLabel}", X = Sizes(model),
            Y = AxisScales.Linear("ratio", 0, Math.Max(1, Largest(all) * 1.08), 8), Height = 270,
            Marks =
            [
                predicted.ToMark(Tone.Ink, false) with { Dashed = true, Width = 1.5 },
                .. measured.Select(m => m.Curve.ToDots(m.Tone, false)),
            ],
            Legend =
            [
                .. measured.Select(m => new LegendEntry(m.Label, m.Tone, LegendShape.Dot)),
                new LegendEntry("predicted", Tone.Ink, LegendShape.Dashed),
            ],
            Empty = measured.All(m => m.Curve.IsEmpty) ? "not measured" : null,
        };
    }

    private static Panel Cpu(SweepModel model)
    {
        Panel panel = Only(model, "Processor time of all nodes per operation", "time",
            [(SweepMetrics.Cpu, 1)], Units.LatencyTick);
        double from = Math.Log10(CpuCrossoverLeast);
        double to = Math.Log10(CpuCrossoverMost);
        if (!model.ComparesStrategies || panel.Empty is not null || to < panel.X.Min || from > panel.X.Max)
        {
            return panel;
        }

        return panel with
        {
            Marks = [new BoxMark(from, to, double.NegativeInfinity, double.PositiveInfinity, Tone.Muted)
                { Opacity = 0.16, Hint = "expectation: Raft needs less left of here, ECC right of here" },
                .. panel.Marks],
            Legend = [.. panel.Legend, new LegendEntry("expected crossing", Tone.Muted, LegendShape.Box)],
        };
    }

    private static Panel Goodput(SweepModel model)
    {
        Curve offered = new([.. model.Cells.Select(c =>
            ((double)c.ValueBytes, c.Model.Baseline[0].Run.Manifest.OfferedRate ?? double.NaN))]);
        Panel panel = Only(model, "Goodput", "ok per second", [(SweepMetrics.Goodput, 1)], Units.Three, offered);
        return offered.IsEmpty ? panel : panel with
        {
            Marks = [offered.ToMark(Tone.Ink, true) with { Dashed = true, Width = 1.3 }, .. panel.Marks],
            Legend = [.. panel.Legend, new LegendEntry("offered", Tone.Ink, LegendShape.Dashed)],
        };
    }

    /// <summary>p50 in full colour, p99 pale, of the first operation of a kind.</summary>
    private static Panel Latency(SweepModel model, Func<string, bool> isWanted, string kind)
    {
        string? operation = OperationWords.Sorted(model.Runs.SelectMany(r => r.Total).Select(o => o.Operation))
            .FirstOrDefault(isWanted);
        string key = operation is null ? "" : OperationWords.Normalise(operation);
        (SweepMetric, double)[] metrics =
        [
            .. model.Metrics.Where(m => operation is not null)
                .Where(m => m.Key.StartsWith(key + "_latency_", StringComparison.Ordinal))
                .Select(m => (m, m.Key.Contains("p99", StringComparison.Ordinal) ? 0.45 : 1)),
        ];
        string name = operation is null ? kind : OperationWords.Plural(operation);
        return Only(model, $"Latency of {name}: p50 below, p99 pale above", "latency", metrics, Units.LatencyTick)
            with { Empty = metrics.Length == 0 ? $"no {kind} in this workload" : null };
    }

    /// <summary>Measured only, both sides, on a log axis.</summary>
    private static Panel Only(SweepModel model, string title, string axis,
        (SweepMetric Metric, double Opacity)[] metrics, Func<double, string> format, Curve? beside = null)
    {
        (Curve Curve, Tone Tone, double Opacity)[] curves =
        [
            .. metrics.Select(m => (Measured(model, m.Metric, r => r.Baseline.Measured), BaselineTone, m.Opacity)),
            .. metrics.Select(m => (Measured(model, m.Metric, r => r.Candidate.Measured), CandidateTone, m.Opacity)),
        ];
        return new Panel
        {
            Title = title, X = Sizes(model), Height = 230,
            Y = AxisScales.Log(axis, curves.SelectMany(c => c.Curve.Ys).Concat(beside?.Ys ?? []), format),
            Marks =
            [
                .. curves.Select(c => c.Curve.ToMark(c.Tone, true) with { DotRadius = DotRadius, Opacity = c.Opacity }),
            ],
            Legend = Legend(model, false),
            Empty = curves.All(c => c.Curve.IsEmpty) ? "not measured" : null,
        };
    }

    private static Curve Measured(SweepModel model, SweepMetric metric, Func<SweepRow, double?> value) =>
        new([.. model.Of(metric).Select(r => ((double)r.ValueBytes, value(r) ?? double.NaN))]);

    /// <summary>Lower and upper end of what is predicted; one line where they are the same.</summary>
    private static IEnumerable<Curve> Curves(SweepModel model, Func<SweepCell, Findings> side, SweepMetric metric)
    {
        Findings run = side(model.Cells[0]);
        (int Size, Bounds? Bounds)[] points = [.. Grid(model).Select(v => (v, metric.Predicted(run, v)))];
        yield return new Curve([.. points.Select(p => ((double)p.Size, p.Bounds?.Least ?? double.NaN))]);
        if (points.Any(p => p.Bounds is Bounds b && b.Most > b.Least))
        {
            yield return new Curve([.. points.Select(p => ((double)p.Size, p.Bounds?.Most ?? double.NaN))]);
        }
    }

    private static IEnumerable<int> Grid(SweepModel model)
    {
        double first = Math.Log(model.Cells[0].ValueBytes);
        double last = Math.Log(model.Cells[^1].ValueBytes);
        return Enumerable.Range(0, PredictedPoints).Select(i =>
            (int)Math.Round(Math.Exp(first + ((last - first) * i / (PredictedPoints - 1)))));
    }

    private static Axis Sizes(SweepModel model)
    {
        double first = Math.Log10(model.Cells[0].ValueBytes);
        double last = Math.Log10(model.Cells[^1].ValueBytes);
        double margin = (last - first) * 0.06;
        return new Axis("size of values", first - margin, last + margin,
            [.. model.Cells.Select(c => new Tick(Math.Log10(c.ValueBytes), Units.Size(c.ValueBytes)))]);
    }

    private static double Largest(double[] values) => values.Where(double.IsFinite).DefaultIfEmpty(0).Max();

    private static LegendEntry[] Legend(SweepModel model, bool predicted)
    {
        LegendShape shape = predicted ? LegendShape.Dot : LegendShape.Line;
        LegendEntry[] sides = [new(model.BaselineLabel, BaselineTone, shape), new(model.CandidateLabel, CandidateTone, shape)];
        return predicted ? [.. sides, new LegendEntry("predicted", Tone.Muted, LegendShape.Dashed)] : sides;
    }

    private static string BytesFinding(SweepModel model)
    {
        string facts = SweepText.Facts(model, [(SweepMetrics.StoredTotal, "stored bytes"),
            (SweepMetrics.SentPerPut, "bytes sent per put"), (SweepMetrics.SentPerGet, "per get")]);
        return facts.Length == 0 ? "Bytes over value sizes" : facts;
    }

    private static string CostFinding(SweepModel model)
    {
        string facts = SweepText.Facts(model, [(SweepMetrics.Cpu, "CPU per operation")]);
        return facts.Length == 0 ? "Cost over value sizes" : facts;
    }

    private static string Subtitle(SweepModel model)
    {
        Manifest m = model.Usual.Model.Baseline[0].Run.Manifest;
        int pairs = model.Cells.Max(c => c.Model.Pairs);
        return $"{SweepText.Sides(model)} · workload {m.Workload} · durability {m.Durability} · "
            + $"{m.Cluster} cluster · " + (pairs == 1 ? "one pair of runs per size" : $"{pairs} pairs of runs per size, medians");
    }

    /// <summary>Points by value size; NaN where there is none.</summary>
    private sealed record Curve((double Size, double Value)[] Points)
    {
        public IEnumerable<double> Ys => Points.Select(p => p.Value);

        public bool IsEmpty => !Ys.Any(double.IsFinite);

        public LineMark ToDots(Tone tone, bool log) =>
            ToMark(tone, log) with { Width = 0, DotRadius = DotRadius };

        public LineMark ToMark(Tone tone, bool log) => new(
            [.. Points.Select(p => Math.Log10(p.Size))],
            [.. Points.Select(p => !log ? p.Value : p.Value > 0 ? Math.Log10(p.Value) : double.NaN)],
            tone) { Width = 1.8 };
    }
}
