using CsCheck;
using Testbed.Reports;

namespace Testbed.Tests.Unit.Reports;

public class StatisticsTests
{
    [Fact]
    public void Quantiles_interpolate_between_order_statistics()
    {
        Assert.Equal(2.5, Quantiles.Median([4, 1, 3, 2]));
        Assert.Equal(1.75, Quantiles.Quantile([1, 2, 3, 4], 0.25));
        Assert.Equal(4, Quantiles.Quantile([1, 2, 3, 4], 7));
        Assert.Equal(5, Quantiles.Median([5]));
        Assert.True(double.IsNaN(Quantiles.Median([])));
    }

    [Fact]
    public void Geometric_mean_is_that_of_logarithms_and_refuses_zero()
    {
        Assert.Equal(10, Quantiles.GeometricMean([1, 10, 100]), 12);
        Assert.True(double.IsNaN(Quantiles.GeometricMean([1, 0])));
        Assert.True(double.IsNaN(Quantiles.GeometricMean([])));
    }

    [Fact]
    public void Wilcoxon_gives_the_values_of_the_tables()
    {
        // Rank sum 8 of ten pairs is the textbook's critical value at 5 %: 25 subsets of 1024 have a sum of
        // 8 or less.
        Assert.Equal(50.0 / 1024, Wilcoxon.TwoSided([1, 2, 3, 4, 5, 6, 7, -8, 9, 10]), 12);
        Assert.Equal(2.0 / 256, Wilcoxon.TwoSided([-1, -2, -3, -4, -5, -6, -7, -8]), 12);
        Assert.Equal(10.0 / 16, Wilcoxon.TwoSided([1, 1, 1, -1]), 12);
        Assert.Equal(1, Wilcoxon.TwoSided([0, 0, 0]));
        Assert.Equal(Wilcoxon.SmallestP(8), Wilcoxon.TwoSided([1, 2, 3, 4, 5, 6, 7, 8]), 12);
    }

    [Fact]
    public void Wilcoxon_equals_the_enumeration_of_all_signs_also_with_ties()
    {
        Gen.Int[-4, 4].Array[1, 9].Sample(ints =>
        {
            double[] differences = [.. ints.Select(i => (double)i)];
            Assert.Equal(ByEnumeration([.. differences.Where(d => d != 0)]), Wilcoxon.TwoSided(differences),
                9);
        }, iter: 300);
    }

    [Fact]
    public void Holm_adjusts_as_in_the_literature()
    {
        double[] adjusted = Holm.Adjust([0.01, 0.04, 0.03, 0.005]);

        Assert.Equal([0.03, 0.06, 0.06, 0.02], adjusted.Select(p => Math.Round(p, 12)));
        Assert.Empty(Holm.Adjust([]));
    }

    [Fact]
    public void Holm_never_lowers_a_p_value_and_keeps_their_order()
    {
        Gen.Double[0, 1].Array[1, 20].Sample(p =>
        {
            double[] adjusted = Holm.Adjust(p);
            for (int i = 0; i < p.Length; i++)
            {
                Assert.InRange(adjusted[i], p[i], 1);
                for (int j = 0; j < p.Length; j++)
                {
                    Assert.True(p[i] > p[j] || adjusted[i] <= adjusted[j]);
                }
            }
        }, iter: 200);
    }

    [Fact]
    public void The_bootstrap_is_the_same_every_time_and_covers_the_median()
    {
        double[] sample = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

        Interval first = Bootstrap.OfMedian(sample, 0.95, 7)!.Value;

        Assert.Equal(first, Bootstrap.OfMedian(sample, 0.95, 7));
        Assert.InRange(first.Low, 1.5, 4);
        Assert.InRange(first.High, 7, 9.5);
    }

    [Fact]
    public void Fewer_than_six_values_give_their_range_and_one_gives_nothing()
    {
        Assert.Null(Bootstrap.OfMedian([3], 0.95, 1));
        Assert.Equal(new Interval(2, 9), Bootstrap.OfMedian([9, 2, 5], 0.95, 1));
    }

    [Fact]
    public void The_noise_floor_is_the_spread_of_runs_of_one_configuration()
    {
        Assert.Equal(1.1, NoiseFloor.Of([100, 110])!.Value, 9);
        Assert.Equal(1, NoiseFloor.Of([5, 5, 5])!.Value, 9);
        Assert.Null(NoiseFloor.Of([100]));
        Assert.Null(NoiseFloor.Of([100, 0, null]));
    }

    private static double ByEnumeration(double[] differences)
    {
        double[] ranks = [.. differences.Select(d =>
            differences.Count(o => Math.Abs(o) < Math.Abs(d))
                + ((differences.Count(o => Math.Abs(o) == Math.Abs(d)) + 1) / 2.0))];
        double positive = ranks.Where((_, i) => differences[i] > 0).Sum();
        double smaller = Math.Min(positive, ranks.Sum() - positive);
        int below = Enumerable.Range(0, 1 << ranks.Length)
            .Count(signs => ranks.Where((_, i) => (signs >> i & 1) == 1).Sum() <= smaller + 1e-9);
        return Math.Min(1, 2.0 * below / (1 << ranks.Length));
    }
}
