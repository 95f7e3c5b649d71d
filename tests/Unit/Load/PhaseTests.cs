using Testbed.Checker;
using Testbed.Client;
using Testbed.Harness.Load;
using Testbed.Results;

namespace Testbed.Tests.Unit.Load;

public sealed class PhaseTests
{
    private static readonly LoadOptions Options = new()
    {
        Clients = 4,
        LoadConcurrency = 4,
        Seed = 1,
        InsertAttempts = 3,
        FinalReadAttempts = 3,
    };

    [Fact]
    public void The_load_phase_writes_every_record_once()
    {
        var bench = new Bench("a", Options);
        bench.LoadAll();
        Assert.Equal(100, bench.Client.Records.Count);
        Assert.Equal(100, bench.Sink.Entries.Count);
        Assert.All(bench.Sink.Operations, o => Assert.Equal(OperationType.Insert, o.Type));
        Assert.Equal((100, 0), (bench.Counters.Attempted, bench.Counters.Unfinished));
        Assert.Equal(100, bench.Generator.WrittenKeys);
    }

    [Fact]
    public void The_load_phase_never_has_more_outstanding_than_allowed()
    {
        var bench = new Bench("a", Options);
        bench.Client.Manual = true;
        bench.Begin(bench.Generator.CreateInsertPhase());
        while (bench.Client.Pending.Count > 0)
        {
            Assert.True(bench.Client.Pending.Count <= 4);
            bench.Client.EndOne();
        }

        Assert.True(bench.Engine.IsQuiet());
        Assert.Equal(4, bench.Counters.MaxInFlight);
    }

    [Theory]
    [InlineData(Outcome.Failed, HistoryOutcome.Fail)]
    [InlineData(Outcome.Unknown, HistoryOutcome.Info)]
    public void An_insert_is_tried_again_after_a_pause_with_a_value_of_its_own(Outcome first, HistoryOutcome history)
    {
        var bench = new Bench("a", Options, "recordcount=1");
        var outcomes = new Queue<Outcome?>([first, null]);
        bench.Client.Script = _ => outcomes.Dequeue();
        bench.Begin(bench.Generator.CreateInsertPhase());
        Assert.Single(bench.Sink.Entries);
        bench.Pass((Options.RetryPauseMicros * 1000) - 1);
        Assert.Single(bench.Sink.Entries);
        bench.Pass(1);
        Assert.True(bench.Engine.IsQuiet());
        Assert.Equal([history, HistoryOutcome.Ok], bench.Sink.Entries.Select(e => e.Outcome));
        Assert.NotEqual(bench.Sink.Entries[0].Value, bench.Sink.Entries[1].Value);
        Assert.Equal(0, bench.Counters.Unfinished);
    }

    [Fact]
    public void An_insert_that_never_succeeds_is_unfinished_and_the_others_go_on()
    {
        var bench = new Bench("a", Options, "recordcount=10");
        var bad = bench.Spec.CreateKeyFormat().Text(3);
        bench.Client.Script =
            o => System.Text.Encoding.ASCII.GetString(o.Key.Span) == bad ? Outcome.Failed : null;
        bench.Begin(bench.Generator.CreateInsertPhase());
        for (var i = 0; i < 5; i++)
        {
            bench.Pass(100_000_000);
        }

        Assert.True(bench.Engine.IsQuiet());
        Assert.Equal((12, 1), (bench.Counters.Attempted, bench.Counters.Unfinished));
        Assert.Equal(9, bench.Client.Records.Count);
    }

    [Fact]
    public void A_closed_loop_keeps_one_operation_outstanding_per_client()
    {
        var bench = new Bench("a", Options);
        bench.LoadAll();
        bench.Client.Manual = true;
        bench.Begin(bench.Generator.CreateClosedPhase(1_000_000));
        for (var i = 0; i < 50; i++)
        {
            Assert.Equal(4, bench.Client.Pending.Count);
            bench.Clock.Nanos += 1000;
            bench.Client.EndOne();
        }

        bench.Clock.Nanos += 1_000_000;
        bench.Client.EndAll();
        Assert.True(bench.Engine.IsQuiet());
        Assert.Equal((54, 54), (bench.Counters.Attempted, bench.Counters.Offered));
    }

    [Fact]
    public void In_a_closed_loop_the_end_of_one_operation_is_the_start_of_the_next()
    {
        var bench = new Bench("c", Options with { Clients = 1 });
        bench.LoadAll();
        bench.Client.Manual = true;
        var before = bench.Sink.Operations.Count;
        bench.Begin(bench.Generator.CreateClosedPhase(10_000));
        for (var i = 0; i < 3; i++)
        {
            bench.Clock.Nanos += 700;
            bench.Client.EndOne();
        }

        var done = bench.Sink.Operations.Skip(before).ToList();
        Assert.Equal(done[0].EndNanos, done[1].StartNanos);
        Assert.Equal(done[1].EndNanos, done[2].IntendedNanos);
    }

