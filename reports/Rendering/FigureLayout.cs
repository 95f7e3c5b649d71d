namespace Testbed.Reports;

/// <summary>A rectangle in CSS pixels.</summary>
internal readonly record struct Rect(double Left, double Top, double Right, double Bottom)
{
    /// <summary>Width.</summary>
    public double Width => Right - Left;

    /// <summary>Height.</summary>
    public double Height => Bottom - Top;
}

/// <summary>Where the parts of one panel go.</summary>
/// <param name="Panel">The panel.</param>
/// <param name="Header">Title and legend.</param>
/// <param name="Data">The plotting area.</param>
/// <param name="XLabels">False when a panel below on the same axis carries the labels.</param>
internal sealed record PlacedPanel(Panel Panel, Rect Header, Rect Data, bool XLabels);

/// <summary>Places title, panels and legends; shared by the PNG and the SVG.</summary>
internal sealed record FigureLayout(double Height, IReadOnlyList<PlacedPanel> Panels)
{
    /// <summary>Baseline of the title.</summary>
    public const double TitleBaseline = 30;

    /// <summary>Baseline of the subtitle.</summary>
    public const double SubtitleBaseline = 51;

    /// <summary>Left edge of titles.</summary>
    public const double Margin = 18;

    /// <summary>Height of a panel's title and legend.</summary>
    public const double HeaderHeight = 26;

    /// <summary>Baseline of the legend, above the plotting area.</summary>
    public const double LegendLift = 9;

    private const double SecondLine = 19;

    private const double TopWithTitle = 66;
    private const double RightPadding = 26;
    private const double AxisHeight = 46;
    private const double GapWithoutLabels = 8;

    /// <summary>Places a figure; without a title when the page around it carries that.</summary>
    public static FigureLayout Of(Figure figure, bool withTitle)
    {
        double top = withTitle ? TopWithTitle : 4;
        double columnWidth = (double)Figure.Width / figure.Columns;
        List<PlacedPanel> placed = [];
        for (int first = 0; first < figure.Panels.Count; first += figure.Columns)
        {
            Panel[] row = [.. figure.Panels.Skip(first).Take(figure.Columns)];
            double height = row.Max(p => p.Height);
            double header = HeaderHeight + (row.Any(p => Crowded(p, columnWidth)) ? SecondLine : 0);
            bool labels = figure.Columns > 1 || !SharesAxisWithNext(figure, first);
            for (int i = 0; i < row.Length; i++)
            {
                double left = i * columnWidth;
                double right = left + columnWidth;
                double data = top + header;
                placed.Add(new PlacedPanel(
                    row[i],
                    new Rect(left + Margin, top, right - RightPadding, data),
                    new Rect(left + row[i].LeftPadding, data, right - RightPadding, data + height),
                    labels));
            }

            top += header + height + (labels ? AxisHeight : GapWithoutLabels);
        }

        return new FigureLayout(top + 6, placed);
    }

    /// <summary>
    /// Title and legend do not fit on one line, by widths that are generous for any sans-serif font.
    /// </summary>
    private static bool Crowded(Panel panel, double columnWidth) =>
        (panel.Title.Length * 7.8)
            + panel.Legend.Sum(e => (e.Label.Length * 6.9) + 36) > columnWidth - Margin - RightPadding;

    private static bool SharesAxisWithNext(Figure figure, int index) =>
        index + 1 < figure.Panels.Count
            && ReferenceEquals(figure.Panels[index].X, figure.Panels[index + 1].X);
}
