using Testbed.Results;

namespace Testbed.Reports;

/// <summary>
/// The charts of a comparison. The baseline is orange, the candidate blue, in all of them.
/// </summary>
internal static class ComparisonCharts
{
    private const Tone BaselineTone = Tone.Orange;
    private const Tone CandidateTone = Tone.Blue;

    /// <summary>All figures, in the order of the page.</summary>
    public static IReadOnlyList<Figure> All(ComparisonModel model) =>
        [Ratios(model), Latency(model), Timeline(model), Bytes(model)];

    /// <summary>Ratio with interval per metric on a log axis, with a line at 1.</summary>
    public static Figure Ratios(ComparisonModel model)
    {
        MetricOutcome[] drawn = [.. model.Outcomes.Where(o => o.Ratio is not null)];
        double reach = 0.35;
        foreach (MetricOutcome o in drawn)
        {
            Interval i = o.RatioInterval ?? new Interval(o.Ratio!.Value, o.Ratio.Value);
            reach = Math.Max(reach, Math.Max(Math.Abs(Math.Log10(i.Low)), Math.Abs(Math.Log10(i.High)))
                + 0.08);
        }

        List<Mark> marks =
        [
            new BoxMark(-Effect(model), Effect(model), double.NegativeInfinity, double.PositiveInfinity,
                Tone.Muted) { Opacity = 0.12 },
            new RuleMark(false, 0, Tone.Ink) { Dashed = false, Width = 1.2 },
        ];
        List<Tick> names = [];
        bool judged = model.Pairs >= Bootstrap.LeastForInterval;
        for (int row = 0; row < drawn.Length; row++)
        {
            MetricOutcome o = drawn[row];
            double y = drawn.Length - row - 0.5;
            Interval i = o.RatioInterval ?? new Interval(o.Ratio!.Value, o.Ratio.Value);
            names.Add(new Tick(y, o.Metric.Label));
            marks.Add(new LineMark([-reach, reach], [y, y], Tone.Muted) { Width = 0.8, Opacity = 0.25 });
            marks.Add(new WhiskerMark(
                Math.Log10(i.Low), Math.Log10(o.Ratio!.Value), Math.Log10(i.High), y, VerdictTone(o)));
            marks.Add(new TextMark(reach * 1.04, y, judged
                ? $"{Units.Times(o.Ratio)}  {CompareText.Word(o.Verdict)}" : Units.Times(o.Ratio), Tone.Ink,
                    Anchor.Left));
        }

        Axis ratio = AxisScales.LogBetween(
            $"{model.CandidateLabel} / {model.BaselineLabel}", -reach, reach, v => Units.Three(v) + "x");
        Panel panel = new()
        {
            Title = model.Pairs > 1 ? "Median ratio and interval" : "Ratio (one pair: no interval)",
            X = ratio with { Max = reach * (judged ? 1.45 : 1.2) },
            Y = new Axis("", 0, Math.Max(1, drawn.Length), names) { Grid = false },
            Height = Math.Max(60, 24 * drawn.Length), Marks = marks, LeftPadding = 210,
            Legend = !judged ? [] :
            [
                new LegendEntry("better", Tone.Green, LegendShape.Box),
                    new LegendEntry("worse", Tone.Vermilion, LegendShape.Box),
                new LegendEntry("equivalent", Tone.Blue, LegendShape.Box),
                new LegendEntry("inconclusive", Tone.Muted, LegendShape.Box),
            ],
            Empty = drawn.Length == 0 ? "no metric has a ratio: nothing above zero in both runs of a pair"
                : null,
        };
        return new Figure("compare-ratios", ChartNames.Sentence(CompareText.Headline(model)),
            Subtitle(model), [panel]);
    }

