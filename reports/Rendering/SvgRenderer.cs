using System.Globalization;
using System.Net;
using System.Text;

namespace Testbed.Reports;

/// <summary>
/// Draws figures as inline SVG for the page: colours are the page's variables, so that dark mode works, and
/// lines are thinned to what a screen shows.
/// </summary>
internal sealed class SvgRenderer
{
    /// <summary>
    /// Points of one line at most, and of all lines of a figure: about 55 kB of markup per figure.
    /// </summary>
    private const int MaxPointsOfLine = 700;
    private const int MaxPointsOfFigure = 4_400;

    private readonly StringBuilder svg = new();
    private readonly string id;
    private readonly int pointsPerLine;
    private int clips;

    private SvgRenderer(Figure figure)
    {
        id = figure.Name;
        int lines = figure.Panels.Sum(p => p.Marks.OfType<LineMark>().Count());
        pointsPerLine = Math.Clamp(MaxPointsOfFigure / Math.Max(1, lines), 32, MaxPointsOfLine);
    }

    /// <summary>The figure as an SVG element, without its title: the page carries that.</summary>
    public static string Render(Figure figure)
    {
        SvgRenderer renderer = new(figure);
        FigureLayout layout = FigureLayout.Of(figure, withTitle: false);
        renderer.svg.Append(CultureInfo.InvariantCulture,
            $"<svg viewBox=\"0 0 {Figure.Width} {layout.Height:0}\" role=\"img\" aria-label=\"{Encode(figure.Title)}\">");
        foreach (PlacedPanel placed in layout.Panels)
        {
            renderer.Panel(placed);
        }

        return renderer.svg.Append("</svg>").ToString();
    }

    private void Panel(PlacedPanel placed)
    {
        Panel panel = placed.Panel;
        double first = placed.Header.Top + FigureLayout.HeaderHeight - FigureLayout.LegendLift;
        Text(panel.Title, placed.Header.Left, first, 13, Tone.Ink, "start", true);
        Legend(placed, placed.Header.Bottom - FigureLayout.LegendLift);
        Rect area = placed.Data;
        if (panel.Empty is not null)
        {
            Frame(area);
            Text(panel.Empty, (area.Left + area.Right) / 2, (area.Top + area.Bottom) / 2 + 4, 14, Tone.Muted,
                "middle", false);
            if (placed.XLabels)
            {
                XAxis(placed);
            }

            return;
        }

        Grid(placed);
        int clip = clips++;
        svg.Append(CultureInfo.InvariantCulture,
            $"<clipPath id=\"{id}-{clip}\"><rect x=\"{F(area.Left)}\" y=\"{F(area.Top)}\" ")
            .Append(CultureInfo.InvariantCulture,
                $"width=\"{F(area.Width)}\" height=\"{F(area.Height)}\"/></clipPath>")
            .Append(CultureInfo.InvariantCulture, $"<g clip-path=\"url(#{id}-{clip})\">");
        foreach (Mark mark in panel.Marks)
        {
            Draw(mark, placed);
        }

        svg.Append("</g>");
        Frame(area);
        XAxis(placed);
        YAxis(placed);
    }

    private void Draw(Mark mark, PlacedPanel placed)
    {
        switch (mark)
        {
            case LineMark line:
                Line(line, placed);
                break;
            case BoxMark box:
                Box(box, placed);
                break;
            case RuleMark { Horizontal: true } rule:
                Stroke(placed.Data.Left, Y(placed, rule.Value), placed.Data.Right, Y(placed, rule.Value),
                    rule.Tone, rule.Width, rule.Dashed, rule.Opacity);
                break;
            case RuleMark rule:
                Stroke(X(placed, rule.Value), placed.Data.Top, X(placed, rule.Value), placed.Data.Bottom,
                    rule.Tone, rule.Width, rule.Dashed, rule.Opacity);
                break;
            case WhiskerMark whisker:
                double y = Y(placed, whisker.Y);
                Stroke(X(placed, whisker.Low), y, X(placed, whisker.High), y, whisker.Tone, 2.5, false, 1);
                Dot(X(placed, whisker.Middle), y, 4.5, whisker.Tone, 1);
                break;
            case TextMark text:
                string anchor = text.Anchor switch { Anchor.Left => "start", Anchor.Right => "end", _ =>
                    "middle" };
                double lift = text.Anchor == Anchor.Above ? -3 : text.Size * 0.36;
                Text(text.Text, X(placed, text.X), Y(placed, text.Y) + lift, text.Size, text.Tone, anchor,
                    text.Bold);
                break;
            default:
                throw new InvalidOperationException($"no way to draw {mark.GetType().Name}");
        }
    }

