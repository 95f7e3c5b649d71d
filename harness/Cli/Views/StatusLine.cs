using System.Globalization;

namespace Testbed.Harness.Cli.Views;

/// <summary>A run's status in one line of plain text.</summary>
internal static class StatusLine
{
    /// <summary>
    /// Such as <c> 12 s of 35 s  steady  1,998 ok/s of 2,000  read p99 0.9 ms  write p99 1.4 ms  0 failed  3
    /// in flight  nodes 5/5</c>.
    /// </summary>
    public static string Of(LiveStatus status)
    {
        var parts = new List<string>
        {
            string.Create(CultureInfo.InvariantCulture, $"{status.Seconds,3:F0} s of {status.TotalSeconds:F0} s"),
            status.Phase,
            string.Create(CultureInfo.InvariantCulture, $"{status.OkPerSecond:N0} ok/s")
                + (status.OfferedPerSecond is { } offered
                    ? string.Create(CultureInfo.InvariantCulture, $" of {offered:N0}")
                    : ""),
        };
        Add(parts, "read p99 ", status.ReadP99Micros);
        Add(parts, "write p99 ", status.WriteP99Micros);
        parts.Add(string.Create(CultureInfo.InvariantCulture, $"{status.Failures:N0} failed"));
        parts.Add(string.Create(CultureInfo.InvariantCulture, $"{status.InFlight:N0} in flight"));
        var up = status.NodeStates.Count(s => s == "up");
        parts.Add(string.Create(CultureInfo.InvariantCulture, $"nodes {up}/{status.NodeStates.Count} up"));
        return string.Join("  ", parts);
    }

    /// <summary>A time with a unit that suits it.</summary>
    public static string Micros(double micros) => micros switch
    {
        < 1_000 => string.Create(CultureInfo.InvariantCulture, $"{micros:F0} us"),
        < 100_000 => string.Create(CultureInfo.InvariantCulture, $"{micros / 1_000:F1} ms"),
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{micros / 1_000:F0} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{micros / 1_000_000:F1} s"),
    };

    private static void Add(List<string> parts, string name, double? micros)
    {
        if (micros is { } value)
        {
            parts.Add(name + Micros(value));
        }
    }
}
