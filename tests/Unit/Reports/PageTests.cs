using System.Text;
using Testbed.Reports;
using Testbed.Results;

namespace Testbed.Tests.Unit.Reports;

public sealed class PageTests : IDisposable
{
    private const string Attack = "<script>alert('x')</script>";
    private readonly string folder = Directory.CreateTempSubdirectory("testbed-reports-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_run_gives_four_pictures_and_one_page()
    {
        IReadOnlyList<string> files = RunReport.Write(new FakeRun { Seconds = 12 }.Build(), folder);

        Assert.Equal(
            ["bytes.png", "index.html", "latency-spectrum.png", "resources.png", "timeline.png"],
            files.Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.All(files, f => Assert.True(new FileInfo(f).Length > 1000));
    }

    [Fact]
    public void The_page_needs_nothing_from_outside_and_shows_the_verdict_first()
    {
        string page = Page(new FakeRun().Build());

        Assert.DoesNotContain("http", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.DoesNotContain("src=", page, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme:dark", page, StringComparison.Ordinal);
        Assert.True(page.IndexOf("<b>VALID</b>", StringComparison.Ordinal) < page.IndexOf(
            "<svg", StringComparison.Ordinal));
        Assert.Contains("kill -9 keeps the operating system&#39;s page cache: it never tests fsync", page,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_run_with_many_nodes_faults_and_failures_stays_small()
    {
        RunData run = new FakeRun { Seconds = 1200, Gap = true, Rate = 200 }.Build();
        List<WindowRow> failing = [.. run.Windows.Select(w => w with { Outcome = "failed" })];
        FaultRow[] faults = [.. Enumerable.Range(1, 500).Select(i => run.Faults[0] with { Id = i })];
        run = run with { Windows = [.. run.Windows, .. failing], Faults = faults };

        Assert.InRange(Encoding.UTF8.GetByteCount(Page(run)), 50_000, 300_000);
    }

    [Fact]
    public void Nothing_from_outside_becomes_markup()
    {
        RunData run = new FakeRun { Kills = 1 }.Build();
        run = run with
        {
            Manifest = run.Manifest with
            {
                Workload = Attack, Argv = [Attack], Commit = Attack,
                Machine = new Dictionary<string, string> { [Attack] = Attack },
                Options = new Dictionary<string, string> { [Attack] = Attack }, FaultPlan = Attack,
            },
            Summary = run.Summary with
            {
                VerdictReason = Attack, Notes = [Attack],
                    Check = run.Summary.Check with { Counterexample = Attack },
                Nodes = [run.Summary.Nodes[0] with { Node = Attack, State = Attack }],
            },
            Faults = [run.Faults[0] with { Node = Attack, Evidence = Attack, HealEvidence = Attack }],
            Nodes = [.. run.Nodes.Select(n => n with { Node = Attack })],
        };

        string page = Page(run);
        string comparison = ComparisonPage.Render(
            Model([run], [run]), ComparisonCharts.All(Model([run], [run])));

        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", comparison, StringComparison.Ordinal);
        Assert.Contains("&lt;script&gt;", page, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_measured_nothing_still_has_a_page()
    {
        string page = Page(FakeRun.Nothing());

        Assert.Contains("No operation was measured", page, StringComparison.Ordinal);
        Assert.Contains("No fault was planned.", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_of_different_durability_or_build_are_refused_unless_forced()
    {
        RunData os = new FakeRun { Seconds = 6 }.Build();
        RunData fsync = new FakeRun { Seconds = 6, Durability = "fsync" }.Build();
        RunData aot = os with { Manifest = os.Manifest with { NodeBuild = "aot" } };

        ComparisonResult refused =
            ComparisonReport.Write([os], [fsync], Path.Combine(folder, "a"), force: false);
        ComparisonResult build =
            ComparisonReport.Write([os], [aot], Path.Combine(folder, "b"), force: false);
        ComparisonResult forced =
            ComparisonReport.Write([os], [fsync], Path.Combine(folder, "c"), force: true);

        Assert.True(refused.Refused);
        Assert.Contains("the durability level differs: os / fsync", refused.Text, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder, "a")));
        Assert.Contains("the node build differs: jit / aot", build.Text, StringComparison.Ordinal);
        Assert.False(forced.Refused);
        Assert.Contains("FORCED although the durability level differs", forced.Text,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_comparison_gives_four_pictures_the_table_three_times_and_one_page()
    {
        RunData raft = new FakeRun(5) { Seconds = 6, Strategy = "raft" }.Build();
        RunData ecc = new FakeRun(6) { Seconds = 6, Slowness = 1.2 }.Build();

        ComparisonResult result = ComparisonReport.Write([raft], [ecc], folder, force: false);

        Assert.Equal(
            ["compare-bytes.png", "compare-latency.png", "compare-ratios.png", "compare-timeline.png",
                "compare.csv", "compare.md",
                "compare.txt", "index.html"],
            result.Files.Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.StartsWith("ECC against Raft, one pair, no verdict: 0.33x stored bytes, 1.40x CPU",
            result.Text, StringComparison.Ordinal);
        Assert.Contains("one pair: no interval", result.Text, StringComparison.Ordinal);
        Assert.All(result.Text.Split('\n'), l => Assert.True(l.Length <= 100, l));
        Assert.Contains("| stored / logical, payload | 5.01x | 1.67x | 0.33x |", result.Markdown,
            StringComparison.Ordinal);
        Assert.Contains("\ncpu_us_per_op,1,", File.ReadAllText(Path.Combine(folder, "compare.csv")),
            StringComparison.Ordinal);
        Assert.InRange(new FileInfo(Path.Combine(folder, "index.html")).Length, 20_000, 300_000);
    }

    [Fact]
    public void Enough_pairs_get_verdicts_and_intervals()
    {
        RunData[] raft = [.. Enumerable.Range(0, 12)
            .Select(i => new FakeRun(i) { Seconds = 6, Strategy = "raft", Slowness = 1 + (i * 0.002) }.Build(
                ))];
        RunData[] ecc = [.. Enumerable.Range(0, 12)
            .Select(i => new FakeRun(50 + i) { Seconds = 6, Slowness = 1.2 + (i * 0.003) }.Build())];

        ComparisonModel model = Model(raft, ecc);

        Assert.Equal(Verdict.Better, Outcome(model, "stored_payload_per_logical").Verdict);
        Assert.Equal(Verdict.Worse, Outcome(model, "read_latency_p99_us").Verdict);
        Assert.Equal(Verdict.Equivalent, Outcome(model, "sent_bytes_per_op").Verdict);
        Assert.Contains("95 % interval", CompareText.Render(model), StringComparison.Ordinal);
    }

    [Fact]
    public void Comparing_with_a_run_that_measured_nothing_does_not_divide_by_zero()
    {
        ComparisonModel model = Model([FakeRun.Nothing()], [new FakeRun { Seconds = 6 }.Build()]);

        string page = ComparisonPage.Render(model, ComparisonCharts.All(model));

        Assert.DoesNotContain("NaN", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", CompareText.Render(model), StringComparison.Ordinal);
    }

    [Fact]
    public void The_font_ships_with_its_licence()
    {
        using Stream licence = typeof(RunReport).Assembly.GetManifestResourceStream(
            "Testbed.Reports.Fonts.OFL.txt")!;
        using StreamReader reader = new(licence);

        Assert.Contains("SIL Open Font License", reader.ReadToEnd(), StringComparison.Ordinal);
        Assert.Equal("Inter", ReportFont.Regular.FamilyName);
    }

    private static string Page(RunData run)
    {
        Findings findings = new(run);
        return RunPage.Render(findings, RunReport.Figures(findings));
    }

    private static ComparisonModel Model(
        IReadOnlyList<RunData> baseline, IReadOnlyList<RunData> candidate) =>
        new(baseline, candidate, new ComparisonRules());

    private static MetricOutcome Outcome(ComparisonModel model, string key) =>
        model.Outcomes.Single(o => o.Metric.Key == key);
}
