using System.Globalization;
using System.Text;

namespace Testbed.Reports;

/// <summary>A comparison as plain text, Markdown and CSV.</summary>
internal static class CompareText
{
    /// <summary>Plain text, at most <paramref name="width"/> columns where tables allow.</summary>
    public static string Render(ComparisonModel model, int width = 100)
    {
        TextLines lines = new(width);
        lines.Wrap(Headline(model), 2);
        lines.Blank();
        TextTable table = new("metric", model.BaselineLabel, model.CandidateLabel, "ratio",
            IntervalHeader(model), "noise", "lower in", "verdict");
        table.Left(7);
        foreach (MetricOutcome outcome in model.Outcomes)
        {
            table.Add(Cells(model, outcome));
        }

        if (table.Count == 0)
        {
            lines.Wrap("no metric has a value in both runs of a pair");
        }
        else
        {
            lines.Add(table.Lines());
        }

        lines.Blank();
        foreach (string note in Notes(model))
        {
            lines.Wrap(note, 2);
        }

        return lines.ToString();
    }

    /// <summary>The same as Markdown.</summary>
    public static string Markdown(ComparisonModel model)
    {
        StringBuilder text = new();
        text.Append("**").Append(Escape(Headline(model))).Append("**\n\n");
        string[] headers = ["metric", model.BaselineLabel, model.CandidateLabel, "ratio",
            IntervalHeader(model), "noise", "lower in", "verdict"];
        text.Append("| ").AppendJoin(" | ", headers.Select(Escape))
            .Append(" |\n|---|--:|--:|--:|--:|--:|--:|---|\n");
        foreach (MetricOutcome outcome in model.Outcomes)
        {
            text.Append("| ").AppendJoin(" | ", Cells(model, outcome).Select(Escape)).Append(" |\n");
        }

        text.Append('\n');
        foreach (string note in Notes(model))
        {
            text.Append("- ").Append(Escape(note)).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>One row per metric and pair, in base units: the raw data behind every claim.</summary>
    public static string Csv(ComparisonModel model)
    {
        StringBuilder text = new("metric,pair,baseline_run,candidate_run,baseline,candidate\n");
        foreach (Metric metric in model.Metrics)
        {
            for (int pair = 0; pair < model.Pairs; pair++)
            {
                Findings baseline = model.Baseline[pair];
                Findings candidate = model.Candidate[pair];
                text.Append(CultureInfo.InvariantCulture,
                    $"{metric.Key},{pair + 1},{Field(baseline.Run.Manifest.RunId)},")
                    .Append(CultureInfo.InvariantCulture, $"{Field(candidate.Run.Manifest.RunId)},")
                    .Append(CultureInfo.InvariantCulture,
                        $"{metric.Value(baseline)},{metric.Value(candidate)}\n");
            }
        }

        return text.ToString();
    }

    /// <summary>Who against whom, and the decided metrics.</summary>
    public static string Headline(ComparisonModel model)
    {
        string pairs = model.Pairs == 1 ? "one pair" : $"{model.Pairs} pairs";
        if (model.Pairs < Bootstrap.LeastForInterval)
        {
            string facts = Facts(model);
            return $"{model.CandidateLabel} against {model.BaselineLabel}, {pairs}, no verdict"
                + (facts.Length == 0 ? "" : ": " + facts);
        }

        string decided = string.Join(
            ", ", new[] { Verdict.Better, Verdict.Worse, Verdict.Equivalent, Verdict.Inconclusive }
            .Select(v => (v, Count: model.Outcomes.Count(o => o.Verdict == v))).Where(c => c.Count > 0)
            .Select(c => $"{c.Count} {Word(c.v)}"));
        return $"{model.CandidateLabel} against {model.BaselineLabel}, {pairs}: "
            + (decided.Length == 0 ? "nothing to compare" : decided);
    }

    /// <summary>The ratios people ask for first.</summary>
    public static string Facts(ComparisonModel model)
    {
        (string Key, string Name)[] wanted =
        [
            ("stored_payload_per_logical", "stored bytes"), ("cpu_us_per_op", "CPU per operation"),
            ("read_latency_p99_us", "read p99"), ("update_latency_p99_us", "update p99"),
        ];
        return string.Join(", ",
            wanted.Select(w => (w.Name, model.Outcomes.FirstOrDefault(o => o.Metric.Key == w.Key)?.Ratio))
            .Where(w => w.Ratio is not null).Select(w => $"{Units.Times(w.Ratio)} {w.Name}"));
    }

    /// <summary>The lines under the table.</summary>
    public static IEnumerable<string> Notes(ComparisonModel model)
    {
        yield return $"ratio = {model.CandidateLabel} / {model.BaselineLabel}; below 1 the candidate has less.";
        yield return model.IntervalNote;
        yield return model.NoiseNote;
        foreach (string refusal in model.Comparability.Refusals)
        {
            yield return $"FORCED although {refusal}.";
        }

        foreach (string caution in model.Comparability.Cautions)
        {
            yield return $"caution: {caution}";
        }
    }

    /// <summary>The cells of one row.</summary>
    public static string[] Cells(ComparisonModel model, MetricOutcome outcome)
    {
        Metric metric = model.MetricOf(outcome);
        return
        [
            metric.Label, metric.Format(outcome.BaselineMedian), metric.Format(outcome.CandidateMedian),
            Units.Times(outcome.Ratio), IntervalText(outcome.RatioInterval),
                Units.Times(outcome.Metric.NoiseRatio),
            $"{outcome.Lower}/{outcome.Pairs}", Word(outcome.Verdict),
        ];
    }

    /// <summary>The heading over intervals.</summary>
    public static string IntervalHeader(ComparisonModel model) =>
        model.Pairs >= Bootstrap.LeastForInterval ? "95 % interval" : "range";

    /// <summary>A verdict as a word.</summary>
    public static string Word(Verdict verdict) => verdict switch
    {
        Verdict.Better => "better",
        Verdict.Worse => "worse",
        Verdict.Equivalent => "equivalent",
        _ => "inconclusive",
    };

    private static string IntervalText(Interval? interval) =>
        interval is Interval i ? $"{Units.Times(i.Low)} .. {Units.Times(i.High)}" : "";

    private static string Escape(string text) =>
        text.Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
            .ReplaceLineEndings(" ");

    private static string Field(string text) =>
        text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : "\""
            + text.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";
}
