namespace Testbed.Harness.Cli;

/// <summary>Finds what somebody may have meant.</summary>
internal static class Suggestions
{
    /// <summary>
    /// The candidate with the smallest edit distance; null when none is near (a third of the length, at least
    /// 2).
    /// </summary>
    public static string? Nearest(string text, IEnumerable<string> candidates)
    {
        var best = candidates
            .Select(c => (Candidate: c, Distance: Distance(text, c)))
            .OrderBy(c => c.Distance)
            .ThenBy(c => c.Candidate, StringComparer.Ordinal)
            .FirstOrDefault();
        return best.Candidate is not null && best.Distance <= Math.Max(2, text.TrimStart('-').Length / 3)
            ? best.Candidate
            : null;
    }

    /// <summary>"; did you mean X?" or nothing.</summary>
    public static string Hint(string text, IEnumerable<string> candidates) =>
        Nearest(text, candidates) is { } nearest ? $"; did you mean {nearest}?" : "";

    /// <summary>Edit distance in which swapping neighbours counts as one.</summary>
    internal static int Distance(string a, string b)
    {
        var table = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            table[i, 0] = i;
        }

        for (var j = 0; j <= b.Length; j++)
        {
            table[0, j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var change = table[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                table[i, j] = Math.Min(change, 1 + Math.Min(table[i - 1, j], table[i, j - 1]));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    table[i, j] = Math.Min(table[i, j], table[i - 2, j - 2] + 1);
                }
            }
        }

        return table[a.Length, b.Length];
    }
}
