namespace Testbed.Reports;

/// <summary>
/// Wilcoxon's signed-rank test for paired differences, exact: the null distribution is enumerated by dynamic
/// programming over the ranks that are really there, so ties are exact too. Zero differences are left out.
/// </summary>
public static class Wilcoxon
{
    /// <summary>
    /// Most pairs it accepts; the table has 2 n (n + 1) / 2 cells, and nobody repeats a run that often.
    /// </summary>
    public const int MaxPairs = 500;

    /// <summary>Two-sided p value; 1 when no difference is left.</summary>
    public static double TwoSided(IReadOnlyList<double> differences)
    {
        double[] kept = [.. differences.Where(d => d != 0 && !double.IsNaN(d))];
        if (kept.Length == 0)
        {
            return 1;
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(kept.Length, MaxPairs, nameof(differences));
        int[] doubledRanks = DoubledRanks(kept);
        int total = doubledRanks.Sum();
        int positive = 0;
        for (int i = 0; i < kept.Length; i++)
        {
            positive += kept[i] > 0 ? doubledRanks[i] : 0;
        }

        int smaller = Math.Min(positive, total - positive);
        double[] probability = NullDistribution(doubledRanks, total);
        double tail = 0;
        for (int sum = 0; sum <= smaller; sum++)
        {
            tail += probability[sum];
        }

        return Math.Min(1, 2 * tail);
    }

    /// <summary>The smallest two-sided p that this many pairs can reach: 2 / 2^n.</summary>
    public static double SmallestP(int pairs) => pairs <= 0 ? 1 : Math.Min(1, Math.Pow(2, 1 - pairs));

    /// <summary>Mid-ranks of the absolute values, times two so that ties stay integers.</summary>
    private static int[] DoubledRanks(double[] values)
    {
        int[] order = [.. Enumerable.Range(0, values.Length).OrderBy(i => Math.Abs(values[i]))];
        int[] ranks = new int[values.Length];
        for (int first = 0; first < order.Length;)
        {
            int last = first;
            while (last + 1 < order.Length
                && Math.Abs(values[order[last + 1]]) == Math.Abs(values[order[first]]))
            {
                last++;
            }

            for (int i = first; i <= last; i++)
            {
                ranks[order[i]] = first + last + 2;
            }

            first = last + 1;
        }

        return ranks;
    }

    private static double[] NullDistribution(int[] doubledRanks, int total)
    {
        double[] probability = new double[total + 1];
        probability[0] = 1;
        int reach = 0;
        foreach (int rank in doubledRanks)
        {
            reach += rank;
            for (int sum = reach; sum >= 0; sum--)
            {
                double with = sum >= rank ? probability[sum - rank] : 0;
                probability[sum] = (probability[sum] + with) / 2;
            }
        }

        return probability;
    }
}
