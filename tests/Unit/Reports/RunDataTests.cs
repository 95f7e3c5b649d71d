using Testbed.Reports;
using Testbed.Results;

namespace Testbed.Tests.Unit.Reports;

public sealed class RunDataTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("testbed-reports-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void A_run_that_was_written_to_a_folder_reads_back_the_same()
    {
        RunData written = new FakeRun { Seconds = 6 }.Build();

        RunData read = RunData.Load(Save(written, withSummary: true));

        Assert.Equal(written.Windows.Count, read.Windows.Count);
        Assert.Equal(written.Windows[^1], read.Windows[^1]);
        Assert.Equal(written.Faults, read.Faults);
        Assert.Equal(written.Nodes, read.Nodes);
        Assert.Equal(SummaryText.Render(written with { Folder = read.Folder }), SummaryText.Render(read));
    }

    [Fact]
    public void The_report_is_made_from_the_folder_alone()
    {
        string folder = Save(new FakeRun { Seconds = 6, Kills = 1 }.Build(), withSummary: true);

        IReadOnlyList<string> files = RunReport.Write(folder);

        Assert.Contains(Path.Combine(folder, "report", "index.html"), files);
        Assert.All(files, f => Assert.True(File.Exists(f)));
    }

    [Fact]
    public void A_run_that_was_cut_off_still_has_a_report_that_says_so()
    {
        string folder = Save(new FakeRun { Seconds = 6, Kills = 1 }.Build(), withSummary: false);

        RunData run = RunData.Load(folder);

        Assert.False(run.Summary.Complete);
        Assert.StartsWith("UNCHECKED  the run was cut off", SummaryText.Render(run),
            StringComparison.Ordinal);
        Assert.Contains("The run was interrupted",
            RunPage.Render(new Findings(run), RunReport.Figures(new Findings(run))),
                StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_is_no_run_is_refused_with_its_name()
    {
        ResultsException error = Assert.Throws<ResultsException>(() => RunData.Load(root));

        Assert.Contains(root, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stall_is_the_longer_of_the_slowest_success_and_the_longest_silence()
    {
        WindowSeries failing = Series(
            (0, "ok", 10, 2_000), (1, "failed", 5, null), (2, "failed", 5, null), (3, "ok", 10, 3_000));
        WindowSeries waiting = Series((0, "ok", 10, 2_000), (1, "ok", 5, 950_000), (3, "ok", 10, 3_000));

        Assert.Equal(200_000_000, failing.StallNs(0, 1));
        Assert.Equal(950_000_000, waiting.StallNs(0, 1));
        Assert.Equal(3_000_000, waiting.StallNs(0.35, 1));
        Assert.Null(waiting.StallNs(5, 6));
    }

    [Fact]
    public void The_deepest_downtime_is_the_longest_stretch_with_most_nodes_down()
    {
        FaultSpan[] spans =
        [
            new FaultSpan(1, "kill", "n1", 10, 20, true), new FaultSpan(2, "kill", "n3", 11, 21, true),
            new FaultSpan(3, "pause", "n1", 30, 32, true), new FaultSpan(4, "pause", "n2", 30.5, 31, true),
        ];

        Assert.Equal(new DownSpan(2, 11, 20), Downtime.Deepest(spans));
        Assert.Null(Downtime.Deepest([]));
    }

    private static WindowSeries Series(params (int Window, string Outcome, long Count, double? MaxUs)[] rows)
    {
        RunData run = FakeRun.Nothing() with
        {
            Windows =
            [
                .. rows.Select(r => new WindowRow(
                    r.Window * WindowSeries.WindowNs, "steady", "update", r.Outcome, r.Count, r.MaxUs / 2,
                        r.MaxUs, r.MaxUs, null, null)),
            ],
        };
        return WindowSeries.Of(run, RunClock.Of(run.Summary), _ => true);
    }

    private string Save(RunData run, bool withSummary)
    {
        RunFolder folder = RunFolder.Create(
            root, DateTimeOffset.UnixEpoch, run.Manifest.Strategy, "b", "kill2");
        folder.Write(run.Manifest);
        CsvRows.Write(folder.WindowsPath, run.Windows);
        CsvRows.Write(folder.LatencyPath, run.Latencies);
        CsvRows.Write(folder.FaultsPath, run.Faults);
        CsvRows.Write(folder.NodesPath, run.Nodes);
        if (withSummary)
        {
            folder.Write(run.Summary);
        }

        return folder.FullPath;
    }
}
