using Testbed.Workloads;
using Testbed.Workloads.Distributions;

namespace Testbed.Tests.Unit.Workloads;

public sealed class DistributionTests
{
    private const int Draws = 200_000;

    [Theory]
    [InlineData(2)]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(300_000)]
    public void Zeta_equals_its_sum(long n)
    {
        var sum = 0.0;
        for (long i = 1; i <= n; i++)
        {
            sum += Math.Pow(i, -0.99);
        }

        Assert.Equal(sum, Zeta.Of(n), 1e-10);
    }

    [Fact]
    public void Zeta_of_ten_to_the_ten_is_the_constant_of_YCSB() =>
        Assert.Equal(ScrambledZipfianDistribution.ZetaN, Zeta.Of(ScrambledZipfianDistribution.LastRank + 1), 1e-6);

    [Fact]
    public void The_stable_functions_agree_with_the_platform()
    {
        var random = new SeededRandom(1);
        for (var i = 0; i < 20_000; i++)
        {
            var x = Math.Exp((random.NextUnit() * 100) - 50);
            var y = (random.NextUnit() * 4) - 2;
            Assert.Equal(Math.Log(x), StableMath.Log(x), 1e-13);
            Assert.Equal(1, StableMath.Pow(x, y) / Math.Pow(x, y), 1e-12);
        }
    }

    [Fact]
    public void Uniform_draws_every_number_equally_often_with_both_bounds() =>
        AssertFrequencies(new UniformDistribution(5, 24), 5, Enumerable.Repeat(1.0 / 20, 20).ToArray());

    [Fact]
    public void Sequential_goes_round()
    {
        var distribution = new SequentialDistribution(3, 5);
        var random = new SeededRandom(1);
        Assert.Equal([3, 4, 5, 3, 4], Enumerable.Range(0, 5).Select(_ => distribution.Next(random)));
    }

    [Fact]
    public void Zipfian_has_the_frequencies_of_the_approximation_by_Gray()
    {
        // Exact for the first two ranks; rank r >= 3 takes the u for which n (eta u - eta + 1)^100 falls in
        // [r-1, r).
        const int n = 1000;
        var zeta = Zeta.Of(n);
        var eta = (1 - Math.Pow(2.0 / n, 0.01)) / (1 - (Zeta.Of(2) / zeta));
        double Reach(double rank) => Math.Clamp((Math.Pow(rank / n, 0.01) - 1 + eta) / eta, 0, 1);
        var expected = new double[n];
        expected[0] = 1 / zeta;
        expected[1] = Math.Pow(2, -0.99) / zeta;
        var begin = Zeta.Of(2) / zeta;
        for (var r = 0; r < n; r++)
        {
            expected[r] += Math.Max(0, Reach(r + 1) - Math.Max(Reach(r), begin));
        }

        AssertFrequencies(new ZipfianDistribution(0, n - 1), 0, expected);
    }

    [Fact]
    public void Exact_zipf_has_exactly_the_frequencies_of_zipf()
    {
        const int n = 500;
        var distribution = new ExactZipfDistribution(0, n - 1);
        var random = new SeededRandom(7);
        var counts = new long[n];
        for (var i = 0; i < Draws; i++)
        {
            counts[distribution.NextRank(random) - 1]++;
        }

        AssertChiSquare(counts, [.. Enumerable.Range(1, n).Select(r => Math.Pow(r, -0.99) / Zeta.Of(n))]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(1000)]
    public void Exact_zipf_gives_every_rank_a_number_of_its_own(int n)
    {
        var distribution = new ExactZipfDistribution(10, 9 + n);
        var random = new SeededRandom(3);
        var seen = new HashSet<long>();
        for (var i = 0; i < 300 * n; i++)
        {
            var number = distribution.Next(random);
            Assert.InRange(number, 10, 9 + n);
            seen.Add(number);
        }

        Assert.True(seen.Count > 0.9 * n);
    }

    [Fact]
    public void Scrambled_zipfian_gives_the_most_popular_rank_its_share_of_ten_to_the_ten()
    {
        const int n = 1000;
        var distribution = new ScrambledZipfianDistribution(0, n - 1);
        var random = new SeededRandom(11);
        var counts = new long[n];
        for (var i = 0; i < Draws; i++)
        {
            counts[distribution.Next(random)]++;
        }

        // Rank 0 alone has 1 / zetan = 3.78 %; the long tail adds about 1 / n to each number.
        var first = Fnv.HashNumber(0) % n;
        var second = Fnv.HashNumber(1) % n;
        Assert.Equal(1 / 26.469, counts[first] / (double)Draws, 0.003);
        Assert.Equal(0.5035 / 26.469, counts[second] / (double)Draws, 0.003);
        Assert.Equal(counts.Max(), counts[first]);
        Assert.All(counts, count => Assert.True(count > 0));
    }

    [Fact]
    public void Latest_prefers_the_newest_acknowledged_record_and_never_goes_beyond()
    {
        var records = new AcknowledgedCounter(1000);
        var distribution = new SkewedLatestDistribution(records);
        var random = new SeededRandom(5);
        for (var i = 0; i < 50; i++)
        {
            records.TryTake(out var key);
            records.Acknowledge(key);
        }

        var newest = 0;
        for (var i = 0; i < Draws; i++)
        {
            var key = distribution.Next(random);
            Assert.InRange(key, 0, 1049);
            newest += key == 1049 ? 1 : 0;
        }

        Assert.Equal(1 / Zeta.Of(1049), newest / (double)Draws, 0.005);
    }

    [Fact]
    public void Hotspot_sends_its_share_of_operations_to_its_share_of_numbers()
    {
        var expected = new double[100];
        for (var i = 0; i < 100; i++)
        {
            expected[i] = i < 20 ? 0.8 / 20 : 0.2 / 80;
        }

        AssertFrequencies(new HotspotDistribution(0, 99, 0.2, 0.8), 0, expected);
    }

    [Theory]
    [InlineData(0.0, 0.5)]
    [InlineData(1.0, 0.5)]
    public void Hotspot_with_an_empty_set_uses_the_other(double dataFraction, double operationFraction)
    {
        var distribution = new HotspotDistribution(0, 9, dataFraction, operationFraction);
        var random = new SeededRandom(1);
        for (var i = 0; i < 1000; i++)
        {
            Assert.InRange(distribution.Next(random), 0, 9);
        }
    }

    [Fact]
    public void Exponential_keeps_its_percentile_within_its_range()
    {
        var distribution = new ExponentialDistribution(95, 1000);
        var random = new SeededRandom(1);
        var within = 0;
        for (var i = 0; i < Draws; i++)
        {
            within += distribution.Next(random) < 1000 ? 1 : 0;
        }

        Assert.Equal(0.95, within / (double)Draws, 0.003);
    }

    [Fact]
    public void Histogram_draws_the_upper_ends_of_buckets_by_weight()
    {
        var distribution = new HistogramDistribution(10, [1, 0, 3]);
        var random = new SeededRandom(1);
        var counts = new long[3];
        for (var i = 0; i < Draws; i++)
        {
            counts[(distribution.Next(random) / 10) - 1]++;
        }

        Assert.Equal(0, counts[1]);
        Assert.Equal(0.25, counts[0] / (double)Draws, 0.005);
    }

    private static void AssertFrequencies(Distribution distribution, long min, double[] expected)
    {
        var random = new SeededRandom(42);
        var counts = new long[expected.Length];
        for (var i = 0; i < Draws; i++)
        {
            counts[distribution.Next(random) - min]++;
        }

        AssertChiSquare(counts, expected);
    }

    // The statistic has mean k and variance 2k; the seeds are fixed, so five deviations never fail by chance
    // later.
    private static void AssertChiSquare(long[] counts, double[] expected)
    {
        Assert.Equal(1, expected.Sum(), 1e-6);
        var statistic = 0.0;
        for (var i = 0; i < counts.Length; i++)
        {
            var mean = expected[i] * Draws;
            statistic += (counts[i] - mean) * (counts[i] - mean) / mean;
        }

        var freedom = counts.Length - 1;
        Assert.InRange(statistic, freedom - (5 * Math.Sqrt(2.0 * freedom)), freedom + (5 * Math.Sqrt(2.0 * freedom)));
    }
}
