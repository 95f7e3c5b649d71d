using ScottPlot;

namespace Testbed.Reports;

/// <summary>Draws marks with the plotting library.</summary>
internal static class PngMarks
{
    /// <summary>Adds a mark to a plot.</summary>
    public static void Add(Plot plot, Mark mark, Panel panel)
    {
        switch (mark)
        {
            case LineMark line:
                Line(plot, line);
                break;
            case BoxMark box:
                Box(plot, box, panel);
                break;
            case RuleMark rule:
                Rule(plot, rule);
                break;
            case WhiskerMark whisker:
                Whisker(plot, whisker, panel);
                break;
            case TextMark text:
                Text(plot, text);
                break;
            default:
                throw new InvalidOperationException($"no way to draw {mark.GetType().Name}");
        }
    }

    private static void Line(Plot plot, LineMark line)
    {
        int start = 0;
        for (int i = 0; i <= line.Xs.Count; i++)
        {
            if (i < line.Xs.Count && !double.IsNaN(line.Ys[i]))
            {
                continue;
            }

            if (i > start)
            {
                Stroke(plot, line, start, i);
            }

            start = i + 1;
        }
    }

    private static void Stroke(Plot plot, LineMark line, int start, int end)
    {
        double[] xs = [.. line.Xs.Skip(start).Take(end - start)];
        double[] ys = [.. line.Ys.Skip(start).Take(end - start)];
        Color color = PngRenderer.PlotColor(line.Tone, line.Opacity);
        ScottPlot.Plottables.Scatter scatter = plot.Add.Scatter(xs, ys, color);
        scatter.LineWidth = (float)line.Width;
        scatter.LinePattern = line.Dashed ? LinePattern.Dashed : LinePattern.Solid;
        // A lone sample between two gaps has no line; it must not vanish.
        scatter.MarkerSize = line.DotRadius > 0 ? (float)line.DotRadius * 2
            : xs.Length == 1 ? (float)line.Width * 1.8f : 0;
    }

    private static void Box(Plot plot, BoxMark box, Panel panel)
    {
        double x1 = Math.Clamp(box.X1, panel.X.Min, panel.X.Max);
        double x2 = Math.Clamp(box.X2, panel.X.Min, panel.X.Max);
        double y1 = Math.Clamp(box.Y1, panel.Y.Min, panel.Y.Max);
        double y2 = Math.Clamp(box.Y2, panel.Y.Min, panel.Y.Max);
        if (x2 <= x1 || y2 <= y1)
        {
            return;
        }

        ScottPlot.Plottables.Rectangle rectangle = plot.Add.Rectangle(x1, x2, y1, y2);
        rectangle.FillColor = PngRenderer.PlotColor(box.Tone, box.Opacity);
        rectangle.LineWidth = 0;
    }

    private static void Rule(Plot plot, RuleMark rule)
    {
        ScottPlot.Plottables.AxisLine line = rule.Horizontal
            ? plot.Add.HorizontalLine(rule.Value)
            : plot.Add.VerticalLine(rule.Value);
        line.Color = PngRenderer.PlotColor(rule.Tone, rule.Opacity);
        line.LineWidth = (float)rule.Width;
        line.LinePattern = rule.Dashed ? LinePattern.Dashed : LinePattern.Solid;
        line.LabelText = "";
    }

    private static void Whisker(Plot plot, WhiskerMark whisker, Panel panel)
    {
        double low = Math.Clamp(whisker.Low, panel.X.Min, panel.X.Max);
        double high = Math.Clamp(whisker.High, panel.X.Min, panel.X.Max);
        Color color = PngRenderer.PlotColor(whisker.Tone, whisker.Opacity);
        if (high > low)
        {
            ScottPlot.Plottables.LinePlot line = plot.Add.Line(low, whisker.Y, high, whisker.Y);
            line.Color = color;
            line.LineWidth = 2.5f;
        }

        ScottPlot.Plottables.Marker dot = plot.Add.Marker(whisker.Middle, whisker.Y);
        dot.Color = color;
        dot.Size = 9;
    }

    private static void Text(Plot plot, TextMark mark)
    {
        ScottPlot.Plottables.Text text = plot.Add.Text(mark.Text, mark.X, mark.Y);
        text.LabelFontName = ReportFont.Family;
        text.LabelFontSize = (float)mark.Size;
        text.LabelBold = mark.Bold;
        text.LabelFontColor = PngRenderer.PlotColor(mark.Tone, mark.Opacity);
        text.LabelAlignment = mark.Anchor switch
        {
            Anchor.Left => Alignment.MiddleLeft,
            Anchor.Right => Alignment.MiddleRight,
            Anchor.Above => Alignment.LowerCenter,
            _ => Alignment.MiddleCenter,
        };
    }
}
