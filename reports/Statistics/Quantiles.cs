namespace Testbed.Reports;

/// <summary>Order statistics and means of small samples of runs.</summary>
public static class Quantiles
{
    /// <summary>
    /// The middle value; the mean of the two middle ones for an even count. NaN for an empty sample.
    /// </summary>
    public static double Median(IReadOnlyList<double> sample) => Quantile(sample, 0.5);

    /// <summary>
    /// Quantile with linear interpolation between order statistics (Hyndman and Fan's type 7).
    /// </summary>
    /// <param name="sample">Any order; empty gives NaN.</param>
    /// <param name="probability">0 to 1; values outside are clamped.</param>
    public static double Quantile(IReadOnlyList<double> sample, double probability)
    {
        double[] sorted = [.. sample];
        Array.Sort(sorted);
        return OfSorted(sorted, probability);
    }

    /// <summary>The same for a sample that is sorted already.</summary>
    public static double OfSorted(ReadOnlySpan<double> sorted, double probability)
    {
        if (sorted.IsEmpty)
        {
            return double.NaN;
        }

        double position = Math.Clamp(probability, 0, 1) * (sorted.Length - 1);
        int below = (int)Math.Floor(position);
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((position - below) * (sorted[above] - sorted[below]));
    }

    /// <summary>Geometric mean; NaN when empty or when a value is not above zero.</summary>
    public static double GeometricMean(IReadOnlyList<double> sample)
    {
        double sum = 0;
        foreach (double value in sample)
        {
            if (!(value > 0))
            {
                return double.NaN;
            }

            sum += Math.Log(value);
        }

        return sample.Count == 0 ? double.NaN : Math.Exp(sum / sample.Count);
    }
}
