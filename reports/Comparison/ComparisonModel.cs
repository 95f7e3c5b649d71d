namespace Testbed.Reports;

/// <summary>
/// Everything a comparison's text, charts and page state; computed once so that they agree.
/// </summary>
internal sealed class ComparisonModel
{
    /// <summary>Compares paired runs.</summary>
    public ComparisonModel(IReadOnlyList<RunData> baseline, IReadOnlyList<RunData> candidate,
        ComparisonRules rules)
    {
        Baseline = [.. baseline.Select(r => new Findings(r))];
        Candidate = [.. candidate.Select(r => new Findings(r))];
        Comparability = Comparability.Of(baseline, candidate);
        Rules = rules;
        Pairs = Math.Min(baseline.Count, candidate.Count);
        (BaselineLabel, CandidateLabel) = Labels(baseline, candidate);
        Metrics = Testbed.Reports.Metrics.For([.. Baseline, .. Candidate]);
        Outcomes = PairedComparison.Compare([.. Metrics.Select(Paired)], rules);
    }

    /// <summary>Baseline runs.</summary>
    public IReadOnlyList<Findings> Baseline { get; }

    /// <summary>Candidate runs.</summary>
    public IReadOnlyList<Findings> Candidate { get; }

    /// <summary>May they be compared?</summary>
    public Comparability Comparability { get; }

    /// <summary>How strict.</summary>
    public ComparisonRules Rules { get; }

    /// <summary>Pairs of runs.</summary>
    public int Pairs { get; }

    /// <summary>What the baseline is called: its strategy when that tells the two apart.</summary>
    public string BaselineLabel { get; }

    /// <summary>What the candidate is called.</summary>
    public string CandidateLabel { get; }

    /// <summary>Metrics that have a value somewhere.</summary>
    public IReadOnlyList<Metric> Metrics { get; }

    /// <summary>Outcomes per metric.</summary>
    public IReadOnlyList<MetricOutcome> Outcomes { get; }

    /// <summary>The metric of an outcome.</summary>
    public Metric MetricOf(MetricOutcome outcome) => Metrics.First(m => m.Key == outcome.Metric.Key);

    /// <summary>What the interval column holds.</summary>
    public string IntervalNote => Pairs switch
    {
        <= 1 => "one pair: no interval. Run more pairs (compare --repeat 6) for a verdict.",
        < Bootstrap.LeastForInterval =>
            $"{Pairs} pairs: the range of their ratios stands in place of an interval. "
            + $"A verdict needs {Bootstrap.LeastForInterval} pairs or more.",
        _ => $"{Pairs} pairs: median ratio, 95 % bootstrap interval, exact Wilcoxon with Holm's correction, "
            + $"smallest effect that matters {Units.Percent(Rules.MinimumEffect)}.",
    };

    /// <summary>What the noise column holds.</summary>
    public string NoiseNote => Pairs < 2
        ? "noise floor: unknown, it needs two runs of the same configuration."
        : "noise floor: 95 % of pairs of runs of one configuration (the noisier side) lie within this ratio.";

    private PairedMetric Paired(Metric metric)
    {
        double?[] baseline = [.. Baseline.Select(metric.Value)];
        double?[] candidate = [.. Candidate.Select(metric.Value)];
        double? noise = NoiseFloor.Of(baseline) is double b && NoiseFloor.Of(candidate) is double c
            ? Math.Max(b, c) : null;
        return new PairedMetric(metric.Key, metric.Label, metric.Direction, baseline, candidate, noise);
    }

    private static (string Baseline, string Candidate) Labels(
        IReadOnlyList<RunData> baseline, IReadOnlyList<RunData> candidate)
    {
        string[] left = [.. baseline.Select(r => r.Manifest.Strategy).Distinct(StringComparer.Ordinal)];
        string[] right = [.. candidate.Select(r => r.Manifest.Strategy).Distinct(StringComparer.Ordinal)];
        return left.Length == 1 && right.Length == 1 && left[0] != right[0]
            ? (ChartNames.Strategy(left[0]), ChartNames.Strategy(right[0]))
            : ("baseline", "candidate");
    }
}
