using System.Globalization;
using Testbed.Results;

namespace Testbed.Reports;

/// <summary>Draws counterexamples as timelines: one page, no script, nothing loaded from anywhere.</summary>
public static class CounterexampleReport
{
    /// <summary>Writes the page; creates its folder when that is missing.</summary>
    /// <param name="title">What the history is of.</param>
    /// <param name="verdict">The verdict on it.</param>
    /// <param name="counterexamples">What to draw; empty makes a page that says so.</param>
    /// <param name="path">The page.</param>
    public static void Write(
        string title, string verdict, IReadOnlyList<Counterexample> counterexamples, string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
        {
            Directory.CreateDirectory(folder);
        }

        File.WriteAllText(path, Render(title, verdict, counterexamples));
    }

    /// <summary>The page.</summary>
    internal static string Render(string title, string verdict, IReadOnlyList<Counterexample> counterexamples)
    {
        HtmlText html = PageStyle.Start($"Counterexamples: {title}");
        html.Element("h1", "Counterexamples").Element("p", title, "muted");
        string look = verdict switch { "valid" => "good", "invalid" => "bad", _ => "open" };
        html.Raw($"<div class=\"verdict {look}\">").Element("b", verdict.ToUpperInvariant()).Raw("</div>\n");
        if (counterexamples.Count == 0)
        {
            html.Element("p", "There is no counterexample to draw.");
        }

        for (int i = 0; i < counterexamples.Count; i++)
        {
            Counterexample one = counterexamples[i];
            html.Chart(CounterexampleChart.Build(
                string.Create(CultureInfo.InvariantCulture, $"timeline-{i}"), one));
            html.Element("p", one.Violation.Explanation);
            html.Table(
                ["process", "operation", "outcome", "from", "to", ""],
                one.Operations.Where(o => o.IsWitness).Select(o => new[]
                {
                    Units.Count(o.Operation.Process), CounterexampleChart.Words(o.Operation), o.Operation.Type,
                    Seconds(o.Operation.InvokeNs), Seconds(o.Operation.CompleteNs),
                    o.IsOffending ? "the wrong answer" : "",
                }),
                1, 2, 5);
        }

        return PageStyle.End(html);
    }

    private static string Seconds(long nanos) =>
        string.Create(CultureInfo.InvariantCulture, $"{nanos / 1e9:F6} s");
}
