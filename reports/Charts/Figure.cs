namespace Testbed.Reports;

/// <summary>
/// A chart as data: what to draw, in axis coordinates, before anyone draws it. The PNG and the SVG in the
/// page come from the same figure, so they cannot tell two stories.
/// </summary>
/// <param name="Name">File name without extension.</param>
/// <param name="Title">The finding, as a sentence.</param>
/// <param name="Subtitle">What is shown, and of which run.</param>
/// <param name="Panels">In reading order.</param>
/// <param name="Columns">Panels side by side.</param>
internal sealed record Figure(
    string Name, string Title, string Subtitle, IReadOnlyList<Panel> Panels, int Columns = 1)
{
    /// <summary>Width in CSS pixels; PNGs have twice as many.</summary>
    public const int Width = 1080;
}

/// <summary>One coordinate system.</summary>
internal sealed record Panel
{
    /// <summary>What this panel shows.</summary>
    public required string Title { get; init; }

    /// <summary>Horizontal axis.</summary>
    public required Axis X { get; init; }

    /// <summary>Vertical axis.</summary>
    public required Axis Y { get; init; }

    /// <summary>Height of the plotting area in CSS pixels.</summary>
    public int Height { get; init; } = 150;

    /// <summary>Back to front.</summary>
    public IReadOnlyList<Mark> Marks { get; init; } = [];

    /// <summary>Legend, drawn above the plotting area so that it never covers data.</summary>
    public IReadOnlyList<LegendEntry> Legend { get; init; } = [];

    /// <summary>Said instead of drawing when there is nothing to draw.</summary>
    public string? Empty { get; init; }

    /// <summary>Width of the room left of the axis; ratio charts have long names there.</summary>
    public int LeftPadding { get; init; } = 78;
}

/// <summary>A legend entry.</summary>
internal sealed record LegendEntry(string Label, Tone Tone, LegendShape Shape = LegendShape.Line);

/// <summary>How a legend entry looks.</summary>
internal enum LegendShape
{
    /// <summary>A solid line.</summary>
    Line,

    /// <summary>A dashed line.</summary>
    Dashed,

    /// <summary>A filled box.</summary>
    Box,

    /// <summary>A pale line.</summary>
    Pale,

    /// <summary>A dot.</summary>
    Dot,
}

/// <summary>
/// An axis; values of marks are already in its coordinates (log axes: decimal logarithms).
/// </summary>
internal sealed record Axis(string Label, double Min, double Max, IReadOnlyList<Tick> Ticks)
{
    /// <summary>Positions of unlabelled ticks.</summary>
    public IReadOnlyList<double> Minor { get; init; } = [];

    /// <summary>Grid lines at the ticks.</summary>
    public bool Grid { get; init; } = true;
}

/// <summary>A labelled tick.</summary>
internal readonly record struct Tick(double Position, string Label);

/// <summary>Something drawn in a panel.</summary>
internal abstract record Mark(Tone Tone)
{
    /// <summary>0 to 1.</summary>
    public double Opacity { get; init; } = 1;

    /// <summary>Said when the pointer rests on it, in the page only; boxes have it.</summary>
    public string? Hint { get; init; }
}

/// <summary>A line through points; NaN breaks it.</summary>
internal sealed record LineMark(IReadOnlyList<double> Xs, IReadOnlyList<double> Ys, Tone Tone) : Mark(Tone)
{
    /// <summary>Stroke width in CSS pixels.</summary>
    public double Width { get; init; } = 1.6;

    /// <summary>Dashed.</summary>
    public bool Dashed { get; init; }

    /// <summary>Radius of a dot at every point, in CSS pixels; 0: none.</summary>
    public double DotRadius { get; init; }
}

/// <summary>A filled rectangle; infinite ends reach the axis limits.</summary>
internal sealed record BoxMark(double X1, double X2, double Y1, double Y2, Tone Tone) : Mark(Tone);

/// <summary>A straight line at a value, across the panel.</summary>
internal sealed record RuleMark(bool Horizontal, double Value, Tone Tone) : Mark(Tone)
{
    /// <summary>Dashed.</summary>
    public bool Dashed { get; init; } = true;

    /// <summary>Stroke width in CSS pixels.</summary>
    public double Width { get; init; } = 1;
}

/// <summary>A horizontal whisker from low to high with a dot at the middle.</summary>
internal sealed record WhiskerMark(double Low, double Middle, double High, double Y, Tone Tone) : Mark(Tone);

/// <summary>A short text.</summary>
internal sealed record TextMark(double X, double Y, string Text, Tone Tone, Anchor Anchor) : Mark(Tone)
{
    /// <summary>In CSS pixels.</summary>
    public double Size { get; init; } = 11;

    /// <summary>Semi-bold.</summary>
    public bool Bold { get; init; }
}

/// <summary>Which point of a text its position means.</summary>
internal enum Anchor
{
    /// <summary>Left edge, vertically centred.</summary>
    Left,

    /// <summary>Centre.</summary>
    Centre,

    /// <summary>Right edge, vertically centred.</summary>
    Right,

    /// <summary>Bottom centre: the text stands above the point.</summary>
    Above,
}
