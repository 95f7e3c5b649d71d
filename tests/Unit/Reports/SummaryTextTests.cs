using Testbed.Reports;
using Testbed.Results;

namespace Testbed.Tests.Unit.Reports;

public class SummaryTextTests
{
    [Fact]
    public void The_verdict_comes_first_with_its_reason()
    {
        string text = SummaryText.Render(new FakeRun().Build());

        Assert.StartsWith("VALID  all 60,012 operations on 9,931 keys are linearizable", text,
            StringComparison.Ordinal);
    }

    [Fact]
    public void No_line_is_wider_than_asked_except_paths_and_commands()
    {
        foreach (RunData run in new[] { new FakeRun().Build(),
            new FakeRun(3) { Verdict = "invalid", Gap = true, WriteOperation = "read-modify-write" }.Build(
                ) })
        {
            foreach (int width in new[] { 80, 100 })
            {
                string[] lines = SummaryText.Render(run, width).Split('\n');
                string[] prose = [.. lines.Where(l =>
                    !l.StartsWith("report ", StringComparison.Ordinal)
                        && !l.Contains("p99.9", StringComparison.Ordinal))];
                Assert.InRange(lines.Length, 25, 50);
                Assert.All(prose.Where(l =>
                    !l.StartsWith("read", StringComparison.Ordinal)
                        && !l.StartsWith("n", StringComparison.Ordinal)),
                    l => Assert.True(l.Length <= width, l));
                Assert.All(lines, l => Assert.True(l.Length <= 100, l));
            }
        }
    }

    [Theory]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(97)]
    [InlineData(100)]
    public void A_line_never_breaks_between_a_number_and_its_unit(int width)
    {
        string text = SummaryText.Render(new FakeRun { Gap = true }.Build(), width);

        Assert.DoesNotMatch("[0-9]\n +(ns|us|ms|s|B|kB|MB|%)\\b", text);
    }

    [Fact]
    public void A_node_that_took_a_snapshot_to_catch_up_is_said_to() =>
        Assert.Contains("caught up 420 ms later by a snapshot",
            string.Join(' ', SummaryText.Render(new FakeRun { Strategy = "raft" }.Build()).Split(
                (char[]?)null, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);

    [Fact]
    public void Around_the_faults_it_says_who_died_came_back_and_what_clients_got()
    {
        string text = SummaryText.Render(new FakeRun { Gap = true }.Build());

        Assert.Contains("n1 killed at 10.0 s", text, StringComparison.Ordinal);
        Assert.Contains("back at 20.1 s, caught up 420 ms later", text, StringComparison.Ordinal);
        Assert.Contains("while 2 nodes were down (9.1 s): ", text, StringComparison.Ordinal);
        Assert.Contains("longest time a client got no answer: reads ", text, StringComparison.Ordinal);
        Assert.Contains(", writes 800 ms\n", text, StringComparison.Ordinal);
        Assert.Contains("full goodput and latency again within 1.50 s of the fault", text,
            StringComparison.Ordinal);
        Assert.Contains("lost 0 of 3,021 acknowledged", text, StringComparison.Ordinal);
        Assert.Contains("unknown 4: 1 took effect, 3 were never seen", text, StringComparison.Ordinal);
        Assert.Contains("(theory 1.67x)", text, StringComparison.Ordinal);
    }

    [Fact]
    public void It_ends_with_the_command_that_runs_it_again_with_its_seed()
    {
        RunData run = new FakeRun().Build();
        run = run with { Manifest = run.Manifest with { Argv = ["run", "--name", "it's"] } };

        Assert.EndsWith("harness run --name 'it'\\''s' --seed 42\n", SummaryText.Render(run),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_violation_brings_its_counterexample()
    {
        string text = SummaryText.Render(new FakeRun { Verdict = "invalid" }.Build());

        Assert.StartsWith("INVALID  ", text, StringComparison.Ordinal);
        Assert.Contains("  read of w0 [2.201 s, 2.202 s]", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fault_that_was_not_applied_is_named_so()
    {
        RunData run = new FakeRun { Kills = 1 }.Build();
        run = run with { Faults =
            [run.Faults[0] with { AppliedNs = null, HealedNs = null, Evidence = "no such process" }] };

        Assert.Contains("kill of n1 wanted at 10.0 s was NOT applied: no such process",
            SummaryText.Render(run), StringComparison.Ordinal);
    }

    [Fact]
    public void Nodes_that_came_back_empty_are_named_with_the_time_and_what_they_read()
    {
        RunData run = new FakeRun().Build();
        run = run with
        {
            Summary = run.Summary with
            {
                Rebuilds =
                [
                    new RebuildFigures(1, "n1", "ready", 256, 256, 420_000_000, 3_420_000, 10_300_000, 3.012),
                    new RebuildFigures(2, "n3", "lost", 7, 256, null, 0, 0, null),
                ],
            },
        };

        string text = SummaryText.Render(run);
        Assert.Contains("rebuilds  n1 came back empty, full redundancy after 420 ms: read 10.3 MB for 3.42 MB of", text,
            StringComparison.Ordinal);
        Assert.Contains(" 3.01x\n", text, StringComparison.Ordinal);
        Assert.Contains("          n3 came back empty, LOST at the end, votes in 7 of 256 slots\n", text, StringComparison.Ordinal);
        string page = RunPage.Render(new Findings(run), []);
        Assert.Contains("full redundancy after", page, StringComparison.Ordinal);
        Assert.Contains("7 of 256", page, StringComparison.Ordinal);
        Assert.DoesNotContain("full redundancy after", RunPage.Render(new Findings(new FakeRun().Build()), []), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_measured_nothing_says_so()
    {
        RunData run = FakeRun.Nothing();

        string text = SummaryText.Render(run);

        Assert.Contains("no operation was measured", text, StringComparison.Ordinal);
        Assert.Contains("faults    none planned", text, StringComparison.Ordinal);
        Assert.Contains("stored    nothing", text, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Control_characters_from_outside_do_not_reach_the_terminal()
    {
        RunData run = new FakeRun().Build();
        run = run with { Summary = run.Summary with { Notes = ["\u001b[2Jgone"] } };

        Assert.DoesNotContain('\u001b', SummaryText.Render(run));
    }

    [Theory]
    [InlineData(0, "0 s")]
    [InlineData(999, "999 ns")]
    [InlineData(1_234, "1.23 us")]
    [InlineData(999_600, "1.00 ms")]
    [InlineData(12_000_000, "12.0 ms")]
    [InlineData(1_500_000_000, "1.50 s")]
    [InlineData(3_600_000_000_000, "3,600 s")]
    public void Durations_have_three_digits_and_a_unit(long nanos, string text) =>
        Assert.Equal(text, Units.Nanos(nanos));

    [Fact]
    public void Missing_figures_are_a_dash()
    {
        Assert.Equal("-", Units.Nanos(null));
        Assert.Equal("-", Units.Bytes(double.NaN));
        Assert.Equal("-", Units.Times(double.PositiveInfinity));
        Assert.Equal("-", Units.Percent(null));
        Assert.Equal("-", Units.Rate(null));
    }
}
