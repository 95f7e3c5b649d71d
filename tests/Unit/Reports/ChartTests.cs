using System.Xml.Linq;
using SkiaSharp;
using Testbed.Reports;

namespace Testbed.Tests.Unit.Reports;

public class ChartTests
{
    public static TheoryData<string> Shapes =>
        ["two kills", "read only", "write only", "nothing", "not healed"];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_figure_of_every_shape_of_run_draws_as_svg_without_nonsense(string shape)
    {
        foreach (Figure figure in RunReport.Figures(new Findings(Run(shape))))
        {
            string svg = SvgRenderer.Render(figure);

            XElement root = XElement.Parse(svg);
            Assert.Equal("svg", root.Name.LocalName);
            Assert.DoesNotContain("NaN", svg, StringComparison.Ordinal);
            Assert.DoesNotContain("Infinity", svg, StringComparison.Ordinal);
            Assert.DoesNotContain("\u221e", svg, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("two kills")]
    [InlineData("nothing")]
    public void Every_panel_of_a_png_has_its_title_and_something_drawn(string shape)
    {
        foreach (Figure figure in RunReport.Figures(new Findings(Run(shape))))
        {
            using SKBitmap bitmap = SKBitmap.Decode(PngRenderer.Render(figure));

            Assert.Equal(Figure.Width * PngRenderer.Scale, bitmap.Width);
            foreach (PlacedPanel placed in FigureLayout.Of(figure, withTitle: true).Panels)
            {
                Assert.True(Marked(bitmap, placed.Header) > 50,
                    $"{figure.Name}: header of {placed.Panel.Title}");
                Assert.True(Marked(bitmap, placed.Data) > 200, $"{figure.Name}: {placed.Panel.Title}");
            }
        }
    }

    [Fact]
    public void An_absent_kind_of_operation_is_said_and_not_drawn()
    {
        Figure spectrum = LatencySpectrumChart.Build(new Findings(Run("read only")));

        Assert.Equal("no writes in this workload", spectrum.Panels[1].Empty);
        Assert.Equal("No operation was measured", TimelineChart.Build(new Findings(Run("nothing"))).Title);
    }

    [Fact]
    public void The_title_of_the_timeline_is_its_finding()
    {
        Figure quiet = TimelineChart.Build(new Findings(new FakeRun().Build()));
        Figure gap = TimelineChart.Build(new Findings(new FakeRun { Gap = true }.Build()));

        Assert.Matches("offered; 2 nodes down for a while; longest stall from the first fault on: reads [0-9.]+ ms, writes [0-9.]+ ms$",
            quiet.Title);
        Assert.EndsWith(", writes 800 ms", gap.Title, StringComparison.Ordinal);
    }

    [Fact]
    public void The_mean_of_goodput_does_not_reach_across_an_outage()
    {
        Findings findings = new(new FakeRun { Gap = true, WriteShare = 0.5 }.Build());

        double[] mean = TimelineChart.GoodputMean(findings.Writes, findings);

        int first = Array.FindIndex(findings.Writes.Seconds, s => s >= 10 - 1e-9);
        Assert.Equal(0, mean[first]);
        Assert.Equal(0, mean[first + 7]);
        Assert.InRange(mean[first - 1], 700, 1300);
        Assert.InRange(mean[first + 8], 700, 1300);
    }

    [Fact]
    public void A_spectrum_ends_where_its_samples_end()
    {
        Findings findings = new(new FakeRun().Build());

        (double[] xs, double[] ys) = LatencySpectrumChart.Curve(
            [.. findings.Run.Latencies.Where(l =>
                l is { Phase: "fault", Operation: "update", Kind: "latency" })]);

        Assert.Equal(xs.Length, ys.Length);
        Assert.Equal(Math.Log10(150), xs[^1], 6);
        Assert.Equal(xs.Order(), xs);
    }

    [Fact]
    public void Thinning_keeps_every_extreme()
    {
        double[] xs = [.. Enumerable.Range(0, 10_000).Select(i => (double)i)];
        double[] ys = new double[10_000];
        ys[5_431] = 99;
        ys[777] = -7;
        ys[9_000] = double.NaN;

        (IReadOnlyList<double> keptXs, IReadOnlyList<double> keptYs) = Decimation.MinMax(xs, ys, 200);

        Assert.InRange(keptXs.Count, 100, 310);
        Assert.Contains(99, keptYs);
        Assert.Contains(-7, keptYs);
        Assert.Contains(double.NaN, keptYs);
        Assert.Equal(keptXs.Order(), keptXs);
    }

    [Theory]
    [InlineData(1, 1.5)]
    [InlineData(100, 1_000)]
    [InlineData(80, 900_000)]
    [InlineData(0.001, 1e9)]
    public void Log_axes_always_have_labels_a_reader_can_tell_apart(double low, double high)
    {
        Axis axis = AxisScales.Log("latency", [low, high, 0, double.NaN], Units.LatencyTick);

        Assert.InRange(axis.Ticks.Count, 2, 12);
        Assert.Equal(axis.Ticks.Count, axis.Ticks.Select(t => t.Label).Distinct().Count());
        Assert.All(axis.Ticks, t => Assert.InRange(t.Position, axis.Min - 1e-6, axis.Max + 1e-6));
    }

    private static RunData Run(string shape) => shape switch
    {
        "read only" => new FakeRun { HasWrites = false, Kills = 0 }.Build(),
        "write only" => new FakeRun { HasReads = false, WriteOperation = "insert" }.Build(),
        "nothing" => FakeRun.Nothing(),
        "not healed" => NotHealed(),
        _ => new FakeRun().Build(),
    };

    private static RunData NotHealed()
    {
        RunData run = new FakeRun().Build();
        return run with { Faults = [.. run.Faults.Select(f => f with { HealedNs = null })] };
    }

    /// <summary>Pixels that are not white.</summary>
    private static int Marked(SKBitmap bitmap, Rect area)
    {
        int count = 0;
        for (int y = (int)(area.Top * PngRenderer.Scale); y < (int)(area.Bottom * PngRenderer.Scale); y++)
        {
            for (int x = (int)(area.Left * PngRenderer.Scale); x < (int)(
                area.Right * PngRenderer.Scale); x++)
            {
                count += bitmap.GetPixel(x, y) == SKColors.White ? 0 : 1;
            }
        }

        return count;
    }
}
