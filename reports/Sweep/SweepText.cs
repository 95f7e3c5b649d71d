using System.Globalization;
using System.Text;

namespace Testbed.Reports;

/// <summary>A sweep as plain text and CSV.</summary>
internal static class SweepText
{
    /// <summary>Plain text, at most <paramref name="width"/> columns where tables allow.</summary>
    public static string Render(SweepModel model, int width = 100)
    {
        TextLines lines = new(width);
        lines.Wrap(Headline(model), 2);
        lines.Blank();
        TextTable table = new("metric", "values", model.BaselineLabel, "predicted", model.CandidateLabel, "predicted",
            "ratio", "predicted");
        foreach (SweepRow row in model.Rows.Where(r => !r.Metric.IsPart))
        {
            table.Add(row.ValueBytes == model.Cells[0].ValueBytes ? row.Metric.Label : "", Units.Size(row.ValueBytes),
                row.Metric.Format(row.Baseline.Measured), Range(row.Baseline.Predicted),
                row.Metric.Format(row.Candidate.Measured), Range(row.Candidate.Predicted),
                Units.Times(row.Ratio), Range(row.PredictedRatio));
        }

        lines.Add(table.Lines());
        lines.Blank();
        foreach (string note in Notes(model))
        {
            lines.Wrap(note, 2);
        }

        return lines.ToString();
    }

    /// <summary>One row per metric and run, in base units, with what was predicted for it.</summary>
    public static string Csv(SweepModel model)
    {
        StringBuilder text = new(
            "metric,value_bytes,side,strategy,run,measured,predicted_least,predicted_most,deviation\n");
        foreach (SweepMetric metric in model.Metrics)
        {
            foreach (SweepCell cell in model.Cells)
            {
                foreach (Findings run in cell.Model.Baseline)
                {
                    Row(text, metric, cell.ValueBytes, "baseline", run);
                }

                foreach (Findings run in cell.Model.Candidate)
                {
                    Row(text, metric, cell.ValueBytes, "candidate", run);
                }
            }
        }

        return text.ToString();
    }

    /// <summary>Who against whom, and the ratios people ask for first.</summary>
    public static string Headline(SweepModel model)
    {
        string facts = Facts(model,
            [(SweepMetrics.StoredAndLog, "node memory (stores and log)"), (SweepMetrics.SentPerPut, "bytes sent per put"),
                (SweepMetrics.SentPerGet, "per get"), (SweepMetrics.Cpu, "CPU per operation")]);
        return $"{Sides(model)}, values of {string.Join(", ", model.Cells.Select(c => Units.Size(c.ValueBytes)))}"
            + (facts.Length == 0 ? "" : ". " + facts);
    }

    /// <summary>ECC (5,3) against Raft (5 nodes).</summary>
    public static string Sides(SweepModel model)
    {
        ComparisonModel cell = model.Cells[0].Model;
        return $"{Side(model.CandidateLabel, cell.Candidate[0])} against {Side(model.BaselineLabel, cell.Baseline[0])}";
    }

    /// <summary>"At 1 KiB ECC has 0.39x of Raft's stored bytes (predicted 0.39x), ..."; empty without any ratio.</summary>
    public static string Facts(SweepModel model, IEnumerable<(SweepMetric Metric, string Name)> wanted)
    {
        string[] parts =
        [
            .. wanted.Select(w => (w.Name, Row: model.Find(w.Metric, model.Usual.ValueBytes)))
                .Where(w => w.Row?.Ratio is not null)
                .Select(w => $"{Units.Times(w.Row!.Ratio)} {w.Name}"
                    + (w.Row.PredictedRatio is Bounds p ? $" (predicted {Range(p)})" : "")),
        ];
        return parts.Length == 0 ? "" : $"At {Units.Size(model.Usual.ValueBytes)}, {model.CandidateLabel} / "
            + $"{model.BaselineLabel}: {string.Join(", ", parts)}";
    }

    /// <summary>The lines under the table.</summary>
    public static IEnumerable<string> Notes(SweepModel model)
    {
        yield return $"ratio = {model.CandidateLabel} / {model.BaselineLabel}; stored, sent and memory are per byte of the "
            + "values. predicted: from the design alone, not fitted; its bounds are messages that share frames and "
            + "rounds without end, and messages that share nothing.";
        if (Crossover(model) is string crossover)
        {
            yield return crossover;
        }

        foreach (string line in model.Cells.SelectMany(c => c.Model.Comparability.Refusals).Distinct())
        {
            yield return $"FORCED although {line}.";
        }

        foreach (string line in model.Cells.SelectMany(c => c.Model.Comparability.Cautions).Distinct())
        {
            yield return $"caution: {line}";
        }
    }

    /// <summary>Bounds as people read them: 1.67x, or 6.61x-9.90x.</summary>
    public static string Range(Bounds? bounds)
    {
        if (bounds is not Bounds b)
        {
            return "";
        }

        string least = Units.Times(b.Least);
        string most = Units.Times(b.Most);
        return least == most ? least : $"{least[..^1]}-{most}";
    }

    private static string? Crossover(SweepModel model)
    {
        BytePrediction baseline = SweepMetrics.Prediction(model.Cells[0].Model.Baseline[0]);
        BytePrediction candidate = SweepMetrics.Prediction(model.Cells[0].Model.Candidate[0]);
        int?[] from =
            [candidate.SendsLessPerPutFrom(baseline, b => b.Least), candidate.SendsLessPerPutFrom(baseline, b => b.Most)];
        return model.ComparesStrategies && from.Min() is int low && from.Max() is int high
            ? $"predicted: {model.CandidateLabel} sends less per put from values of {Units.Size(low)} to "
                + $"{Units.Size(high)} on, by how much messages share frames."
            : null;
    }

    private static string Side(string label, Findings run) => run.Run.Manifest is { Strategy: "ecc" } ecc
        ? $"{label} ({ecc.Nodes},{ecc.DataElements})"
        : $"{label} ({run.Run.Manifest.Nodes} nodes)";

    private static void Row(StringBuilder text, SweepMetric metric, int valueBytes, string side, Findings run)
    {
        double? measured = metric.Measured(run);
        Bounds? predicted = BytePrediction.ValueBytes(run.Run.Manifest) is int bytes ? metric.Predicted(run, bytes) : null;
        double? deviation = measured is double m ? predicted?.Deviation(m) : null;
        text.Append(CultureInfo.InvariantCulture, $"{metric.Key},{valueBytes},{side},{run.Run.Manifest.Strategy},")
            .Append(CultureInfo.InvariantCulture, $"{run.Run.Manifest.RunId},{measured},")
            .Append(CultureInfo.InvariantCulture, $"{predicted?.Least},{predicted?.Most},{deviation}\n");
    }
}
