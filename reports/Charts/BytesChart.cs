using Testbed.Results;

namespace Testbed.Reports;

/// <summary>
/// Bytes stored per logical byte against theory, and bytes sent per operation; one group of bars per run.
/// </summary>
internal static class BytesChart
{
    /// <summary>The figure of one run.</summary>
    public static Figure Build(Findings findings) => Build(
        "bytes", [(ChartNames.Strategy(findings.Run.Manifest.Strategy), findings.Run)],
            ChartNames.RunLine(findings.Run.Manifest));

    /// <summary>The figure of several runs side by side.</summary>
    public static Figure Build(
        string name, IReadOnlyList<(string Label, RunData Run)> runs, string subtitle) =>
        new(name, Finding(runs), subtitle, [Stored(runs), Sent(runs)], 2);

    private static string Finding(IReadOnlyList<(string Label, RunData Run)> runs)
    {
        string[] parts =
        [
            .. runs.Select(r => (r.Label, r.Run.Summary.Bytes)).Where(r => Payload(r.Bytes) is not null)
                .Select(r =>
                $"{r.Label} stores {Units.Times(Payload(r.Bytes))} the logical bytes "
                + $"(theory {Units.Times(r.Bytes.TheoryStoredPerLogical)})"),
        ];
        return parts.Length == 0 ? "No stored bytes were measured"
            : ChartNames.Sentence(string.Join("; ", parts));
    }

    private static double? Payload(ByteFigures bytes) =>
        bytes.LogicalBytes > 0 ? (double)bytes.StoredPayloadBytes / bytes.LogicalBytes : null;

    private static double? Total(ByteFigures bytes) =>
        bytes.LogicalBytes > 0 ? (double)bytes.StoredTotalBytes / bytes.LogicalBytes : null;

    private static Panel Stored(IReadOnlyList<(string Label, RunData Run)> runs)
    {
        List<(string, double?, Tone)> bars = [];
        List<Mark> theory = [];
        double largest = 0;
        foreach ((string label, RunData run) in runs)
        {
            ByteFigures bytes = run.Summary.Bytes;
            int first = bars.Count;
            bars.Add(($"{label}: payload", Payload(bytes), Tone.Blue));
            bars.Add(($"{label}: total", Total(bytes), Tone.Sky));
            double line = bytes.TheoryStoredPerLogical;
            theory.Add(new LineMark(
                [first - 0.46, first + 1.46], [line, line], Tone.Vermilion) { Width = 2.2, Dashed = true });
            largest = Math.Max(largest, line);
        }

        return Bars("Stored bytes per logical byte, at the end", "stored / logical", bars, Units.Times,
            theory, largest) with
        {
            Legend = [new LegendEntry("theory", Tone.Vermilion, LegendShape.Dashed)],
            Empty = bars.TrueForAll(b => b.Item2 is null) ? "nothing is stored, so there is no ratio" : null,
        };
    }

    private static Panel Sent(IReadOnlyList<(string Label, RunData Run)> runs)
    {
        List<(string, double?, Tone)> bars = [];
        foreach ((string label, RunData run) in runs)
        {
            ByteFigures bytes = run.Summary.Bytes;
            bars.Add(($"{label}: clients", PerOperation(bytes.ClientSentBytes, run), Tone.Green));
            bars.Add(($"{label}: nodes", PerOperation(bytes.NodeSentBytes, run), Tone.Purple));
        }

        return Bars("Bytes sent per operation", "bytes / operation", bars, Units.Bytes, [], 0) with
        {
            Empty = bars.TrueForAll(b => b.Item2 is null) ? "no sent bytes were counted" : null,
        };
    }

    private static double? PerOperation(long? bytes, RunData run)
    {
        long operations = run.Summary.Operations.Where(o => o.Phase == Findings.Measured)
            .Where(o => OperationWords.IsRead(o.Operation) || OperationWords.IsWrite(o.Operation))
            .Sum(o => o.Ok + o.NotFound + o.Failed + o.Unknown + o.Corrupt);
        return bytes is long b && operations > 0 ? (double)b / operations : null;
    }

    /// <summary>A bar panel with the value over each bar.</summary>
    internal static Panel Bars(
        string title, string axis, IReadOnlyList<(string Label, double? Value, Tone Tone)> bars,
        Func<double?, string> format, IEnumerable<Mark> extra, double atLeast)
    {
        double largest = Math.Max(atLeast, bars.Max(b => b.Value ?? 0));
        Axis y = AxisScales.FromZero(axis, largest * 1.12);
        List<Mark> marks = [];
        for (int i = 0; i < bars.Count; i++)
        {
            double value = bars[i].Value ?? 0;
            marks.Add(new BoxMark(i - 0.32, i + 0.32, 0, value, bars[i].Tone));
            marks.Add(new TextMark(i, value + (y.Max * 0.012), format(bars[i].Value), Tone.Ink,
                Anchor.Above) { Size = 12, Bold = true });
        }

        marks.AddRange(extra);
        return new Panel
        {
            Title = title, Y = y, Height = 270, Marks = marks,
            X = new Axis("", -0.6, bars.Count - 0.4,
                [.. bars.Select((b, i) => new Tick(i, b.Label))]) { Grid = false },
        };
    }
}