    private void Line(LineMark line, PlacedPanel placed)
    {
        (IReadOnlyList<double> xs, IReadOnlyList<double> ys) =
            Decimation.MinMax(line.Xs, line.Ys, pointsPerLine);
        svg.Append("<path d=\"");
        bool pen = false;
        for (int i = 0; i < xs.Count; i++)
        {
            if (double.IsNaN(ys[i]))
            {
                pen = false;
                continue;
            }

            svg.Append(pen ? 'L' : 'M').Append(F(X(placed, xs[i]))).Append(' ').Append(F(Y(placed, ys[i])));
            // A lone sample between two gaps: a line of no length, drawn as a dot by the round caps.
            bool alone = !pen && (i + 1 == xs.Count || double.IsNaN(ys[i + 1]));
            svg.Append(alone ? "h0" : "");
            pen = true;
        }

        svg.Append(CultureInfo.InvariantCulture,
            $"\" class=\"l\" stroke=\"var(--{Var(line.Tone)})\" stroke-width=\"{F(line.Width)}\"{Dash(line.Dashed)}{Opacity(line.Opacity, "stroke-")}/>");
        for (int i = 0; line.DotRadius > 0 && i < xs.Count; i++)
        {
            if (!double.IsNaN(ys[i]))
            {
                Dot(X(placed, xs[i]), Y(placed, ys[i]), line.DotRadius, line.Tone, line.Opacity);
            }
        }
    }

    private void Dot(double x, double y, double radius, Tone tone, double opacity) =>
        svg.Append(CultureInfo.InvariantCulture,
            $"<circle cx=\"{F(x)}\" cy=\"{F(y)}\" r=\"{F(radius)}\" fill=\"var(--{Var(tone)})\"{Opacity(opacity, "")}/>");

