namespace Testbed.Reports;

/// <summary>What a comparison gave.</summary>
/// <param name="Refused">The runs may not be compared; nothing was written.</param>
/// <param name="Text">For the terminal: the table, or why it was refused.</param>
/// <param name="Markdown">The same for a pull request; empty when refused.</param>
/// <param name="Outcomes">One per metric.</param>
/// <param name="Files">Paths of the files written.</param>
public sealed record ComparisonResult(
    bool Refused, string Text, string Markdown, IReadOnlyList<MetricOutcome> Outcomes,
        IReadOnlyList<string> Files);

/// <summary>Compares runs from their folders alone.</summary>
public static class ComparisonReport
{
    /// <summary>
    /// Compares folders pair by pair: the first baseline with the first candidate, and so on. Runs that
    /// differ in durability, node build or workload are refused unless forced; a forced comparison says so
    /// in every output. Runs of the same several sizes of values on both sides become a sweep.
    /// </summary>
    public static ComparisonResult Write(
        IReadOnlyList<string> baselineFolders, IReadOnlyList<string> candidateFolders, string outFolder,
            bool force)
    {
        RunData[] baseline = [.. baselineFolders.Select(RunData.Load)];
        RunData[] candidate = [.. candidateFolders.Select(RunData.Load)];
        return SweepReport.Sizes(baseline, candidate).Count > 0
            ? SweepReport.Write(baseline, candidate, outFolder, force)
            : Write(baseline, candidate, outFolder, force);
    }

    /// <summary>Compares runs that are in memory.</summary>
    public static ComparisonResult Write(
        IReadOnlyList<RunData> baseline, IReadOnlyList<RunData> candidate, string outFolder, bool force,
        ComparisonRules? rules = null)
    {
        if (baseline.Count == 0 || candidate.Count == 0)
        {
            return Refuse("nothing to compare: each side needs at least one run");
        }

        ComparisonModel model = new(baseline, candidate, rules ?? new ComparisonRules());
        if (model.Comparability.Refusals.Count > 0 && !force)
        {
            return RefuseFor(model.Comparability);
        }

        return Write(model, outFolder);
    }

    /// <summary>Writes what a model says.</summary>
    internal static ComparisonResult Write(ComparisonModel model, string outFolder)
    {
        Directory.CreateDirectory(outFolder);
        IReadOnlyList<Figure> figures = ComparisonCharts.All(model);
        List<string> files = [.. figures.Select(f => PngRenderer.Write(f, outFolder))];
        string text = CompareText.Render(model);
        string markdown = CompareText.Markdown(model);
        files.Add(WriteText(outFolder, "compare.txt", text));
        files.Add(WriteText(outFolder, "compare.md", markdown));
        files.Add(WriteText(outFolder, "compare.csv", CompareText.Csv(model)));
        files.Add(WriteText(outFolder, "index.html", ComparisonPage.Render(model, figures)));
        return new ComparisonResult(false, text, markdown, model.Outcomes, files);
    }

    /// <summary>Says why runs are not compared.</summary>
    internal static ComparisonResult RefuseFor(Comparability comparability) =>
        Refuse("not compared: " + string.Join("; ", comparability.Refusals)
            + ". The difference would be in the figures. Use --force to compare all the same.");

    private static ComparisonResult Refuse(string why) => new(true, why + "\n", "", [], []);

    /// <summary>Writes a file; returns its path.</summary>
    internal static string WriteText(string folder, string name, string text)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
