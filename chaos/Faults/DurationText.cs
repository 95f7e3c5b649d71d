using System.Globalization;

namespace Testbed.Faults;

/// <summary>
/// Durations as people write them: <c>500ms</c>, <c>30s</c>, <c>1.5m</c>, <c>2h</c>; a bare number is
/// refused.
/// </summary>
public static class DurationText
{
    private const decimal MaxNanos = 1_000_000_000m * 3600 * 24 * 30;

    private static readonly (string Suffix, long Nanos)[] Units =
    [
        ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];

    /// <summary>Reads a duration of at most 30 days.</summary>
    public static bool TryParse(string text, out long nanos)
    {
        nanos = 0;
        foreach (var (suffix, unit) in Units)
        {
            if (!text.EndsWith(suffix, StringComparison.Ordinal))
            {
                continue;
            }

            var number = text.AsSpan(0, text.Length - suffix.Length);
            if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
                || value > MaxNanos || value * unit > MaxNanos)
            {
                continue;
            }

            nanos = (long)(value * unit);
            return true;
        }

        return false;
    }

    /// <summary>
    /// Writes a duration in the largest unit that keeps it whole; <see cref="TryParse"/> reads it back
    /// exactly.
    /// </summary>
    public static string Format(long nanos)
    {
        for (var i = Units.Length - 1; i > 0; i--)
        {
            var (suffix, unit) = Units[i];
            // 90 s reads better than 1.5 m, and 60 s than 1 m; only whole minutes from 2 on and hours use the
            // larger unit.
            if (nanos != 0 && nanos % unit == 0 && (unit < 60_000_000_000 || nanos / unit >= 2))
            {
                return (nanos / unit).ToString(CultureInfo.InvariantCulture) + suffix;
            }
        }

        return nanos == 0 ? "0s" : nanos.ToString(CultureInfo.InvariantCulture) + "ns";
    }
}