    private void Box(BoxMark box, PlacedPanel placed)
    {
        Panel panel = placed.Panel;
        double left = X(placed, Math.Clamp(box.X1, panel.X.Min, panel.X.Max));
        double right = X(placed, Math.Clamp(box.X2, panel.X.Min, panel.X.Max));
        double top = Y(placed, Math.Clamp(box.Y2, panel.Y.Min, panel.Y.Max));
        double bottom = Y(placed, Math.Clamp(box.Y1, panel.Y.Min, panel.Y.Max));
        if (right > left && bottom > top)
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<rect x=\"{F(left)}\" y=\"{F(top)}\" width=\"{F(right - left)}\" ")
                .Append(CultureInfo.InvariantCulture,
                    $"height=\"{F(bottom - top)}\" fill=\"var(--{Var(box.Tone)})\"{Opacity(box.Opacity, "")}")
                .Append(box.Hint is { } hint ? $"><title>{Encode(hint)}</title></rect>" : "/>");
        }
    }

    private void Grid(PlacedPanel placed)
    {
        svg.Append("<path class=\"g\" d=\"");
        foreach (Tick tick in placed.Panel.X.Grid ? placed.Panel.X.Ticks : [])
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"M{F(X(placed, tick.Position))} {F(placed.Data.Top)}V{F(placed.Data.Bottom)}");
        }

        foreach (Tick tick in placed.Panel.Y.Grid ? placed.Panel.Y.Ticks : [])
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"M{F(placed.Data.Left)} {F(Y(placed, tick.Position))}H{F(placed.Data.Right)}");
        }

        svg.Append("\"/>");
    }

    private void Frame(Rect area) => svg.Append(CultureInfo.InvariantCulture,
        $"<path class=\"f\" d=\"M{F(area.Left)} {F(area.Top)}V{F(area.Bottom)}H{F(area.Right)}\"/>");

    private void XAxis(PlacedPanel placed)
    {
        if (!placed.XLabels)
        {
            return;
        }

        foreach (Tick tick in placed.Panel.X.Ticks)
        {
            Text(tick.Label, X(placed, tick.Position), placed.Data.Bottom + 16, 11, Tone.Ink, "middle",
                false);
        }

        Text(placed.Panel.X.Label, (placed.Data.Left + placed.Data.Right) / 2, placed.Data.Bottom + 36, 12,
            Tone.Muted, "middle", false);
    }

    private void YAxis(PlacedPanel placed)
    {
        foreach (Tick tick in placed.Panel.Y.Ticks)
        {
            Text(tick.Label, placed.Data.Left - 7, Y(placed, tick.Position) + 4, 11, Tone.Ink, "end", false);
        }

        if (placed.Panel.Y.Label.Length > 0)
        {
            double x = placed.Data.Left - placed.Panel.LeftPadding + 16;
            double y = (placed.Data.Top + placed.Data.Bottom) / 2;
            svg.Append(CultureInfo.InvariantCulture,
                $"<text transform=\"translate({F(x)} {F(y)})rotate(-90)\" font-size=\"12\" ")
                .Append(CultureInfo.InvariantCulture,
                    $"text-anchor=\"middle\" fill=\"var(--muted)\">{Encode(placed.Panel.Y.Label)}</text>");
        }
    }

    /// <summary>
    /// One right-aligned text in which the swatches are characters: the browser's font is unknown here, and
    /// so the browser does the spacing.
    /// </summary>
    private void Legend(PlacedPanel placed, double baseline)
    {
        if (placed.Panel.Legend.Count == 0)
        {
            return;
        }

        svg.Append(CultureInfo.InvariantCulture,
            $"<text x=\"{F(placed.Header.Right)}\" y=\"{F(baseline)}\" font-size=\"12\" ")
            .Append("text-anchor=\"end\" fill=\"var(--muted)\">");
        string gap = "";
        foreach (LegendEntry entry in placed.Panel.Legend)
        {
            string swatch = entry.Shape switch { LegendShape.Box => "\u25a0", LegendShape.Dashed =>
                "\u254c\u254c", LegendShape.Dot => "\u25cf", _ => "\u2501\u2501" };
            string pale = entry.Shape == LegendShape.Pale ? " fill-opacity=\"0.5\"" : "";
            svg.Append(gap).Append(CultureInfo.InvariantCulture,
                $"<tspan fill=\"var(--{Var(entry.Tone)})\"{pale}>{swatch}</tspan>")
                .Append('\u00a0').Append(Encode(entry.Label));
            gap = "\u00a0\u00a0\u00a0 ";
        }

        svg.Append("</text>");
    }

    private void Stroke(double x1, double y1, double x2, double y2, Tone tone, double width, bool dashed,
        double opacity) =>
        svg.Append(CultureInfo.InvariantCulture,
            $"<path d=\"M{F(x1)} {F(y1)}L{F(x2)} {F(y2)}\" stroke=\"var(--{Var(tone)})\" ")
            .Append(CultureInfo.InvariantCulture,
                $"stroke-width=\"{F(width)}\"{Dash(dashed)}{Opacity(opacity, "stroke-")}/>");

    private void Text(string text, double x, double y, double size, Tone tone, string anchor, bool bold) =>
        svg.Append(CultureInfo.InvariantCulture,
            $"<text x=\"{F(x)}\" y=\"{F(y)}\" font-size=\"{F(size)}\" text-anchor=\"{anchor}\" ")
            .Append(CultureInfo.InvariantCulture,
                $"fill=\"var(--{Var(tone)})\"{(bold ? " font-weight=\"600\"" : "")}>{Encode(text)}</text>");

    private static double X(PlacedPanel p, double value) =>
        p.Data.Left + ((value - p.Panel.X.Min) / (p.Panel.X.Max - p.Panel.X.Min) * p.Data.Width);

    private static double Y(PlacedPanel p, double value) =>
        p.Data.Bottom - ((value - p.Panel.Y.Min) / (p.Panel.Y.Max - p.Panel.Y.Min) * p.Data.Height);

    private static string Dash(bool dashed) => dashed ? " stroke-dasharray=\"5 3\"" : "";

    private static string Opacity(double opacity, string prefix) =>
        opacity >= 1 ? "" : string.Create(
            CultureInfo.InvariantCulture, $" {prefix}opacity=\"{opacity:0.##}\"");

    private static string F(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    private static string Var(Tone tone) => tone.ToString().ToLowerInvariant();

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