    /// <summary>
    /// Percentile spectra of the whole measured time: every run thin, the median of the runs thick.
    /// </summary>
    public static Figure Latency(ComparisonModel model)
    {
        Findings[] all = [.. model.Baseline, .. model.Candidate];
        LatencyRow[] rows = [.. all.SelectMany(Measured)];
        Axis y = AxisScales.Log(
            "latency from intended start", rows.Where(r => r.Percentile >= 1).Select(r => r.ValueUs),
                Units.LatencyTick);
        string[] operations =
        [
            .. OperationWords.Sorted(rows.Select(r => r.Operation))
                .Where(o => OperationWords.IsRead(o) || OperationWords.IsWrite(o)),
        ];
        List<Panel> panels = [];
        foreach ((string kind, Func<string, bool> wanted) in new (string, Func<string, bool>)[]
        {
            ("reads", OperationWords.IsRead), ("writes", OperationWords.IsWrite),
        })
        {
            string[] here = [.. operations.Where(wanted)];
            panels.AddRange(here.Select(o => Spectrum(model, o, y)));
            if (here.Length == 0)
            {
                panels.Add(new Panel
                {
                    Title = ChartNames.Sentence(kind), X = AxisScales.Percentile(3), Y = y, Height = 330,
                    Empty = $"no {kind} in this workload",
                });
            }
        }

        string[] parts =
        [
            .. model.Outcomes.Where(o => o.Metric.Key.EndsWith("_latency_p99_us", StringComparison.Ordinal))
                .Select(o => $"{o.Metric.Label} {Units.Micros(o.CandidateMedian)} against {Units.Micros(o.BaselineMedian)}"),
        ];
        string title = parts.Length == 0 ? "No latency to compare" : string.Join("; ", parts);
        return new Figure(
            "compare-latency", ChartNames.Sentence(title)
                + $" ({model.CandidateLabel} against {model.BaselineLabel})",
            Subtitle(model), panels, 2);
    }

    /// <summary>First pair over time on one clock: goodput, p99, not ok.</summary>
    public static Figure Timeline(ComparisonModel model)
    {
        Findings baseline = model.Baseline[0];
        Findings candidate = model.Candidate[0];
        TimeFrame left = new(baseline);
        TimeFrame right = new(candidate);
        TimeFrame frame = left.X.Max >= right.X.Max ? left : right;
        List<Panel> panels =
        [
            frame.Lane() with { Title =
                $"Phases and faults of {(frame == left ? model.BaselineLabel : model.CandidateLabel)}" },
            Goodput(model, frame, "reads", f => f.Reads), Goodput(model, frame, "writes", f => f.Writes),
            P99(model, frame, "reads", f => f.Reads), P99(model, frame, "writes", f => f.Writes),
        ];
        return new Figure("compare-timeline", GapFinding(model), "First pair. " + Subtitle(model), panels);
    }

    /// <summary>Stored and sent bytes side by side; first pair.</summary>
    public static Figure Bytes(ComparisonModel model) => BytesChart.Build(
        "compare-bytes", [(model.BaselineLabel, model.Baseline[0].Run),
            (model.CandidateLabel, model.Candidate[0].Run)],
        "First pair. " + Subtitle(model));

    private static Panel Spectrum(ComparisonModel model, string operation, Axis y)
    {
        List<Mark> marks = [];
        double right = 1.1;
        foreach ((IReadOnlyList<Findings> runs, Tone tone) in new[] { (model.Baseline, BaselineTone),
            (model.Candidate, CandidateTone) })
        {
            List<(double[] Xs, double[] Ys)> curves =
            [
                .. runs.Select(r => Measured(r).Where(p => p.Operation == operation)
                    .OrderBy(p => p.Percentile).ToArray())
                    .Where(p => p.Length > 0).Select(p => LatencySpectrumChart.Curve(p)),
            ];
            if (curves.Count > 1)
            {
                marks.AddRange(curves.Select(c =>
                    new LineMark(c.Xs, c.Ys, tone) { Width = 0.9, Opacity = 0.4 }));
            }

            if (curves.Count > 0)
            {
                (double[] xs, double[] ys) = MedianCurve(curves);
                marks.Add(new LineMark(xs, ys, tone) { Width = 2.3 });
                right = Math.Max(right, xs[^1]);
            }
        }

        return new Panel
        {
            Title = ChartNames.Sentence(OperationWords.Plural(operation)),
                X = AxisScales.Percentile(right + 0.05), Y = y,
            Height = 330, Marks = marks, Legend = Legend(model),
            Empty = marks.Count == 0 ? $"no {OperationWords.Plural(operation)} succeeded" : null,
        };
    }

    /// <summary>
    /// Pointwise median over runs on the points that all of them have: runs are the sample.
    /// </summary>
    private static (double[] Xs, double[] Ys) MedianCurve(List<(double[] Xs, double[] Ys)> curves)
    {
        (double[] xs, double[] _) = curves[0];
        List<double> keptXs = [];
        List<double> ys = [];
        foreach (double x in xs)
        {
            double[] values = [.. curves.Select(c => At(c, x)).Where(v => !double.IsNaN(v))];
            if (values.Length == curves.Count)
            {
                keptXs.Add(x);
                ys.Add(Quantiles.Median(values));
            }
        }

        return keptXs.Count == 0 ? curves[0] : ([.. keptXs], [.. ys]);
    }