    [Fact]
    public void A_closed_loop_client_pauses_after_a_failure()
    {
        var bench = new Bench("c", Options with { Clients = 1 });
        bench.LoadAll();
        bench.Client.Script = _ => Outcome.Failed;
        bench.Begin(bench.Generator.CreateClosedPhase(1_000_000_000));
        Assert.Equal(1, bench.Counters.Attempted);
        bench.Pass(999_999);
        Assert.Equal(1, bench.Counters.Attempted);
        bench.Pass(1);
        Assert.Equal(2, bench.Counters.Attempted);
    }

    [Fact]
    public void The_final_read_reads_every_key_ever_written_once()
    {
        var bench = new Bench("d", Options, "insertproportion=0.5", "operationcount=100000");
        bench.LoadAll();
        bench.Client.Manual = true;
        var run = bench.Begin(bench.Generator.CreateClosedPhase(1_000_000_000));
        for (var i = 0; i < 1000; i++)
        {
            bench.Clock.Nanos += 10;
            bench.Client.EndOne();
        }

        run.Stop();
        bench.Client.EndAll();
        Assert.True(bench.Engine.IsQuiet());
        var entriesBefore = bench.Sink.Entries.Count;
        bench.Client.Manual = false;
        bench.Begin(bench.Generator.CreateFinalReadPhase());
        Assert.True(bench.Engine.IsQuiet());
        var keys = bench.EntriesFrom(entriesBefore).ToArray();
        Assert.Equal(bench.Client.Records.Count, keys.Length);
        Assert.True(keys.Length > 300);
        Assert.Equal(keys.Length, keys.Select(k => k.Key).Distinct().Count());
        Assert.All(keys, k => Assert.Equal((HistoryKind.Read, HistoryOutcome.Ok), (k.Kind, k.Outcome)));
    }

    [Fact]
    public void The_final_read_asks_again_until_there_is_an_answer_or_its_attempts_are_used_up()
    {
        var bench = new Bench("a", Options, "recordcount=2");
        bench.LoadAll();
        var first = bench.Spec.CreateKeyFormat().Text(0);
        var failures = 2;
        bench.Client.Script = o =>
            System.Text.Encoding.ASCII.GetString(o.Key.Span) == first && failures-- <= 0 ? null : Outcome.Failed;
        bench.Begin(bench.Generator.CreateFinalReadPhase());
        for (var i = 0; i < 5; i++)
        {
            bench.Pass(100_000_000);
        }

        Assert.True(bench.Engine.IsQuiet());
        Assert.Equal((1, 1), (bench.Counters.Unfinished, bench.Counters.ByOutcome[(int)OperationOutcome.Ok]));
        Assert.Equal(6, bench.Counters.Attempted);
    }

    [Fact]
    public void What_the_client_never_ends_is_unknown_and_a_late_end_changes_nothing()
    {
        var bench = new Bench("a", Options, "readproportion=0", "updateproportion=1");
        bench.LoadAll();
        var entriesBefore = bench.Sink.Entries.Count;
        bench.Client.Manual = true;
        var phase = bench.Begin(bench.Generator.CreateClosedPhase(1_000_000_000));
        phase.Stop();
        bench.Engine.Abandon();
        Assert.True(bench.Engine.IsQuiet());
        Assert.Equal(4, bench.Counters.Abandoned);
        Assert.Equal(4, bench.Counters.ByOutcome[(int)OperationOutcome.Unknown]);
        foreach (var entry in bench.EntriesFrom(entriesBefore))
        {
            Assert.Equal((HistoryKind.Write, HistoryOutcome.Info), (entry.Kind, entry.Outcome));
        }

        bench.Client.EndAll();
        Assert.Equal(entriesBefore + 4, bench.Sink.Entries.Count);
        bench.Begin(bench.Generator.CreateClosedPhase(1_000_000_000));
        Assert.Equal(4, bench.Client.Pending.Count);
        bench.Client.EndOne();
        Assert.True(bench.Sink.Entries[^1].Process >= 4, "an abandoned process is not used again");
    }

    [Fact]
    public void Lag_percentiles_are_within_a_thirtieth()
    {
        var histogram = new LagHistogram();
        for (var i = 1; i <= 100_000; i++)
        {
            histogram.Record(i);
        }

        histogram.Record(-5);
        Assert.InRange(histogram.Percentile(50), 50_000, 52_000);
        Assert.InRange(histogram.Percentile(99), 99_000, 100_000);
        Assert.Equal(100_000, histogram.Percentile(100));
        Assert.Equal(0, new LagHistogram().Percentile(99));
        histogram.Record(long.MaxValue);
        Assert.Equal(long.MaxValue, histogram.Percentile(100));
    }
}
