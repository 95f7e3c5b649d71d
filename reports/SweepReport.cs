namespace Testbed.Reports;

/// <summary>
/// Compares runs over several sizes of values: each size by itself, and all together beside what the design predicts.
/// </summary>
internal static class SweepReport
{
    /// <summary>
    /// The sizes of a sweep, ascending; empty when the runs are none: both sides must have the same sizes, two or more.
    /// </summary>
    public static IReadOnlyList<int> Sizes(IReadOnlyList<RunData> baseline, IReadOnlyList<RunData> candidate)
    {
        int?[] left = Of(baseline);
        int?[] right = Of(candidate);
        return left.Length > 1 && left.All(s => s is not null) && left.SequenceEqual(right)
            ? [.. left.OfType<int>()] : [];

        static int?[] Of(IReadOnlyList<RunData> runs) =>
            [.. runs.Select(r => BytePrediction.ValueBytes(r.Manifest)).Distinct().Order()];
    }

    /// <summary>
    /// Writes the sweep, and the comparison of each size into a folder below. Refused like a comparison.
    /// </summary>
    public static ComparisonResult Write(
        IReadOnlyList<RunData> baseline, IReadOnlyList<RunData> candidate, string outFolder, bool force)
    {
        Comparability together = Comparability.Of(baseline, candidate);
        if (together.Refusals.Count > 0 && !force)
        {
            return ComparisonReport.RefuseFor(together);
        }

        List<SweepCell> cells = [];
        List<string> files = [];
        foreach (int size in Sizes(baseline, candidate))
        {
            RunData[] left = [.. baseline.Where(r => BytePrediction.ValueBytes(r.Manifest) == size)];
            RunData[] right = [.. candidate.Where(r => BytePrediction.ValueBytes(r.Manifest) == size)];
            SweepCell cell = new(size, new ComparisonModel(left, right, new ComparisonRules()));
            cells.Add(cell);
            files.AddRange(ComparisonReport.Write(cell.Model, Path.Combine(outFolder, FolderOf(cell))).Files);
        }

        SweepModel model = new(cells);
        IReadOnlyList<Figure> figures = SweepCharts.All(model);
        string text = SweepText.Render(model);
        files.AddRange(figures.Select(f => PngRenderer.Write(f, outFolder)));
        files.Add(ComparisonReport.WriteText(outFolder, "sweep.txt", text));
        files.Add(ComparisonReport.WriteText(outFolder, "sweep.csv", SweepText.Csv(model)));
        files.Add(ComparisonReport.WriteText(outFolder, "index.html", SweepPage.Render(model, figures, FolderOf)));
        return new ComparisonResult(false, text, "", [], files);
    }

    private static string FolderOf(SweepCell cell) =>
        Units.Size(cell.ValueBytes).Replace(" ", "", StringComparison.Ordinal);
}
