namespace Testbed.Reports;

/// <summary>An interval.</summary>
public readonly record struct Interval(double Low, double High);

/// <summary>Percentile bootstrap of the median, seeded.</summary>
public static class Bootstrap
{
    /// <summary>Resamples drawn; the interval's ends move by less than a rank beyond this.</summary>
    public const int Resamples = 10_000;

    /// <summary>
    /// Interval of the median at the given confidence; null for fewer than two values. With fewer than six
    /// values no distribution-free 95 % interval of a median exists (coverage of the whole range is 1 -
    /// 2^(1-n)), so then the result is the range of the sample and callers must call it a spread.
    /// </summary>
    public static Interval? OfMedian(IReadOnlyList<double> sample, double confidence, ulong seed)
    {
        if (sample.Count < 2)
        {
            return null;
        }

        if (sample.Count < LeastForInterval)
        {
            return new Interval(sample.Min(), sample.Max());
        }

        SplitMix random = new(seed);
        double[] medians = new double[Resamples];
        double[] drawn = new double[sample.Count];
        for (int i = 0; i < medians.Length; i++)
        {
            for (int j = 0; j < drawn.Length; j++)
            {
                drawn[j] = sample[random.Below(drawn.Length)];
            }

            Array.Sort(drawn);
            medians[i] = Quantiles.OfSorted(drawn, 0.5);
        }

        Array.Sort(medians);
        double tail = (1 - confidence) / 2;
        return new Interval(Quantiles.OfSorted(medians, tail), Quantiles.OfSorted(medians, 1 - tail));
    }

    /// <summary>Fewest values for which a 95 % interval of the median exists.</summary>
    public const int LeastForInterval = 6;
}
