namespace Testbed.Reports;

/// <summary>Makes the report of a run from its folder alone.</summary>
public static class RunReport
{
    /// <summary>Writes <c>report/*.png</c> and <c>report/index.html</c> into the folder.</summary>
    /// <returns>Paths of the files written.</returns>
    public static IReadOnlyList<string> Write(string runFolder) =>
        Write(RunData.Load(runFolder), Path.Combine(runFolder, "report"));

    /// <summary>Writes the report of data that is in memory into a folder.</summary>
    public static IReadOnlyList<string> Write(RunData run, string outFolder)
    {
        Findings findings = new(run);
        IReadOnlyList<Figure> figures = Figures(findings);
        List<string> files = [.. figures.Select(f => PngRenderer.Write(f, outFolder))];
        string page = Path.Combine(outFolder, "index.html");
        File.WriteAllText(page, RunPage.Render(findings, figures));
        files.Add(page);
        return files;
    }

    /// <summary>The charts, in the order of the page.</summary>
    internal static IReadOnlyList<Figure> Figures(Findings findings) =>
    [
        TimelineChart.Build(findings), LatencySpectrumChart.Build(findings), BytesChart.Build(findings),
        ResourcesChart.Build(findings),
    ];
}
