namespace Testbed.Reports;

/// <summary>
/// Thins a long line to what a screen can show and keeps every extreme, so that no short outage is hidden.
/// </summary>
internal static class Decimation
{
    /// <summary>
    /// At most about <paramref name="limit"/> points: per bucket the smallest and the largest, in order.
    /// </summary>
    public static (IReadOnlyList<double> Xs, IReadOnlyList<double> Ys) MinMax(
        IReadOnlyList<double> xs, IReadOnlyList<double> ys, int limit)
    {
        if (xs.Count <= limit)
        {
            return (xs, ys);
        }

        int bucket = (int)Math.Ceiling(xs.Count / (limit / 2.0));
        List<double> keptXs = [];
        List<double> keptYs = [];
        for (int start = 0; start < xs.Count; start += bucket)
        {
            KeepExtremes(xs, ys, start, Math.Min(start + bucket, xs.Count), keptXs, keptYs);
        }

        return (keptXs, keptYs);
    }

    private static void KeepExtremes(
        IReadOnlyList<double> xs, IReadOnlyList<double> ys, int start, int end, List<double> keptXs,
            List<double> keptYs)
    {
        int low = -1;
        int high = -1;
        int gap = -1;
        for (int i = start; i < end; i++)
        {
            if (double.IsNaN(ys[i]))
            {
                gap = i;
                continue;
            }

            low = low < 0 || ys[i] < ys[low] ? i : low;
            high = high < 0 || ys[i] > ys[high] ? i : high;
        }

        foreach (int i in new SortedSet<int> { low, high, gap })
        {
            if (i >= 0)
            {
                keptXs.Add(xs[i]);
                keptYs.Add(ys[i]);
            }
        }
    }
}
