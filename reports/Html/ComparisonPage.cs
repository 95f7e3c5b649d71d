using Testbed.Results;

namespace Testbed.Reports;

/// <summary>The page of a comparison.</summary>
internal static class ComparisonPage
{
    /// <summary>Renders the page.</summary>
    public static string Render(ComparisonModel model, IReadOnlyList<Figure> figures)
    {
        HtmlText html = PageStyle.Start($"{model.CandidateLabel} against {model.BaselineLabel}");
        Manifest m = model.Baseline[0].Run.Manifest;
        html.Element("h1", $"{model.CandidateLabel} against {model.BaselineLabel}")
            .Element("p", $"workload {m.Workload} · durability {m.Durability} · {m.Cluster} cluster",
                "muted");
        bool forced = model.Comparability.Refusals.Count > 0;
        bool decided = model.Outcomes.Any(o => o.Verdict != Verdict.Inconclusive);
        html.Raw($"<div class=\"verdict {(forced ? "bad" : decided ? "good" : "open")}\">")
            .Element("b", forced ? "FORCED" : decided ? "COMPARED" : "INCONCLUSIVE")
            .Element("p", ChartNames.Sentence(CompareText.Headline(model)))
                .Element("p", ChartNames.Sentence(model.IntervalNote), "muted")
            .Raw("</div>\n");
        Table(html, model);
        foreach (Figure figure in figures)
        {
            html.Chart(figure);
        }

        Runs(html, model);
        Provenance.List(html, "How to read this page", HowToRead(model));
        RunData[] all = [.. model.Baseline.Concat(model.Candidate).Select(f => f.Run)];
        Provenance.List(html, "What was not tested", Provenance.NotTested(all));
        html.Element("h2", "Baseline, first run");
        Provenance.Run(html, model.Baseline[0].Run);
        html.Element("h2", "Candidate, first run");
        Provenance.Run(html, model.Candidate[0].Run);
        return PageStyle.End(html);
    }

    private static void Table(HtmlText html, ComparisonModel model)
    {
        html.Table(
            ["metric", model.BaselineLabel, model.CandidateLabel, "ratio", CompareText.IntervalHeader(model),
                "noise floor",
                "lower in", "p (Holm)", "verdict"],
            model.Outcomes.Select(o =>
            {
                string[] cells = CompareText.Cells(model, o);
                return (string[])[.. cells[..7], model.Pairs > 1 ? Units.Three(o.AdjustedPValue) : "",
                    cells[7]];
            }),
            8);
        foreach (string note in CompareText.Notes(model))
        {
            html.Element("p", ChartNames.Sentence(note), "muted");
        }
    }

    private static void Runs(HtmlText html, ComparisonModel model)
    {
        html.Element("h2", "Runs");
        html.Table(
            ["run", "side", "pair", "verdict", "goodput", "lost writes", "seed"],
            Rows(model.Baseline, model.BaselineLabel).Concat(Rows(model.Candidate, model.CandidateLabel)), 1,
                3);
    }

    private static IEnumerable<string[]> Rows(IReadOnlyList<Findings> runs, string side) =>
        runs.Select((f, i) => new[]
    {
        f.Run.Manifest.RunId, side, Units.Count(i + 1), f.Run.Summary.Verdict, Units.Rate(f.Goodput),
        Units.Count(f.Run.Summary.Check.LostWrites),
            f.Run.Manifest.Seed.ToString(System.Globalization.CultureInfo.InvariantCulture),
    });

    private static IEnumerable<string> HowToRead(ComparisonModel model)
    {
        yield return "The run on a fresh cluster is the sample, never the operation: thousands of operations of one run are one value.";
        yield return "Pairs share a seed and stand next to each other in time, so that slow drifts of the machine cancel.";
        yield return "Better, worse and equivalent are said only when the data carry it; everything else is inconclusive, never a silent pass.";
        yield return "On a noisy machine CPU, bytes and stored size per operation decide; then latency at a fixed rate; then "
            + "unavailability. Goodput of single runs decides nothing.";
        foreach (string line in Provenance.HowToRead(model.Baseline[0].Clock).Skip(1))
        {
            yield return line;
        }
    }
}