    private static double At((double[] Xs, double[] Ys) curve, double x)
    {
        int index = Array.BinarySearch(curve.Xs, x);
        if (index >= 0)
        {
            return curve.Ys[index];
        }

        int above = ~index;
        if (above == 0 || above == curve.Xs.Length)
        {
            return double.NaN;
        }

        double share = (x - curve.Xs[above - 1]) / (curve.Xs[above] - curve.Xs[above - 1]);
        return curve.Ys[above - 1] + (share * (curve.Ys[above] - curve.Ys[above - 1]));
    }

    private static Panel Goodput(
        ComparisonModel model, TimeFrame frame, string kind, Func<Findings, WindowSeries> series)
    {
        WindowSeries baseline = series(model.Baseline[0]);
        WindowSeries candidate = series(model.Candidate[0]);
        double[] left = TimelineChart.GoodputMean(baseline, model.Baseline[0]);
        double[] right = TimelineChart.GoodputMean(candidate, model.Candidate[0]);
        Axis y = AxisScales.FromZero("ok per second", left.Concat(right).DefaultIfEmpty(0).Max());
        return new Panel
        {
            Title = $"Goodput of {kind}, 1 s mean", X = frame.X, Y = y, Height = baseline.IsEmpty
                && candidate.IsEmpty ? 60 : 120,
            Marks =
            [
                .. frame.Background(), new LineMark(baseline.Seconds, left, BaselineTone) { Width = 1.8 },
                new LineMark(candidate.Seconds, right, CandidateTone) { Width = 1.8 },
            ],
            Legend = Legend(model), Empty = baseline.IsEmpty && candidate.IsEmpty
                ? $"no {kind} in this workload" : null,
        };
    }

    private static Panel P99(
        ComparisonModel model, TimeFrame frame, string kind, Func<Findings, WindowSeries> series)
    {
        WindowSeries baseline = series(model.Baseline[0]);
        WindowSeries candidate = series(model.Candidate[0]);
        bool none = !baseline.P99Us.Concat(candidate.P99Us).Any(double.IsFinite);
        return new Panel
        {
            Title = $"p99 latency of {kind} in 100 ms windows", X = frame.X, Height = none ? 60 : 140,
            Y = AxisScales.Log("latency", baseline.P99Us.Concat(candidate.P99Us), Units.LatencyTick),
            Marks =
            [
                .. frame.Background(),
                new LineMark(baseline.Seconds, TimelineChart.Logs(baseline.P99Us),
                    BaselineTone) { Width = 1.2, Opacity = 0.85 },
                new LineMark(candidate.Seconds, TimelineChart.Logs(candidate.P99Us),
                    CandidateTone) { Width = 1.2, Opacity = 0.85 },
            ],
            Legend = Legend(model), Empty = none ? $"no {kind} in this workload" : null,
        };
    }

    private static string GapFinding(ComparisonModel model)
    {
        static string One(string label, Findings f)
        {
            string stalls = string.Join(", ", FaultText.Stalls(f));
            return label + " " + (stalls.Length == 0 ? $"{Units.Rate(f.Goodput)} of goodput" : stalls);
        }

        string what = model.Baseline[0].Deepest is null ? "" : "Longest stall: ";
        return what + One(model.BaselineLabel, model.Baseline[0]) + "; "
            + One(model.CandidateLabel, model.Candidate[0]);
    }

    private static IEnumerable<LatencyRow> Measured(Findings findings) => findings.Run.Latencies
        .Where(r => r.Phase == Findings.Measured && r.Kind == "latency" && r.Outcome == "ok"
            && r.ValueUs > 0);

    private static LegendEntry[] Legend(ComparisonModel model) =>
        [new LegendEntry(model.BaselineLabel, BaselineTone),
            new LegendEntry(model.CandidateLabel, CandidateTone)];

    private static string Subtitle(ComparisonModel model)
    {
        Manifest m = model.Baseline[0].Run.Manifest;
        string pairs = model.Pairs == 1 ? "1 pair" : $"{model.Pairs} pairs";
        string rate = m.OfferedRate is double r ? $"open loop {Units.Rate(r)}" : "closed loop";
        return $"{pairs} · workload {m.Workload} · {rate} · durability {m.Durability} · {m.Cluster} cluster";
    }

    private static double Effect(ComparisonModel model) => Math.Log10(1 + model.Rules.MinimumEffect);

    private static Tone VerdictTone(MetricOutcome outcome) => outcome.Verdict switch
    {
        Verdict.Better => Tone.Green,
        Verdict.Worse => Tone.Vermilion,
        Verdict.Equivalent => Tone.Blue,
        _ when outcome.Pairs < Bootstrap.LeastForInterval => Tone.Ink,
        _ => Tone.Muted,
    };
}
