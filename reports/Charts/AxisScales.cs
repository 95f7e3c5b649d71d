using System.Globalization;

namespace Testbed.Reports;

/// <summary>Makes axes whose limits and ticks a reader can take in at a glance.</summary>
internal static class AxisScales
{
    /// <summary>
    /// A linear axis from zero to a little above the largest value, about five round ticks, none closer than
    /// the least step.
    /// </summary>
    public static Axis FromZero(string label, double largest, double leastStep = 0)
    {
        double top = double.IsFinite(largest) && largest > 0 ? largest * 1.08 : 1;
        return Linear(label, 0, top, leastStep: leastStep);
    }

    /// <summary>
    /// A linear axis with round ticks inside the limits given, none closer than the least step.
    /// </summary>
    public static Axis Linear(string label, double min, double max, int wanted = 5, double leastStep = 0)
    {
        if (!(max > min))
        {
            max = min + 1;
        }

        double step = Math.Max(leastStep, RoundStep((max - min) / wanted));
        List<Tick> ticks = [];
        for (long i = (long)Math.Ceiling(min / step); (i * step) <= max + (step * 1e-9); i++)
        {
            double value = i * step;
            ticks.Add(new Tick(value, Plain(value, step)));
        }

        return new Axis(label, min, max, ticks);
    }

    /// <summary>
    /// A log axis (coordinates are decimal logarithms) that spans the values; at least two labelled ticks.
    /// </summary>
    public static Axis Log(string label, IEnumerable<double> values, Func<double, string> format)
    {
        double low = double.PositiveInfinity;
        double high = double.NegativeInfinity;
        foreach (double value in values)
        {
            if (double.IsFinite(value) && value > 0)
            {
                low = Math.Min(low, value);
                high = Math.Max(high, value);
            }
        }

        if (!(low <= high))
        {
            (low, high) = (1, 10);
        }

        double min = Math.Log10(low) - 0.08;
        double max = Math.Log10(high) + 0.08;
        if (max - min < 0.6)
        {
            double middle = (min + max) / 2;
            (min, max) = (middle - 0.3, middle + 0.3);
        }

        return LogBetween(label, min, max, format);
    }

    /// <summary>A log axis between the decimal logarithms given.</summary>
    public static Axis LogBetween(string label, double min, double max, Func<double, string> format)
    {
        // Decades alone leave a narrow axis without labels; then 2 and 5 (or every digit) are labelled too.
        double span = max - min;
        int[] labelled = span > 2.8 ? [1] : span > 2 ? [1, 3] : span > 0.9 ? [1, 2, 5]
            : [1, 2, 3, 4, 5, 6, 8];
        int stride = span > 8 ? 2 : 1;
        List<Tick> ticks = [];
        List<double> minor = [];
        for (int decade = (int)Math.Floor(min); decade <= Math.Ceiling(max); decade++)
        {
            for (int digit = 1; digit <= 9; digit++)
            {
                double position = decade + Math.Log10(digit);
                if (position < min - 1e-9 || position > max + 1e-9)
                {
                    continue;
                }

                if (labelled.Contains(digit) && decade % stride == 0)
                {
                    ticks.Add(new Tick(position, format(digit * Math.Pow(10, decade))));
                }
                else
                {
                    minor.Add(position);
                }
            }
        }

        return new Axis(label, min, max, ticks) { Minor = minor };
    }

    /// <summary>
    /// The percentile axis of latency spectra: coordinate -log10(1 - p), so that each nine takes the same
    /// room.
    /// </summary>
    public static Axis Percentile(double max)
    {
        double limit = Math.Clamp(max, 1.1, 6.2);
        (double Share, string Label)[] nines =
        [
            (0, limit > 4 ? "" : "0 %"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"),
                (0.9999, "99.99 %"),
            (0.99999, "99.999 %"), (0.999999, "99.9999 %"),
        ];
        return new Axis(
            "percentile of operations", 0, limit,
            [.. nines.Select(n => new Tick(PercentilePosition(n.Share * 100), n.Label))
                .Where(t => t.Position <= limit)]);
    }

    /// <summary>Coordinate of a percentile (0 to 100); infinite at 100.</summary>
    public static double PercentilePosition(double percentile)
    {
        double position = percentile >= 100 ? double.PositiveInfinity : -Math.Log10(1 - (percentile / 100));
        return position == 0 ? 0 : position;
    }

    private static double RoundStep(double rough)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double digit = rough / power;
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }

    private static string Plain(double value, double step)
    {
        int decimals = Math.Clamp((int)Math.Ceiling(-Math.Log10(step) - 1e-9), 0, 6);
        string format = "#,0" + (decimals > 0 ? "." + new string('0', decimals) : "");
        return (value == 0 ? 0 : value).ToString(format, CultureInfo.InvariantCulture);
    }
}
