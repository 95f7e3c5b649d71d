namespace Testbed.Reports;

/// <summary>The runs of one value size, compared.</summary>
internal sealed record SweepCell(int ValueBytes, ComparisonModel Model);

/// <summary>One strategy's side of a row: the median of its runs, and what was predicted for them.</summary>
internal readonly record struct SweepSide(double? Measured, Bounds? Predicted)
{
    /// <summary>How far the measured value lies outside of the prediction, as a share; null without one.</summary>
    public double? Deviation => Measured is double m && Predicted is Bounds p ? p.Deviation(m) : null;
}

/// <summary>One metric at one value size.</summary>
internal sealed record SweepRow(SweepMetric Metric, int ValueBytes, SweepSide Baseline, SweepSide Candidate)
{
    /// <summary>Candidate over baseline; null unless both are above zero.</summary>
    public double? Ratio =>
        Baseline.Measured is > 0 and double b && Candidate.Measured is > 0 and double c ? c / b : null;

    /// <summary>The same of the predictions.</summary>
    public Bounds? PredictedRatio =>
        Baseline.Predicted is Bounds b && Candidate.Predicted is Bounds c ? c / b : null;
}

/// <summary>
/// Everything a sweep's text, charts and page state; computed once so that they agree.
/// </summary>
internal sealed class SweepModel
{
    // The size people ask for first.
    private const int UsualValueBytes = 1024;

    /// <summary>Follows metrics over cells; at least one, each of another size.</summary>
    public SweepModel(IEnumerable<SweepCell> cells)
    {
        Cells = [.. cells.OrderBy(c => c.ValueBytes)];
        Runs = [.. Cells.SelectMany(c => c.Model.Baseline.Concat(c.Model.Candidate))];
        Metrics = SweepMetrics.For(Runs);
        Rows = [.. Metrics.SelectMany(m => Cells.Select(c => Row(m, c)))];
    }

    /// <summary>By value size.</summary>
    public IReadOnlyList<SweepCell> Cells { get; }

    /// <summary>All runs.</summary>
    public IReadOnlyList<Findings> Runs { get; }

    /// <summary>Metrics that have a value somewhere.</summary>
    public IReadOnlyList<SweepMetric> Metrics { get; }

    /// <summary>Metric by metric, sizes within.</summary>
    public IReadOnlyList<SweepRow> Rows { get; }

    /// <summary>What the baseline is called.</summary>
    public string BaselineLabel => Cells[0].Model.BaselineLabel;

    /// <summary>What the candidate is called.</summary>
    public string CandidateLabel => Cells[0].Model.CandidateLabel;

    /// <summary>True when one side is ECC and the other Raft.</summary>
    public bool ComparesStrategies =>
        Cells[0].Model.Baseline[0].Run.Manifest.Strategy != Cells[0].Model.Candidate[0].Run.Manifest.Strategy;

    /// <summary>The cell nearest to values of 1 KiB, for headlines.</summary>
    public SweepCell Usual => Cells.MinBy(c => Math.Abs(Math.Log((double)c.ValueBytes / UsualValueBytes)))!;

    /// <summary>One row; null when the metric has no value anywhere.</summary>
    public SweepRow? Find(SweepMetric metric, int valueBytes) =>
        Rows.FirstOrDefault(r => r.Metric.Key == metric.Key && r.ValueBytes == valueBytes);

    /// <summary>The rows of one metric, by size.</summary>
    public IEnumerable<SweepRow> Of(SweepMetric metric) => Rows.Where(r => r.Metric.Key == metric.Key);

    private static SweepRow Row(SweepMetric metric, SweepCell cell) =>
        new(metric, cell.ValueBytes, Side(metric, cell.Model.Baseline), Side(metric, cell.Model.Candidate));

    private static SweepSide Side(SweepMetric metric, IReadOnlyList<Findings> runs)
    {
        double[] measured = [.. runs.Select(metric.Measured).OfType<double>()];
        Bounds? predicted = BytePrediction.ValueBytes(runs[0].Run.Manifest) is int bytes
            ? metric.Predicted(runs[0], bytes) : null;
        return new SweepSide(measured.Length == 0 ? null : Quantiles.Median(measured), predicted);
    }
}
