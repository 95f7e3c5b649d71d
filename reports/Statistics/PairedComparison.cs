namespace Testbed.Reports;

/// <summary>
/// What a comparison of one metric says. There is no silent pass: too little data is inconclusive.
/// </summary>
public enum Verdict
{
    /// <summary>Too few pairs, or an interval too wide to say.</summary>
    Inconclusive = 0,

    /// <summary>The candidate is better by more than the smallest effect that matters.</summary>
    Better = 1,

    /// <summary>The candidate is worse by more than the smallest effect that matters.</summary>
    Worse = 2,

    /// <summary>Any difference is smaller than the smallest effect that matters.</summary>
    Equivalent = 3,
}

/// <summary>Which way a metric is good.</summary>
public enum Direction
{
    /// <summary>Latency, bytes, CPU.</summary>
    LowerIsBetter = 0,

    /// <summary>Goodput.</summary>
    HigherIsBetter = 1,
}

/// <summary>How strict a comparison is.</summary>
/// <param name="Level">Chance of any false alarm over all metrics.</param>
/// <param name="MinimumEffect">Smallest relative change that matters: 0.05 is 5 %.</param>
/// <param name="Seed">Of the bootstrap.</param>
public sealed record ComparisonRules(
    double Level = 0.05, double MinimumEffect = 0.05, ulong Seed = 20_240_601);

/// <summary>One metric's paired samples: the same index is the same repeat under the same seed.</summary>
/// <param name="Key">Stable name, <c>read_latency_p99_us</c>.</param>
/// <param name="Label">Name for people, with unit.</param>
/// <param name="Direction">Which way is good.</param>
/// <param name="Baseline">Baseline values; null where the run has none.</param>
/// <param name="Candidate">Candidate values.</param>
/// <param name="NoiseRatio">A/A noise floor as a ratio of at least 1; null when unknown.</param>
public sealed record PairedMetric(
    string Key, string Label, Direction Direction, IReadOnlyList<double?> Baseline,
        IReadOnlyList<double?> Candidate,
    double? NoiseRatio);

/// <summary>The outcome for one metric.</summary>
/// <param name="Metric">What was compared.</param>
/// <param name="Pairs">Pairs in which both runs have a value.</param>
/// <param name="BaselineMedian">Median of the baseline; null without a value.</param>
/// <param name="CandidateMedian">Median of the candidate; null without a value.</param>
/// <param name="Ratio">exp of the median log ratio candidate / baseline; null when a value is not above
/// zero.</param>
/// <param name="RatioInterval">95 % bootstrap interval, or with two to five pairs the range of the
/// ratios.</param>
/// <param name="Lower">Pairs in which the candidate is lower.</param>
/// <param name="Higher">Pairs in which the candidate is higher.</param>
/// <param name="PValue">Exact Wilcoxon, two-sided, before correction.</param>
/// <param name="AdjustedPValue">After Holm over all metrics of the comparison.</param>
/// <param name="Verdict">What it says.</param>
public sealed record MetricOutcome(
    PairedMetric Metric, int Pairs, double? BaselineMedian, double? CandidateMedian, double? Ratio,
    Interval? RatioInterval, int Lower, int Higher, double PValue, double AdjustedPValue, Verdict Verdict);

/// <summary>
/// Compares paired runs metric by metric. The run on a fresh cluster is the sample, never the operation.
/// </summary>
public static class PairedComparison
{
    /// <summary>Outcomes in the order given; metrics without a single pair are left out.</summary>
    public static IReadOnlyList<MetricOutcome> Compare(
        IReadOnlyList<PairedMetric> metrics, ComparisonRules rules)
    {
        List<MetricOutcome> raw = [];
        foreach (PairedMetric metric in metrics)
        {
            MetricOutcome? outcome = Measure(metric, rules);
            if (outcome is not null)
            {
                raw.Add(outcome);
            }
        }

        double[] adjusted = Holm.Adjust([.. raw.Select(o => o.PValue)]);
        return [.. raw.Select((o, i) => Judge(o with { AdjustedPValue = adjusted[i] }, rules))];
    }

    private static MetricOutcome? Measure(PairedMetric metric, ComparisonRules rules)
    {
        List<double> baseline = [];
        List<double> candidate = [];
        int count = Math.Min(metric.Baseline.Count, metric.Candidate.Count);
        for (int i = 0; i < count; i++)
        {
            if (metric.Baseline[i] is double b && metric.Candidate[i] is double c && double.IsFinite(b)
                && double.IsFinite(c))
            {
                baseline.Add(b);
                candidate.Add(c);
            }
        }

        if (baseline.Count == 0)
        {
            return null;
        }

        double[] differences = [.. baseline.Select((b, i) => candidate[i] - b)];
        bool ratios = baseline.All(b => b > 0) && candidate.All(c => c > 0);
        double[] logs = ratios ? [.. baseline.Select((b, i) => Math.Log(candidate[i] / b))] : [];
        Interval? logInterval = ratios ? Bootstrap.OfMedian(logs, 0.95, rules.Seed) : null;
        return new MetricOutcome(
            metric, baseline.Count, Quantiles.Median(baseline), Quantiles.Median(candidate),
            ratios ? Math.Exp(Quantiles.Median(logs)) : null,
            logInterval is Interval l ? new Interval(Math.Exp(l.Low), Math.Exp(l.High)) : null,
            differences.Count(d => d < 0), differences.Count(d => d > 0),
            Wilcoxon.TwoSided(ratios ? logs : differences), 1, Verdict.Inconclusive);
    }

    private static MetricOutcome Judge(MetricOutcome outcome, ComparisonRules rules)
    {
        // One or a few pairs cannot tell chance from effect: they are shown, never judged.
        if (outcome.Pairs < Bootstrap.LeastForInterval)
        {
            return outcome with { Verdict = Verdict.Inconclusive };
        }

        if (outcome is { Ratio: null } && outcome is { Lower: 0, Higher: 0 })
        {
            return outcome with { Verdict = Verdict.Equivalent };
        }

        double threshold = Math.Max(
            Math.Log(1 + rules.MinimumEffect), Math.Log(outcome.Metric.NoiseRatio ?? 1));
        bool significant = outcome.AdjustedPValue <= rules.Level;
        bool lower = outcome.Ratio is double r ? r < 1 : outcome.Lower > outcome.Higher;
        bool large = outcome.Ratio is not double ratio || Math.Abs(Math.Log(ratio)) >= threshold;
        if (significant && large)
        {
            bool good = lower == (outcome.Metric.Direction == Direction.LowerIsBetter);
            return outcome with { Verdict = good ? Verdict.Better : Verdict.Worse };
        }

        // Equivalence is a claim of its own: the whole interval must lie inside the smallest effect that
        // matters,
        // not merely fail to differ; noise does not widen that margin.
        double margin = Math.Log(1 + rules.MinimumEffect);
        bool inside = outcome.RatioInterval is Interval i && Math.Log(i.Low) > -margin
            && Math.Log(i.High) < margin;
        return outcome with { Verdict = inside ? Verdict.Equivalent : Verdict.Inconclusive };
    }
}
