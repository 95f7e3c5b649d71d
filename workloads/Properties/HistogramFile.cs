using System.Globalization;

namespace Testbed.Workloads.Properties;

/// <summary>
/// YCSB's histogram files: <c>BlockSize N</c>, then one <c>bucket weight</c> pair per line, buckets from 0.
/// </summary>
internal static class HistogramFile
{
    private const int MaxBuckets = 1_000_000;
    private static readonly char[] Blanks = [' ', '\t'];

    /// <summary>The lengths it describes; null after adding an error.</summary>
    public static LengthSpec? Read(WorkloadFile file, List<string> errors)
    {
        var lines = file.Text.Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n');
        var head = lines[0].Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
        if (head.Length != 2 || head[0] != "BlockSize" || !TryNumber(head[1], 1, out var blockSize))
        {
            errors.Add($"{file.Name}:1: this is not a histogram; begin with \"BlockSize\", a tab and a positive "
                + "number");
            return null;
        }

        var weights = new List<long>();
        for (var i = 1; i < lines.Length; i++)
        {
            var words = lines[i].Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
            {
                continue;
            }

            var where = string.Create(CultureInfo.InvariantCulture, $"{file.Name}:{i + 1}");
            if (words.Length != 2
                || !TryNumber(words[0], 0, out var bucket)
                || !TryNumber(words[1], 0, out var weight))
            {
                errors.Add(
                    $"{where}: \"{lines[i].Trim()}\" is not a bucket; write its number, a tab and its weight");
                return null;
            }

            if (bucket != weights.Count || bucket == MaxBuckets)
            {
                var next = weights.Count.ToString(CultureInfo.InvariantCulture);
                errors.Add($"{where}: bucket {words[0]} is out of order; the next one must be {next}");
                return null;
            }

            weights.Add(weight);
        }

        if (weights.Sum() == 0)
        {
            errors.Add($"{file.Name}: the histogram has no weight; give at least one bucket a positive one");
            return null;
        }

        var first = weights.FindIndex(weight => weight > 0);
        var last = weights.FindLastIndex(weight => weight > 0);
        return new LengthSpec(
            LengthDistribution.Histogram, (first + 1) * blockSize, (last + 1) * blockSize, blockSize, weights);
    }

    private static bool TryNumber(string text, long min, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value)
        && value >= min && value <= int.MaxValue;
}
