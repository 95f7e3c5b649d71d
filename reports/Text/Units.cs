using System.Globalization;

namespace Testbed.Reports;

/// <summary>
/// Numbers as people read them: three digits and a unit, thousands separated, always the same culture.
/// </summary>
internal static class Units
{
    /// <summary>What stands where there is no figure.</summary>
    public const string None = "-";

    /// <summary>1,234,567.</summary>
    public static string Count(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>Microseconds as 85 us, 1.23 ms, 4.5 s.</summary>
    public static string Micros(double? micros) => micros is double us ? Duration(us * 1e3) : None;

    /// <summary>Nanoseconds as 85 us, 1.23 ms, 4.5 s.</summary>
    public static string Nanos(long? nanos) => nanos is long ns ? Duration(ns) : None;

    /// <summary>Seconds with one digit: 11.7 s.</summary>
    public static string Seconds(double seconds) =>
        seconds.ToString("0.0", CultureInfo.InvariantCulture) + " s";

    /// <summary>Ticks of a latency axis: 100 us, 1 ms, 10 s.</summary>
    public static string LatencyTick(double micros) => Duration(micros * 1e3, Three);

    /// <summary>512 B, 10.5 MB; powers of 1,000.</summary>
    public static string Bytes(double? bytes)
    {
        if (bytes is not double value || !double.IsFinite(value))
        {
            return None;
        }

        string[] units = ["B", "kB", "MB", "GB", "TB"];
        int unit = 0;
        while (Math.Abs(value) >= 999.5 && unit < units.Length - 1)
        {
            value /= 1000;
            unit++;
        }

        return (unit == 0 ? value.ToString("0", CultureInfo.InvariantCulture) : Fixed(value)) + " "
            + units[unit];
    }

    /// <summary>A size as people choose it: 128 B, 1 KiB, 1.5 MiB; powers of 1,024.</summary>
    public static string Size(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB"];
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return value.ToString("0.##", CultureInfo.InvariantCulture) + " " + units[unit];
    }

    /// <summary>A ratio of sizes: 1.67x.</summary>
    public static string Times(double? ratio) =>
        ratio is double r && double.IsFinite(r)
            ? r.ToString(r >= 99.95 ? "#,0" : r is >= 0.1 or 0 ? "0.00" : "0.0000",
                CultureInfo.InvariantCulture) + "x"
            : None;

    /// <summary>A share as 99.97 %.</summary>
    public static string Percent(double? share) =>
        share is double s && double.IsFinite(s) ? (s * 100).ToString("0.##", CultureInfo.InvariantCulture)
            + " %" : None;

    /// <summary>Operations per second: 1,998/s; below ten with a digit.</summary>
    public static string Rate(double? perSecond) => perSecond is double r && double.IsFinite(r)
        ? r.ToString(Math.Abs(r) is > 0 and < 9.95 ? "0.0" : "#,0", CultureInfo.InvariantCulture) + "/s"
        : None;

    /// <summary>Three significant digits without an exponent.</summary>
    public static string Three(double value)
    {
        double size = Math.Abs(value);
        string format = size >= 99.95 || size == 0 ? "#,0" : size >= 9.995 ? "0.#" : size >= 0.9995 ? "0.##"
            : "0.###";
        return value.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// Three significant digits with their zeros, so that columns line up: 2.00, 10.0, 494.
    /// </summary>
    private static string Fixed(double value)
    {
        double size = Math.Abs(value);
        return value.ToString(size >= 99.95 || size == 0 ? "#,0" : size >= 9.995 ? "0.0" : "0.00",
            CultureInfo.InvariantCulture);
    }

    private static string Duration(double nanos, Func<double, string>? digits = null)
    {
        digits ??= Fixed;
        if (!double.IsFinite(nanos))
        {
            return None;
        }

        double size = Math.Abs(nanos);
        return size < 999.5 ? digits(nanos) + (size == 0 ? " s" : " ns")
            : size < 999_500 ? digits(nanos / 1e3) + " us"
            : size < 999_500_000 ? digits(nanos / 1e6) + " ms"
            : digits(nanos / 1e9) + " s";
    }
}
