namespace Testbed.Reports;

/// <summary>
/// What panels over time share: the axis, the shading of faults, the boundaries of phases.
/// </summary>
internal sealed class TimeFrame
{
    /// <summary>Most fault rows drawn; more would be taller than the data.</summary>
    public const int MaxFaultRows = 8;

    /// <summary>Most faults shaded; beyond that the shading would say nothing.</summary>
    private const int MaxShaded = 100;

    private readonly Findings findings;

    /// <summary>The frame of a run; from its first window or phase to its last.</summary>
    public TimeFrame(Findings findings, double? until = null)
    {
        this.findings = findings;
        ReportPhase[] shown = [.. findings.Clock.Phases.Where(p => RunClock.IsShown(p.Name))];
        double start = shown.Length == 0 ? First(findings) : shown.Min(p => p.Start);
        double end = shown.Length == 0 ? Last(findings) : shown.Max(p => p.End);
        // A warm-up longer than the measured time would squeeze what counts.
        double from = Math.Max(start, -0.25 * Math.Max(end, 1));
        X = AxisScales.Linear("seconds since the measured time began", from,
            Math.Max(until ?? end, from + 1), 12);
    }

    /// <summary>The shared axis.</summary>
    public Axis X { get; }

    /// <summary>Shading of faults and lines at phase boundaries, to lie behind data.</summary>
    public IReadOnlyList<Mark> Background()
    {
        List<Mark> marks = [];
        foreach (FaultSpan fault in findings.Faults.Take(MaxShaded))
        {
            marks.Add(new BoxMark(fault.Start, fault.End, double.NegativeInfinity, double.PositiveInfinity,
                Tone.Vermilion)
            {
                Opacity = 0.09,
            });
        }

        foreach (ReportPhase phase in findings.Clock.Phases.Where(p =>
            RunClock.IsShown(p.Name) && p.Start > X.Min))
        {
            marks.Add(new RuleMark(false, phase.Start, Tone.Muted) { Dashed = false, Opacity = 0.5 });
        }

        return marks;
    }

    /// <summary>A panel that names phases and faults: one row each.</summary>
    public Panel Lane()
    {
        FaultSpan[] faults = [.. findings.Faults.Take(MaxFaultRows)];
        int rows = faults.Length + 1;
        List<Mark> marks = [.. Background().OfType<RuleMark>()];
        foreach (ReportPhase phase in findings.Clock.Phases.Where(p => RunClock.IsShown(p.Name)))
        {
            double start = Math.Max(phase.Start, X.Min);
            double end = Math.Min(phase.End, X.Max);
            if (Fits(phase.Name, end - start))
            {
                marks.Add(new TextMark((start + end) / 2, rows - 0.5, phase.Name, Tone.Muted,
                    Anchor.Centre));
            }
        }

        for (int i = 0; i < faults.Length; i++)
        {
            AddFault(marks, faults[i], rows - 1.5 - i);
        }

        int hidden = findings.Faults.Count - faults.Length;
        return new Panel
        {
            Title = hidden > 0 ? $"Phases and faults (first {faults.Length} of {findings.Faults.Count})"
                : "Phases and faults",
            X = X,
            Y = new Axis("", 0, rows, []) { Grid = false },
            Height = 19 * rows,
            Marks = marks,
        };
    }

    private void AddFault(List<Mark> marks, FaultSpan fault, double y)
    {
        string label = ChartNames.FaultLabel(fault);
        marks.Add(new BoxMark(fault.Start, fault.End, y - 0.38, y + 0.38,
            Tone.Vermilion) { Opacity = 0.28 });
        double middle = (fault.Start + fault.End) / 2;
        if (Fits(label, fault.End - fault.Start))
        {
            marks.Add(new TextMark(middle, y, label, Tone.Ink, Anchor.Centre));
        }
        else if (middle < (X.Min + X.Max) / 2)
        {
            marks.Add(new TextMark(fault.End + Pixels(6), y, label, Tone.Ink, Anchor.Left));
        }
        else
        {
            marks.Add(new TextMark(fault.Start - Pixels(6), y, label, Tone.Ink, Anchor.Right));
        }
    }

    private bool Fits(string text, double seconds) => Pixels((text.Length * 6.2) + 6) <= seconds;

    /// <summary>Seconds that so many CSS pixels are.</summary>
    private double Pixels(double pixels) => pixels * (X.Max - X.Min) / (Figure.Width - 100);

    private static double First(Findings findings) =>
        findings.Reads.Seconds.Concat(findings.Writes.Seconds).DefaultIfEmpty(0).Min();

    private static double Last(Findings findings) =>
        findings.Reads.Seconds.Concat(findings.Writes.Seconds).DefaultIfEmpty(1).Max() + 0.1;
}
