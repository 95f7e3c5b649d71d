using Testbed.Results;

namespace Testbed.Reports;

/// <summary>
/// The 100 ms windows of some operations as parallel arrays; a window without rows is a window of zeros.
/// </summary>
internal sealed class WindowSeries
{
    /// <summary>Width of a window.</summary>
    public const long WindowNs = 100_000_000;

    /// <summary>Most windows kept: 27 hours. A folder that claims more is cut there.</summary>
    private const int MaxWindows = 1_000_000;

    private const double PerSecond = 1e9 / WindowNs;

    private WindowSeries(int count)
    {
        Seconds = new double[count];
        Good = new long[count];
        All = new long[count];
        Failed = new long[count];
        Unknown = new long[count];
        Shed = new long[count];
        P50Us = NaNs(count);
        P99Us = NaNs(count);
        MaxUs = NaNs(count);
    }

    /// <summary>Starts of the windows on the report's clock.</summary>
    public double[] Seconds { get; }

    /// <summary>Ok and not found.</summary>
    public long[] Good { get; }

    /// <summary>Every operation the schedule wanted in the window, whatever became of it.</summary>
    public long[] All { get; }

    /// <summary>Certainly no effect; corrupt answers count here too.</summary>
    public long[] Failed { get; }

    /// <summary>Effect unknown.</summary>
    public long[] Unknown { get; }

    /// <summary>Never sent.</summary>
    public long[] Shed { get; }

    /// <summary>Median latency of ok operations; NaN without one.</summary>
    public double[] P50Us { get; }

    /// <summary>99th percentile.</summary>
    public double[] P99Us { get; }

    /// <summary>Slowest ok operation.</summary>
    public double[] MaxUs { get; }

    /// <summary>No window at all.</summary>
    public bool IsEmpty => Seconds.Length == 0;

    /// <summary>Good operations per second.</summary>
    public double[] GoodPerSecond => [.. Good.Select(c => c * PerSecond)];

    /// <summary>All operations per second.</summary>
    public double[] AllPerSecond => [.. All.Select(c => c * PerSecond)];

    /// <summary>Good operations in [from, to) seconds.</summary>
    public long GoodBetween(double from, double to)
    {
        long sum = 0;
        for (int i = 0; i < Seconds.Length; i++)
        {
            sum += Seconds[i] >= from && Seconds[i] + (WindowNs / 1e9) <= to + 1e-9 ? Good[i] : 0;
        }

        return sum;
    }

    /// <summary>
    /// The longest time in [from, to) seconds in which clients got no answer: the longer of the longest
    /// stretch of windows in which operations were wanted and none succeeded, and the latency of the slowest
    /// one that did succeed. An outage that operations wait out shows in the second, one in which they fail
    /// in the first.
    /// </summary>
    public long? StallNs(double from, double to)
    {
        double slowestUs = 0;
        int first = -1;
        int longest = 0;
        bool any = false;
        for (int i = 0; i < Seconds.Length; i++)
        {
            if (Seconds[i] < from - (WindowNs / 1e9) || Seconds[i] >= to || All[i] == 0)
            {
                continue;
            }

            any = true;
            slowestUs = Math.Max(slowestUs, double.IsNaN(MaxUs[i]) ? 0 : MaxUs[i]);
            first = Good[i] > 0 ? -1 : first < 0 ? i : first;
            longest = first < 0 ? longest : Math.Max(longest, i - first + 1);
        }

        return any ? Math.Max((long)(slowestUs * 1e3), longest * WindowNs) : null;
    }

    /// <summary>The windows of the operations wanted, over the whole time the run has windows for.</summary>
    public static WindowSeries Of(RunData run, RunClock clock, Func<string, bool> wanted)
    {
        List<WindowRow> shown = [.. run.Windows.Where(w => RunClock.IsShown(w.Phase))];
        if (!shown.Exists(w => wanted(w.Operation)))
        {
            return new WindowSeries(0);
        }

        long first = shown.Min(w => w.TNs) / WindowNs;
        long last = Math.Min(shown.Max(w => w.TNs) / WindowNs, first + MaxWindows - 1);
        WindowSeries series = new((int)(last - first + 1));
        for (int i = 0; i < series.Seconds.Length; i++)
        {
            series.Seconds[i] = clock.Seconds((first + i) * WindowNs);
        }

        foreach (WindowRow row in shown)
        {
            long index = (row.TNs / WindowNs) - first;
            if (index < series.Seconds.Length && wanted(row.Operation))
            {
                series.Add((int)index, row);
            }
        }

        return series;
    }

    private void Add(int index, WindowRow row)
    {
        All[index] += row.Count;
        switch (OperationWords.Normalise(row.Outcome))
        {
            case "ok":
            case "notfound":
                Good[index] += row.Count;
                // Percentiles of two kinds cannot be merged here: the worse one stands for the window.
                P50Us[index] = Larger(P50Us[index], row.LatencyP50Us);
                P99Us[index] = Larger(P99Us[index], row.LatencyP99Us);
                MaxUs[index] = Larger(MaxUs[index], row.LatencyMaxUs);
                break;
            case "failed":
            case "fail":
            case "corrupt":
                Failed[index] += row.Count;
                break;
            case "shed":
                Shed[index] += row.Count;
                break;
            default:
                Unknown[index] += row.Count;
                break;
        }
    }

    private static double Larger(double value, double? other) =>
        other is not double o || !double.IsFinite(o) ? value : double.IsNaN(value) ? o : Math.Max(value, o);

    private static double[] NaNs(int count)
    {
        double[] values = new double[count];
        Array.Fill(values, double.NaN);
        return values;
    }
}
