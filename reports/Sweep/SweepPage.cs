using Testbed.Results;

namespace Testbed.Reports;

/// <summary>The page of a sweep.</summary>
internal static class SweepPage
{
    // What the ECC client does beyond its healthy path, which no prediction counts.
    private static readonly (string Key, string Label)[] Efforts =
    [
        ("hedges", "hedges"), ("width_steps", "width steps"), ("retags", "retags"), ("restarts", "read restarts"),
        ("resends", "resends"),
    ];

    /// <summary>Renders the page; <paramref name="folderOf"/> names the folder of a cell's own comparison.</summary>
    public static string Render(SweepModel model, IReadOnlyList<Figure> figures, Func<SweepCell, string> folderOf)
    {
        string title = $"{SweepText.Sides(model)}, by size of values";
        HtmlText html = PageStyle.Start(title);
        Manifest m = model.Cells[0].Model.Baseline[0].Run.Manifest;
        html.Element("h1", title)
            .Element("p", $"workload {m.Workload} · durability {m.Durability} · {m.Cluster} cluster · "
                + $"node build {m.NodeBuild}", "muted");
        bool forced = model.Cells.Any(c => c.Model.Comparability.Refusals.Count > 0);
        bool sound = model.Runs.All(r => r.Run.Summary is { Verdict: "valid", Complete: true });
        html.Raw($"<div class=\"verdict {(forced || !sound ? "bad" : "good")}\">")
            .Element("b", forced ? "FORCED" : sound ? "MEASURED" : "NOT ALL RUNS ARE VALID")
            .Element("p", SweepText.Headline(model)).Raw("</div>\n");
        foreach (Figure figure in figures)
        {
            html.Chart(figure);
        }

        Tables(html, model);
        foreach (string note in SweepText.Notes(model))
        {
            html.Element("p", ChartNames.Sentence(note), "muted");
        }

        Provenance.List(html, "Where the predictions come from", SweepFormulas.Lines(model));
        Effort(html, model);
        Runs(html, model, folderOf);
        Provenance.List(html, "How to read this page", HowToRead(model));
        Provenance.List(html, "What was not tested", Provenance.NotTested([.. model.Runs.Select(f => f.Run)]));
        html.Element("h2", $"Baseline, values of {Units.Size(model.Usual.ValueBytes)}");
        Provenance.Run(html, model.Usual.Model.Baseline[0].Run);
        html.Element("h2", $"Candidate, values of {Units.Size(model.Usual.ValueBytes)}");
        Provenance.Run(html, model.Usual.Model.Candidate[0].Run);
        return PageStyle.End(html);
    }

    private static void Tables(HtmlText html, SweepModel model)
    {
        html.Element("h2", "Measured and predicted");
        html.Table(
            ["metric", "values", model.BaselineLabel, "predicted", "off by", model.CandidateLabel, "predicted", "off by",
                $"{model.CandidateLabel} / {model.BaselineLabel}", "predicted"],
            model.Rows.Select(r => new[]
            {
                r.ValueBytes == model.Cells[0].ValueBytes ? r.Metric.Label : "", Units.Size(r.ValueBytes),
                r.Metric.Format(r.Baseline.Measured), SweepText.Range(r.Baseline.Predicted), Off(r.Baseline),
                r.Metric.Format(r.Candidate.Measured), SweepText.Range(r.Candidate.Predicted), Off(r.Candidate),
                Units.Times(r.Ratio), SweepText.Range(r.PredictedRatio),
            }));
    }

    /// <summary>0 % when within the bounds; else from the nearer one.</summary>
    private static string Off(SweepSide side) =>
        side.Deviation is not double d ? "" : (d >= 0.0005 ? "+" : "") + Units.Percent(Math.Round(d, 3) + 0.0);

    private static void Effort(HtmlText html, SweepModel model)
    {
        string[][] rows =
        [
            .. model.Cells.SelectMany(c => c.Model.Baseline.Concat(c.Model.Candidate).Select(f => (c.ValueBytes, Run: f)))
                .Where(r => Efforts.Any(e => r.Run.Run.Summary.ClientCounters.ContainsKey(e.Key)))
                .Select(r => (string[])
                [
                    r.Run.Run.Manifest.RunId, Units.Size(r.ValueBytes), Units.Count(r.Run.Run.Summary.Check.Operations),
                    .. Efforts.Select(e => r.Run.Run.Summary.ClientCounters.TryGetValue(e.Key, out long n)
                        ? Units.Count(n) : ""),
                ]),
        ];
        if (rows.Length == 0)
        {
            return;
        }

        html.Element("h2", "What clients did beyond the healthy path")
            .Element("p", "Predictions count none of it; a busy machine causes it. Counted over the whole run.", "muted");
        html.Table(["run", "values", "operations", .. Efforts.Select(e => e.Label)], rows);
    }

    private static void Runs(HtmlText html, SweepModel model, Func<SweepCell, string> folderOf)
    {
        html.Element("h2", "Runs").Raw("<p>Each size compared by itself: ");
        foreach (SweepCell cell in model.Cells)
        {
            html.Raw("<a href=\"").Text(folderOf(cell) + "/index.html").Raw("\">").Text(Units.Size(cell.ValueBytes))
                .Raw("</a> ");
        }

        html.Raw("</p>\n");
        html.Table(
            ["run", "values", "side", "verdict", "offered", "goodput", "lost writes", "seed"],
            model.Cells.SelectMany(c => Rows(c, c.Model.Baseline, model.BaselineLabel)
                .Concat(Rows(c, c.Model.Candidate, model.CandidateLabel))), 2, 3);
    }

    private static IEnumerable<string[]> Rows(SweepCell cell, IReadOnlyList<Findings> runs, string side) =>
        runs.Select(f => new[]
        {
            f.Run.Manifest.RunId, Units.Size(cell.ValueBytes), side, f.Run.Summary.Verdict,
            f.Run.Manifest.OfferedRate is double rate ? Units.Rate(rate) : "closed loop", Units.Rate(f.Goodput),
            Units.Count(f.Run.Summary.Check.LostWrites),
            f.Run.Manifest.Seed.ToString(System.Globalization.CultureInfo.InvariantCulture),
        });

    private static IEnumerable<string> HowToRead(SweepModel model)
    {
        foreach (SweepMetric metric in model.Metrics.Where(m => !m.Key.Contains("_latency_", StringComparison.Ordinal)))
        {
            yield return $"{ChartNames.Sentence(metric.Label.TrimStart('-', ' '))}: {metric.Meaning}";
        }

        yield return "Off by: how far a measured value lies outside of its prediction, 0 % within the bounds.";
        yield return "Bytes are counted on sockets by those who send them, HTTP/2 and gRPC included, TCP and IP not.";
        yield return "Every run is a fresh cluster, pairs stand next to each other in time. Goodput and latency of single runs "
            + "on a shared machine decide little. Bytes decide more, but where nodes seem slow ECC asks and stores more.";
    }
}
