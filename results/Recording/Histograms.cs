using HdrHistogram;

namespace Testbed.Results;

/// <summary>
/// The one histogram layout of this project: nanoseconds from 1 to one hour, 3 significant digits.
/// </summary>
internal static class Histograms
{
    /// <summary>One hour.</summary>
    public const long HighestNanos = 3_600_000_000_000;

    public static LongHistogram Create() => new(1, HighestNanos, 3);

    /// <summary>
    /// Microseconds at a percentile; null when nothing was recorded (the library would throw).
    /// </summary>
    public static double? MicrosAt(LongHistogram? histogram, double percentile) =>
        histogram is null || histogram.TotalCount == 0 ? null : Micros(histogram.GetValueAtPercentile(percentile));

    /// <summary>The largest value in microseconds; null when nothing was recorded.</summary>
    public static double? MaxMicros(LongHistogram? histogram) =>
        histogram is null || histogram.TotalCount == 0 ? null : Micros(histogram.GetMaxValue());

    public static double Micros(long nanos) => nanos / 1000.0;

    /// <summary>Adds one to another, creating the sum when there is none yet.</summary>
    public static void Merge(ref LongHistogram? sum, LongHistogram? part)
    {
        if (part is not null && part.TotalCount > 0)
        {
            sum ??= Create();
            sum.Add(part);
        }
    }
}
