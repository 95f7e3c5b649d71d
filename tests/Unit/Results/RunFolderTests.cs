using Testbed.Results;

namespace Testbed.Tests.Unit.Results;

public sealed class RunFolderTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_run_has_a_telling_name_and_latest_points_at_it()
    {
        using var temporary = new TemporaryFolder();
        var root = temporary.In("runs");
        var first = RunFolder.Create(root, Noon, "ecc", "workload/B", "kill 2");
        Assert.Matches("^20260102T120000Z-ecc-workload_b-kill_2-[0-9a-f]{6}$", first.RunId);
        first.Write(Sample.Manifest(first.RunId));
        Assert.Equal(first.FullPath, RunFolder.Latest(root)!.FullPath);

        var second = RunFolder.Create(root, Noon.AddMinutes(1), "raft", "a", "");
        second.Write(Sample.Manifest(second.RunId));
        Assert.Equal(second.FullPath, RunFolder.Latest(root)!.FullPath);
        Assert.Equal([second.RunId, first.RunId], RunFolder.List(root).Select(folder => folder.RunId));
    }

    [Fact]
    public void Where_links_are_not_allowed_a_text_file_names_the_latest_run()
    {
        using var temporary = new TemporaryFolder();
        var run = RunFolder.Create(temporary.FullPath, Noon, "ecc", "b", "none");
        run.Write(Sample.Manifest(run.RunId));
        File.Delete(temporary.In("latest"));
        File.WriteAllText(temporary.In("latest"), run.RunId + "\n");
        Assert.Equal(run.FullPath, RunFolder.Latest(temporary.FullPath)!.FullPath);
        Assert.Equal(run.FullPath, RunFolder.Open(temporary.In("latest")).FullPath);
    }

    [Fact]
    public void A_link_to_a_removed_run_falls_back_to_the_newest_that_is_there()
    {
        using var temporary = new TemporaryFolder();
        var kept = RunFolder.Create(temporary.FullPath, Noon, "ecc", "b", "none");
        kept.Write(Sample.Manifest(kept.RunId));
        var removed = RunFolder.Create(temporary.FullPath, Noon.AddMinutes(1), "ecc", "b", "none");
        Directory.Delete(removed.FullPath, recursive: true);
        Assert.Equal(kept.FullPath, RunFolder.Latest(temporary.FullPath)!.FullPath);
    }

    [Fact]
    public void A_root_that_cannot_be_written_is_one_clear_line()
    {
        using var temporary = new TemporaryFolder();
        File.WriteAllText(temporary.In("file"), "");
        var e = Assert.Throws<ResultsException>(
            () => RunFolder.Create(temporary.In("file", "runs"), Noon, "ecc", "b", "none"));
        Assert.StartsWith("Cannot write results under '", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void What_is_no_run_is_said_to_be_none()
    {
        using var temporary = new TemporaryFolder();
        Assert.Throws<ResultsException>(() => RunFolder.Open(temporary.In("nothing")));
        Assert.Throws<ResultsException>(() => RunFolder.Open(temporary.FullPath));
        Assert.Null(RunFolder.Latest(temporary.FullPath));
        Assert.Empty(RunFolder.List(temporary.In("nothing")));
    }

    [Fact]
    public void Manifest_summary_and_verdict_come_back_as_they_were()
    {
        using var _ = new CommaCulture();
        using var temporary = new TemporaryFolder();
        var run = RunFolder.Create(temporary.FullPath, Noon, "ecc", "b", "kill2");
        Assert.Null(run.ReadSummary());
        run.Write(Sample.Manifest(run.RunId));
        run.Write(Sample.Summary(run.RunId, complete: true));
        run.WriteSummaryText("one\r\ntwo\n");

        Assert.Equivalent(Sample.Manifest(run.RunId), run.ReadManifest(), strict: true);
        Assert.Equivalent(Sample.Summary(run.RunId, complete: true), run.ReadSummary(), strict: true);
        Assert.True(run.IsComplete());
        Assert.Equal("one\ntwo\n", File.ReadAllText(run.SummaryTextPath));
        Assert.Null(run.ReadVerdict());
        var verdict = HistoryCheck.Run([]).ToFile();
        run.Write(verdict);
        Assert.Equivalent(verdict, run.ReadVerdict(), strict: true);
        Assert.Empty(Directory.GetFiles(run.FullPath, "*.partial", SearchOption.AllDirectories));
    }

    [Fact]
    public void Summary_json_looks_like_this()
    {
        using var _ = new CommaCulture();
        using var temporary = new TemporaryFolder();
        var run = RunFolder.Create(temporary.FullPath, Noon, "ecc", "b", "kill2");
        run.Write(Sample.Summary("r", complete: false));
        Assert.Equal(Sample.SummaryJson.ReplaceLineEndings("\n"), File.ReadAllText(run.SummaryPath));
    }

    [Fact]
    public void An_interrupted_run_is_a_valid_folder_that_says_so()
    {
        using var temporary = new TemporaryFolder();
        var run = RunFolder.Create(temporary.FullPath, Noon, "ecc", "b", "kill2");
        run.Write(Sample.Manifest(run.RunId));
        using (var nodes = new CsvAppender<NodeRow>(run.NodesPath))
        {
            nodes.Append(new NodeRow(1, "n0", "up", 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, ""));
        }

        var opened = RunFolder.Open(run.FullPath);
        Assert.False(opened.IsComplete());
        Assert.Single(opened.ReadNodes());
        Assert.Empty(opened.ReadWindows());
        opened.Write(Sample.Summary(run.RunId, complete: false));
        Assert.False(opened.IsComplete());
    }

    [Fact]
    public void A_file_of_another_version_is_refused_by_name()
    {
        using var temporary = new TemporaryFolder();
        var run = RunFolder.Create(temporary.FullPath, Noon, "ecc", "b", "kill2");
        File.WriteAllText(run.SummaryPath, """{"schema":"testbed.summary/9"}""");
        var e = Assert.Throws<ResultsException>(() => run.ReadSummary());
        Assert.Contains("testbed.summary/9", e.Message, StringComparison.Ordinal);
        File.WriteAllText(run.SummaryPath, "{");
        Assert.Contains("malformed", Assert.Throws<ResultsException>(() => run.ReadSummary()).Message, StringComparison.Ordinal);
    }
}
