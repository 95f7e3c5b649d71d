namespace Testbed.Reports;

/// <summary>The A/A noise floor: how far apart runs of the same configuration lie.</summary>
public static class NoiseFloor
{
    /// <summary>
    /// Ratio (at least 1) that 95 % of pairs of runs of one configuration stay within; null for fewer than
    /// two positive values. Each pair of runs counts once; with few runs this is nearly the largest ratio
    /// seen, and so cautious.
    /// </summary>
    public static double? Of(IReadOnlyList<double?> sameConfiguration)
    {
        double[] values = [.. sameConfiguration.OfType<double>().Where(v => v > 0 && double.IsFinite(v))];
        if (values.Length < 2)
        {
            return null;
        }

        List<double> ratios = [];
        for (int i = 0; i < values.Length; i++)
        {
            for (int j = i + 1; j < values.Length; j++)
            {
                ratios.Add(Math.Exp(Math.Abs(Math.Log(values[i] / values[j]))));
            }
        }

        return Quantiles.Quantile(ratios, 0.95);
    }
}
