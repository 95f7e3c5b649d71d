using Testbed.Results;

namespace Testbed.Reports;

/// <summary>Percentile spectra per phase: one panel for reads, one for writes.</summary>
internal static class LatencySpectrumChart
{
    /// <summary>Builds the figure.</summary>
    public static Figure Build(Findings findings)
    {
        LatencyRow[] rows = [.. findings.Run.Latencies.Where(r =>
            r.Kind == "latency" && r.Outcome == "ok" && r.ValueUs > 0 && IsDrawn(r.Phase, findings))];
        IReadOnlyList<string> operations = OperationWords.Sorted(rows.Select(r => r.Operation));
        string[] reads = [.. operations.Where(OperationWords.IsRead)];
        string[] writes = [.. operations.Where(OperationWords.IsWrite)];
        Axis y = AxisScales.Log(
            "latency from intended start",
            rows.Where(r => IsPaired(r.Operation) && r.Percentile >= 1)
                .Select(r => r.ValueUs),
            Units.LatencyTick);
        List<Panel> panels = [];
        AddPanels(panels, findings, rows, reads, "reads", y);
        AddPanels(panels, findings, rows, writes, "writes", y);
        return new Figure("latency-spectrum", Finding(findings), ChartNames.RunLine(findings.Run.Manifest),
            panels, 2);
    }

    private static bool IsPaired(string operation) =>
        OperationWords.IsRead(operation) || OperationWords.IsWrite(operation);

    /// <summary>
    /// Phases to draw: those of the measured time; all of it when the run has no phases with figures.
    /// </summary>
    private static bool IsDrawn(string phase, Findings findings) => PhasesToDraw(findings).Contains(phase);

    private static IReadOnlyList<string> PhasesToDraw(Findings findings)
    {
        string[] phases =
        [
            .. findings.Clock.Phases.Select(p => p.Name).Distinct()
                .Where(p => RunClock.IsShown(p) && p is not ("warm-up" or "warmup"))
                .Where(p => findings.Run.Latencies.Any(r => r.Phase == p && r.Kind == "latency")),
        ];
        return phases.Length == 0 ? [Findings.Measured] : phases;
    }

    private static void AddPanels(
        List<Panel> panels, Findings findings, LatencyRow[] rows, string[] operations, string kind, Axis y)
    {
        if (operations.Length == 0)
        {
            panels.Add(new Panel
            {
                Title = ChartNames.Sentence(kind), X = AxisScales.Percentile(3), Y = y, Height = 330,
                Empty = $"no {kind} in this workload",
            });
        }

        foreach (string operation in operations)
        {
            panels.Add(SpectrumPanel(
                findings, [.. rows.Where(r => r.Operation == operation)], operation, y));
        }
    }

    private static Panel SpectrumPanel(Findings findings, LatencyRow[] rows, string operation, Axis y)
    {
        List<Mark> marks = [];
        List<LegendEntry> legend = [];
        double right = 1.1;
        foreach (string phase in PhasesToDraw(findings))
        {
            LatencyRow[] points = [.. rows.Where(r => r.Phase == phase).OrderBy(r => r.Percentile)];
            if (points.Length == 0)
            {
                continue;
            }

            (double[] xs, double[] ys) = Curve(points);
            right = Math.Max(right, xs[^1]);
            Tone tone = ChartNames.PhaseTone(phase);
            marks.Add(new LineMark(xs, ys, tone) { Width = 2 });
            legend.Add(new LegendEntry(phase, tone));
        }

        return new Panel
        {
            Title = ChartNames.Sentence(OperationWords.Plural(operation)),
            X = AxisScales.Percentile(right + 0.05), Y = y, Height = 330, Marks = marks, Legend = legend,
        };
    }

    /// <summary>
    /// Coordinates of a spectrum. With n samples nothing is known beyond percentile 1 - 1/n: the curve ends
    /// there, and the maximum stands at that point.
    /// </summary>
    internal static (double[] Xs, double[] Ys) Curve(IReadOnlyList<LatencyRow> points)
    {
        double limit = Math.Max(0.31, Math.Log10(Math.Max(2, points[^1].Count)));
        List<double> xs = [];
        List<double> ys = [];
        foreach (LatencyRow point in points)
        {
            double x = Math.Min(limit, AxisScales.PercentilePosition(point.Percentile));
            if (xs.Count > 0 && x <= xs[^1])
            {
                ys[^1] = Math.Max(ys[^1], Math.Log10(point.ValueUs));
                continue;
            }

            xs.Add(x);
            ys.Add(Math.Log10(point.ValueUs));
        }

        return ([.. xs], [.. ys]);
    }

    private static string Finding(Findings findings)
    {
        List<string> parts = [];
        foreach (OperationFigures total in findings.Total.Take(2))
        {
            string name = OperationWords.Plural(total.Operation);
            OperationFigures? steady = findings.Of("steady", total.Operation);
            OperationFigures? down = findings.WhileDown(total.Operation);
            parts.Add(steady?.LatencyP99Us is double before && down?.LatencyP99Us is double during
                ? $"{name} {Units.Micros(before)} steady, {Units.Micros(during)} with nodes down"
                : $"{name} {Units.Micros(total.LatencyP99Us)}");
        }

        return parts.Count == 0 ? "No operation was measured" : "p99 latency: " + string.Join("; ", parts);
    }
}
