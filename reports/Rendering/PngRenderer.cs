using ScottPlot;
using ScottPlot.TickGenerators;
using SkiaSharp;

namespace Testbed.Reports;

/// <summary>
/// Draws figures as PNG, headless: axes and data by ScottPlot, titles and legends around them by Skia.
/// </summary>
internal static class PngRenderer
{
    /// <summary>Device pixels per CSS pixel.</summary>
    public const int Scale = 2;

    private const float RightOfData = 20;
    private const float AboveData = 8;

    /// <summary>Writes the figure into the folder as <c>name.png</c>; returns the path.</summary>
    public static string Write(Figure figure, string folder)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, figure.Name + ".png");
        File.WriteAllBytes(path, Render(figure));
        return path;
    }

    /// <summary>The PNG's bytes.</summary>
    public static byte[] Render(Figure figure)
    {
        FigureLayout layout = FigureLayout.Of(figure, withTitle: true);
        SKImageInfo info = new(Figure.Width * Scale, (int)Math.Ceiling(layout.Height) * Scale);
        using SKSurface surface = SKSurface.Create(info);
        SKCanvas canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        canvas.Scale(Scale);
        double room = Figure.Width - (2 * FigureLayout.Margin);
        Text(canvas, figure.Title, FigureLayout.Margin, FigureLayout.TitleBaseline,
            FitSize(figure.Title, 19, room, true), Tone.Ink, true);
        Text(canvas, figure.Subtitle, FigureLayout.Margin, FigureLayout.SubtitleBaseline,
            FitSize(figure.Subtitle, 12.5, room, false), Tone.Muted, false);
        foreach (PlacedPanel placed in layout.Panels)
        {
            Body(canvas, placed);
            Header(canvas, placed);
        }

        using SKImage image = surface.Snapshot();
        using SKData data = image.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    private static void Header(SKCanvas canvas, PlacedPanel placed)
    {
        double baseline = placed.Header.Bottom - FigureLayout.LegendLift;
        double first = placed.Header.Top + FigureLayout.HeaderHeight - FigureLayout.LegendLift;
        Text(canvas, placed.Panel.Title, placed.Header.Left, first, 13, Tone.Ink, true);
        using SKFont font = ReportFont.Of(12, false);
        double x = placed.Header.Right;
        foreach (LegendEntry entry in placed.Panel.Legend.Reverse())
        {
            x -= font.MeasureText(entry.Label);
            Text(canvas, entry.Label, x, baseline, 12, Tone.Muted, false);
            x -= 26;
            Swatch(canvas, entry, x, baseline - 4.5);
            x -= 14;
        }
    }

    private static void Swatch(SKCanvas canvas, LegendEntry entry, double x, double y)
    {
        using SKPaint paint = new() { Color = Color(entry.Tone, 1), IsAntialias = true };
        if (entry.Shape == LegendShape.Box)
        {
            canvas.DrawRect((float)x + 6, (float)y - 5, 12, 10, paint);
            return;
        }

        if (entry.Shape == LegendShape.Dot)
        {
            canvas.DrawCircle((float)x + 12, (float)y, 4.5f, paint);
            return;
        }

        paint.Style = SKPaintStyle.Stroke;
        paint.StrokeWidth = 2.2f;
        paint.Color = Color(entry.Tone, entry.Shape == LegendShape.Pale ? 0.45 : 1);
        using SKPathEffect? dash = entry.Shape == LegendShape.Dashed ? SKPathEffect.CreateDash([5, 3], 0)
            : null;
        paint.PathEffect = dash;
        canvas.DrawLine((float)x, (float)y, (float)x + 20, (float)y, paint);
    }

    private static void Body(SKCanvas canvas, PlacedPanel placed)
    {
        Panel panel = placed.Panel;
        using Plot plot = new();
        plot.Font.Set(ReportFont.Family);
        plot.FigureBackground.Color = ScottPlot.Colors.White;
        plot.DataBackground.Color = ScottPlot.Colors.Transparent;
        plot.HideLegend();
        plot.Axes.Remove(Edge.Right);
        plot.Axes.Remove(Edge.Top);
        plot.Axes.FrameColor(PlotColor(Tone.Muted, 0.6));
        SetAxis(plot.Axes.Bottom, panel.X, placed.XLabels);
        SetAxis(plot.Axes.Left, panel.Empty is null ? panel.Y : panel.Y with { Ticks = [], Minor = [] },
            true);
        plot.Grid.MajorLineColor = PlotColor(Tone.Muted, 0.18);
        plot.Grid.XAxisStyle.IsVisible = panel.X.Grid;
        plot.Grid.YAxisStyle.IsVisible = panel.Y.Grid;
        if (panel.Empty is null)
        {
            foreach (Mark mark in panel.Marks)
            {
                PngMarks.Add(plot, mark, panel);
            }
        }

        plot.Axes.SetLimits(panel.X.Min, panel.X.Max, panel.Y.Min, panel.Y.Max);
        double below = placed.XLabels ? 46 : 4;
        SKRect room = new(
            (float)placed.Data.Left - panel.LeftPadding, (float)placed.Data.Top - AboveData,
            (float)placed.Data.Right + RightOfData, (float)(placed.Data.Bottom + below));
        plot.Layout.Fixed(new PixelPadding(panel.LeftPadding, RightOfData, (float)below, AboveData));
        // The plotting library clears the canvas first; the clip keeps it to this panel.
        canvas.Save();
        canvas.ClipRect(room);
        plot.Render(canvas, new PixelRect(room.Left, room.Right, room.Bottom, room.Top));
        canvas.Restore();
        AxisLabels(canvas, placed);
        if (panel.Empty is not null)
        {
            using SKFont font = ReportFont.Of(14, false);
            double x = (placed.Data.Left + placed.Data.Right - font.MeasureText(panel.Empty)) / 2;
            Text(canvas, panel.Empty, x, (placed.Data.Top + placed.Data.Bottom) / 2, 14, Tone.Muted, false);
        }
    }

    private static void AxisLabels(SKCanvas canvas, PlacedPanel placed)
    {
        using SKFont font = ReportFont.Of(12, false);
        Rect area = placed.Data;
        if (placed.XLabels)
        {
            string label = placed.Panel.X.Label;
            Text(canvas, label, (area.Left + area.Right - font.MeasureText(label)) / 2, area.Bottom + 37, 12,
                Tone.Muted, false);
        }

        if (placed.Panel.Empty is not null)
        {
            return;
        }

        canvas.Save();
        canvas.Translate((float)area.Left - placed.Panel.LeftPadding + 22,
            (float)(area.Top + area.Bottom) / 2);
        canvas.RotateDegrees(-90);
        Text(canvas, placed.Panel.Y.Label, -font.MeasureText(placed.Panel.Y.Label) / 2, 0, 12, Tone.Muted,
            false);
        canvas.Restore();
    }

    private static void SetAxis(IAxis axis, Axis wanted, bool labels)
    {
        NumericManual ticks = new();
        foreach (Tick tick in wanted.Ticks)
        {
            ticks.AddMajor(tick.Position, labels ? tick.Label : "");
        }

        foreach (double minor in wanted.Minor)
        {
            ticks.AddMinor(minor);
        }

        axis.TickGenerator = ticks;
        axis.TickLabelStyle.FontName = ReportFont.Family;
        axis.TickLabelStyle.FontSize = 11.5f;
        axis.TickLabelStyle.ForeColor = PlotColor(Tone.Ink, 0.85);
        axis.MajorTickStyle.Length = labels ? 4 : 0;
        axis.MinorTickStyle.Length = labels ? 2 : 0;
        axis.MajorTickStyle.Color = PlotColor(Tone.Muted, 0.7);
        axis.MinorTickStyle.Color = PlotColor(Tone.Muted, 0.5);
        axis.Label.Text = "";
    }

    /// <summary>The size wanted, or smaller when the text would leave the page.</summary>
    private static double FitSize(string text, double size, double room, bool bold)
    {
        using SKFont font = ReportFont.Of(size, bold);
        double width = font.MeasureText(text);
        return width <= room ? size : Math.Max(9, size * room / width);
    }

    private static void Text(
        SKCanvas canvas, string text, double x, double y, double size, Tone tone, bool bold)
    {
        using SKFont font = ReportFont.Of(size, bold);
        using SKPaint paint = new() { Color = Color(tone, 1), IsAntialias = true };
        canvas.DrawText(text, (float)x, (float)y, SKTextAlign.Left, font, paint);
    }

    private static SKColor Color(Tone tone, double opacity) =>
        SKColor.Parse(Palette.Light(tone)).WithAlpha((byte)Math.Round(opacity * 255));

    /// <summary>A tone for the plotting library.</summary>
    internal static ScottPlot.Color PlotColor(Tone tone, double opacity) =>
        ScottPlot.Color.FromHex(Palette.Light(tone)).WithAlpha(opacity);
}
