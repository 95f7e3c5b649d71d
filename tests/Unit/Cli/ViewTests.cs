using Spectre.Console;
using Testbed.Harness.Cli;
using Testbed.Harness.Cli.Views;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Tests.Unit.Cli;

public sealed class ViewTests
{
    private static readonly LiveStatus Status = new()
    {
        Seconds = 12.4, TotalSeconds = 35, Phase = "steady", OkPerSecond = 1998, OfferedPerSecond = 2000,
        ReadP99Micros = 912, WriteP99Micros = 1_400, Failures = 3, InFlight = 7,
        NodeStates = ["up", "down", "paused", "up", "up"],
    };

    [Fact]
    public async Task A_pipe_gets_plain_lines_one_status_per_five_seconds_and_the_summary_on_standard_output()
    {
        var time = new Clock();
        using var output = new StringWriter();
        using var error = new StringWriter();
        await using (var view = new PlainView(output, error, time))
        {
            view.Phase("steady");
            for (var i = 0; i < 12; i++, time.Seconds++)
            {
                view.Status(Status);
            }

            view.FaultEvent("n1 killed");
            view.Note("seed 4711");
            view.Done("all is well\n", "/runs/one");
        }

        const string line = " 12 s of 35 s  steady  1,998 ok/s of 2,000  read p99 912 us  write p99 1.4 ms  3 failed  7 in flight  nodes 3/5 up";
        Assert.Equal($"phase: steady\n{line}\n{line}\n{line}\nfault: n1 killed\nseed 4711\n", error.ToString());
        Assert.Equal("all is well\n\n/runs/one\n", output.ToString());
        Assert.DoesNotContain('\u001b', error.ToString());
    }

    [Fact]
    public async Task Quiet_prints_the_summary_only()
    {
        using var output = new StringWriter();
        await using var view = new QuietView(output);
        view.Phase("steady");
        view.Status(Status);
        view.Note("seed");
        view.Done("fine", null);
        Assert.Equal("fine\n", output.ToString());
    }

    [Fact]
    public async Task The_live_picture_shows_progress_nodes_and_events_whatever_text_they_hold()
    {
        using var output = new StringWriter();
        using var screen = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(screen),
        });
        await using var view = new LiveView(output, console);
        view.Status(Status with { OkPerSecond = 0 });
        view.Status(Status);
        view.FaultEvent("n1 [killed]");
        using var picture = new StringWriter();
        AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(picture) }).Write(view.Picture());
        var text = picture.ToString();
        Assert.Contains("12 s of 35 s", text, StringComparison.Ordinal);
        Assert.Contains("▁█", text, StringComparison.Ordinal);
        Assert.Contains("n1 down", text, StringComparison.Ordinal);
        Assert.Contains("n2 paused", text, StringComparison.Ordinal);
        Assert.Contains("n1 [killed]", text, StringComparison.Ordinal);
        view.Done("summary", "/runs/one");
        Assert.Equal("summary\n\n/runs/one\n", output.ToString());
    }

    [Fact]
    public void A_table_leaves_out_empty_columns_and_sets_numbers_right()
    {
        var table = new TextTable("node", "empty", "keys");
        table.Add("n0", "", "5");
        table.Add("n1", "", "12345");
        using var text = new StringWriter();
        table.Write(text);
        Assert.Equal("node   keys\nn0        5\nn1    12345\n", text.ToString());
    }

    [Fact]
    public void The_state_of_a_cluster_survives_its_file()
    {
        var path = Path.Combine(Path.GetTempPath(), $"testbed-state-{Guid.NewGuid():N}.json");
        var state = new ClusterState
        {
            StartedUtc = "2026-11-23T10:00:00Z", Strategy = "ecc", DataElements = 3, Durability = "os", Seed = ulong.MaxValue,
            LogFolder = "/l", DataFolder = "/d", Members = [new MemberState("127.0.0.1:1", null, 42, "7")],
        };
        state.Save(path);
        try
        {
            var back = ClusterState.Load(path)!;
            Assert.Equal(state with { Members = back.Members }, back);
            Assert.Equal(state.Members, back.Members);
        }
        finally
        {
            File.Delete(path);
        }

        Assert.Null(ClusterState.Load(path));
    }

    private sealed class Clock : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
