namespace Testbed.Reports;

/// <summary>
/// Holm's step-down correction: keeps the chance of any false alarm over all metrics at the level.
/// </summary>
public static class Holm
{
    /// <summary>Adjusted p values, in the order given.</summary>
    public static double[] Adjust(IReadOnlyList<double> pValues)
    {
        int[] order = [.. Enumerable.Range(0, pValues.Count).OrderBy(i => pValues[i])];
        double[] adjusted = new double[pValues.Count];
        double running = 0;
        for (int step = 0; step < order.Length; step++)
        {
            running = Math.Max(running, Math.Min(1, (pValues.Count - step) * pValues[order[step]]));
            adjusted[order[step]] = running;
        }

        return adjusted;
    }
}
