using Testbed.Reports;

namespace Testbed.Tests.Unit.Reports;

public class PairedComparisonTests
{
    private static readonly double[] Noise = [1.00, 1.01, 0.99, 1.02, 0.98, 1.005, 0.995, 1.01, 0.99, 1.0];

    [Fact]
    public void A_clear_reduction_is_better_and_a_clear_rise_is_worse()
    {
        Assert.Equal(Verdict.Better, One(Scaled(100), Scaled(70)).Verdict);
        Assert.Equal(Verdict.Worse, One(Scaled(100), Scaled(140)).Verdict);
        Assert.Equal(Verdict.Worse, One(Scaled(100), Scaled(70), Direction.HigherIsBetter).Verdict);
    }

    [Fact]
    public void The_ratio_is_the_median_of_pairs_with_an_interval_around_it()
    {
        MetricOutcome outcome = One(Scaled(100), Scaled(70));

        Assert.Equal(0.7, outcome.Ratio!.Value, 6);
        Assert.InRange(0.7, outcome.RatioInterval!.Value.Low - 1e-9, outcome.RatioInterval.Value.High
            + 1e-9);
        Assert.Equal(10, outcome.Lower);
    }

    [Fact]
    public void The_same_values_are_equivalent()
    {
        Assert.Equal(Verdict.Equivalent, One(Scaled(100), Scaled(100)).Verdict);
        Assert.Equal(Verdict.Equivalent, One(Repeat(0, 8), Repeat(0, 8)).Verdict);
    }

    [Fact]
    public void A_wide_interval_is_inconclusive_and_not_a_pass()
    {
        double?[] candidate = [60, 150, 80, 130, 70, 140, 90, 120];

        Assert.Equal(Verdict.Inconclusive, One(Repeat(100, 8), candidate).Verdict);
    }

    [Fact]
    public void Few_pairs_never_get_a_verdict()
    {
        MetricOutcome three = One([100, 100, 100], [50, 50, 50]);
        MetricOutcome one = One([100], [50]);

        Assert.Equal(Verdict.Inconclusive, three.Verdict);
        Assert.NotNull(three.RatioInterval);
        Assert.Equal(Verdict.Inconclusive, one.Verdict);
        Assert.Null(one.RatioInterval);
        Assert.Equal(0.5, one.Ratio!.Value, 9);
    }

    [Fact]
    public void A_difference_inside_the_noise_floor_is_no_difference()
    {
        MetricOutcome outcome = Compare(
            [new PairedMetric("m", "m", Direction.LowerIsBetter, Scaled(100), Scaled(90), 1.3)])[0];

        Assert.Equal(Verdict.Inconclusive, outcome.Verdict);
    }

    [Fact]
    public void Zeros_have_no_ratio_but_their_pairs_still_decide()
    {
        MetricOutcome outcome = One(Repeat(0.8, 8), Repeat(0, 8));

        Assert.Null(outcome.Ratio);
        Assert.Equal(Verdict.Better, outcome.Verdict);
    }

    [Fact]
    public void Many_metrics_make_each_single_one_harder_to_believe()
    {
        PairedMetric clear = new(
            "m", "m", Direction.LowerIsBetter, Repeat(100, 6), [70, 71, 72, 73, 74, 75], null);
        PairedMetric flat = new(
            "f", "f", Direction.LowerIsBetter, Repeat(100, 6), [99, 101, 98, 102, 97, 103], null);

        Assert.Equal(Verdict.Better, Compare([clear])[0].Verdict);
        Assert.Equal(Verdict.Inconclusive, Compare([clear, flat, flat, flat])[0].Verdict);
    }

    [Fact]
    public void Missing_values_leave_their_pair_out_and_a_metric_without_pairs_is_left_out()
    {
        Assert.Equal(1, One([100, null, 100], [50, 50, null]).Pairs);
        Assert.Empty(Compare([new PairedMetric("m", "m", Direction.LowerIsBetter, [null], [1], null)]));
    }

    private static MetricOutcome One(
        IReadOnlyList<double?> baseline, IReadOnlyList<double?> candidate,
            Direction direction = Direction.LowerIsBetter) =>
        Compare([new PairedMetric("m", "m", direction, baseline, candidate, null)])[0];

    private static IReadOnlyList<MetricOutcome> Compare(IReadOnlyList<PairedMetric> metrics) =>
        PairedComparison.Compare(metrics, new ComparisonRules());

    private static double?[] Scaled(double scale) => [.. Noise.Select(n => (double?)(n * scale))];

    private static double?[] Repeat(double value, int count) =>
        [.. Enumerable.Repeat((double?)value, count)];
}
