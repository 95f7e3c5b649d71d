using System.Globalization;
using System.Xml.Linq;
using Testbed.Reports;
using Testbed.Results;

namespace Testbed.Tests.Unit.Reports;

public sealed class SweepTests : IDisposable
{
    private static readonly int[] Sizes = [128, 1024, 16 * 1024];
    private readonly string folder = Directory.CreateTempSubdirectory("testbed-reports-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_sweep_gives_two_pictures_its_tables_one_page_and_a_comparison_of_each_size()
    {
        ComparisonResult result = SweepReport.Write(Side("raft"), Side("ecc"), folder, force: false);

        Assert.False(result.Refused);
        Assert.Equal(["index.html", "sweep-bytes.png", "sweep-cost.png", "sweep.csv", "sweep.txt"],
            Directory.GetFiles(folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal(["128B", "16KiB", "1KiB"],
            Directory.GetDirectories(folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.All(result.Files, f => Assert.True(new FileInfo(f).Length > 0, f));
        Assert.True(File.Exists(Path.Combine(folder, "1KiB", "compare-ratios.png")));
        string page = File.ReadAllText(Path.Combine(folder, "index.html"));
        Assert.Contains("href=\"16KiB/index.html\"", page, StringComparison.Ordinal);
        Assert.Contains("<b>MEASURED</b>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http", page, StringComparison.Ordinal);
        Assert.All(result.Text.Split('\n'), l => Assert.True(l.Length <= 100, l));
    }

    [Fact]
    public void Measured_values_stand_beside_what_the_design_predicts_for_their_cluster_and_size()
    {
        SweepModel model = Model(Side("raft"), Side("ecc"));
        SweepRow stored = model.Find(SweepMetrics.StoredTotal, 1024)!;
        Assert.Equal(5.5, stored.Baseline.Measured!.Value, 9);
        Assert.Equal(Prediction("raft").StoredTotal(1024) / 1024, stored.Baseline.Predicted!.Value.Least, 9);
        Assert.Equal(5.5 / stored.Baseline.Predicted.Value.Least - 1, stored.Baseline.Deviation!.Value, 9);
        Assert.Equal(2.2 / 5.5, stored.Ratio!.Value, 9);

        // Halfway between the bounds: no deviation.
        SweepRow put = model.Find(SweepMetrics.SentPerPut, 128)!;
        Bounds bounds = Prediction("ecc").Put(128).Total * (1 / 128.0);
        Assert.Equal((bounds.Least + bounds.Most) / 2, put.Candidate.Measured!.Value, 3);
        Assert.Equal(0.0, put.Candidate.Deviation!.Value);

        // 100 MB of stores and 7 MB of log over 20 MB of values; ECC has no log.
        SweepRow charged = model.Find(SweepMetrics.StoredAndLog, 1024)!;
        Assert.Equal(5.5 + 0.35, charged.Baseline.Measured!.Value, 9);
        Assert.Equal(2.2, charged.Candidate.Measured!.Value, 9);
        Assert.Equal(5.75, model.Find(SweepMetrics.Heap, 1024)!.Baseline.Measured!.Value, 9);
        Assert.Equal(7, model.Find(SweepMetrics.Rss, 1024)!.Baseline.Measured!.Value, 9);

        // Nothing is predicted for processor time.
        Assert.All(model.Of(SweepMetrics.Cpu), r => Assert.True(r.Baseline is { Measured: not null, Predicted: null }));
    }

    [Fact]
    public void The_mixed_prediction_follows_the_operations_that_were_made()
    {
        SweepModel model = Model(Side("raft"), Side("ecc"));
        SweepRow row = model.Rows.Single(r => r.Metric.Key == "sent_per_op" && r.ValueBytes == 1024);
        BytePrediction ecc = Prediction("ecc");
        double puts = model.Cells[1].Model.Candidate[0].Total.Where(o => o.Operation == "update").Sum(o => o.Ok + o.Unknown);
        double gets = model.Cells[1].Model.Candidate[0].Total.Where(o => o.Operation == "read").Sum(o => o.Ok + o.Unknown);
        double wanted = ((puts * ecc.Put(1024).Total.Least) + (gets * ecc.Get(1024).Total.Least)) / (puts + gets) / 1024;
        Assert.Equal(wanted, row.Candidate.Predicted!.Value.Least, 9);
    }

    [Fact]
    public void The_csv_has_a_row_for_every_metric_size_and_run()
    {
        SweepModel model = Model([.. Side("raft"), .. Side("raft")], [.. Side("ecc"), .. Side("ecc")]);
        string[] lines = SweepText.Csv(model).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("metric,value_bytes,side,strategy,run,measured,predicted_least,predicted_most,deviation", lines[0]);
        Assert.Equal(model.Metrics.Count * Sizes.Length * 4, lines.Length - 1);
        Assert.All(lines, l => Assert.Equal(8, l.Count(c => c == ',')));
        string[] put = lines.First(l => l.StartsWith("sent_per_put,1024,candidate,ecc", StringComparison.Ordinal)).Split(',');
        Assert.Equal(Prediction("ecc").Put(1024).Total.Least / 1024, double.Parse(put[6], CultureInfo.InvariantCulture), 9);
    }

    [Fact]
    public void Every_figure_draws_predictions_dashed_and_points_as_dots()
    {
        foreach (Figure figure in SweepCharts.All(Model(Side("raft"), Side("ecc"))))
        {
            string svg = SvgRenderer.Render(figure);
            Assert.Equal("svg", XElement.Parse(svg).Name.LocalName);
            Assert.DoesNotContain("NaN", svg, StringComparison.Ordinal);
            Assert.DoesNotContain("Infinity", svg, StringComparison.Ordinal);
            Assert.Contains("stroke-dasharray", svg, StringComparison.Ordinal);
            Assert.All(figure.Panels, p => Assert.True(p.Empty is null, $"{p.Title}: {p.Empty}"));
            Assert.True(figure.Panels.Sum(p => p.Marks.OfType<LineMark>().Count(m => m.DotRadius > 0)) >= 8);
            Assert.True(PngRenderer.Render(figure).Length > 10_000);
        }
    }

    [Fact]
    public void Runs_that_measured_nothing_are_drawn_as_such()
    {
        RunData[] nothing = [.. Sizes.Select(s => Sized(FakeRun.Nothing(), s))];
        SweepModel model = Model(nothing, nothing);
        Assert.DoesNotContain("NaN", SweepText.Render(model), StringComparison.Ordinal);
        foreach (Figure figure in SweepCharts.All(model))
        {
            Assert.DoesNotContain("NaN", SvgRenderer.Render(figure), StringComparison.Ordinal);
            Assert.Contains(figure.Panels, p => p.Empty is not null);
        }
    }

    [Fact]
    public void Only_the_same_several_sizes_on_both_sides_are_a_sweep()
    {
        Assert.Equal(Sizes, SweepReport.Sizes(Side("raft"), Side("ecc")));
        Assert.Empty(SweepReport.Sizes(Side("raft")[..1], Side("ecc")[..1]));
        Assert.Empty(SweepReport.Sizes(Side("raft"), Side("ecc")[..2]));
        RunData drawn = Side("ecc")[0];
        drawn = drawn with
        {
            Manifest = drawn.Manifest with
            {
                WorkloadProperties = new Dictionary<string, string>
                {
                    ["valuesize"] = "9", ["valuesizedistribution"] = "uniform",
                },
            },
        };
        Assert.Empty(SweepReport.Sizes([drawn, Side("raft")[1]], [drawn, Side("ecc")[1]]));
    }

    [Fact]
    public void A_sweep_across_durability_levels_is_refused()
    {
        RunData[] fsync = [.. Side("ecc").Select(r => r with { Manifest = r.Manifest with { Durability = "fsync" } })];
        ComparisonResult refused = SweepReport.Write(Side("raft"), fsync, Path.Combine(folder, "r"), force: false);
        Assert.True(refused.Refused);
        Assert.Contains("durability level", refused.Text, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder, "r")));
        Assert.False(SweepReport.Write(Side("raft"), fsync, Path.Combine(folder, "f"), force: true).Refused);
    }

    [Theory]
    [InlineData(128, "128 B")]
    [InlineData(1024, "1 KiB")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(256 * 1024, "256 KiB")]
    [InlineData(1 << 20, "1 MiB")]
    public void Sizes_are_named_as_people_choose_them(long bytes, string text) => Assert.Equal(text, Units.Size(bytes));

    private static RunData[] Side(string strategy) =>
        [.. Sizes.Select((s, i) => Sized(new FakeRun(i + 1) { Seconds = 4, Kills = 0, Strategy = strategy }.Build(), s))];

    /// <summary>20 MB of values; what is stored and sent is near the predictions, with round numbers where tests look.</summary>
    private static RunData Sized(RunData run, int valueBytes)
    {
        bool ecc = run.Manifest.Strategy == "ecc";
        BytePrediction prediction = Prediction(run.Manifest.Strategy);
        long store = ecc ? 44_000_000 : 110_000_000;
        long log = ecc ? 0 : 7_000_000;
        bool measured = run.Summary.Operations.Count > 0;
        return run with
        {
            Manifest = run.Manifest with
            {
                WorkloadProperties = new Dictionary<string, string>
                {
                    ["valuesize"] = valueBytes.ToString(CultureInfo.InvariantCulture),
                },
            },
            Summary = run.Summary with
            {
                Bytes = run.Summary.Bytes with { LogicalBytes = measured ? 20_000_000 : 0, StoredTotalBytes = store },
                Memory = measured
                    ? new MemoryFigures(
                        store, ecc ? null : log, store + 10_000_000, 5_000_000, store + 60_000_000, 30_000_000)
                    : null,
                Traffic = measured
                    ? [
                        Traffic("load", "put", prediction.Put(valueBytes)),
                        Traffic("final-read", "get", prediction.Get(valueBytes)),
                    ]
                    : null,
            },
        };
    }

    private static TrafficFigures Traffic(string phase, string operation, SentBounds sent) => new(
        phase, operation, 1000, (long)(500 * (sent.ByClients.Least + sent.ByClients.Most)),
        (long)(500 * (sent.ByNodes.Least + sent.ByNodes.Most)));

    private static BytePrediction Prediction(string strategy) =>
        new() { Strategy = strategy, Nodes = 5, DataElements = strategy == "ecc" ? 3 : 1 };

    private static SweepModel Model(IReadOnlyList<RunData> baseline, IReadOnlyList<RunData> candidate) => new(
        SweepReport.Sizes(baseline, candidate).Select(s => new SweepCell(s, new ComparisonModel(
            Of(baseline, s), Of(candidate, s), new ComparisonRules()))));

    private static RunData[] Of(IReadOnlyList<RunData> runs, int size) =>
        [.. runs.Where(r => BytePrediction.ValueBytes(r.Manifest) == size)];
}
