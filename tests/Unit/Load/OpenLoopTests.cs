using Testbed.Client;
using Testbed.Harness.Load;
using Testbed.Results;
using Testbed.Workloads;

namespace Testbed.Tests.Unit.Load;

public sealed class OpenLoopTests
{
    private const long Milli = 1_000_000;
    private const long Second = 1000 * Milli;

    private static readonly LoadOptions Options = new()
    {
        RatePerSecond = 1000,
        Arrival = ArrivalKind.Constant,
        MaxInFlight = 8,
        Seed = 1,
    };

    [Fact]
    public void Operations_start_when_the_schedule_says()
    {
        var bench = new Bench("a", Options);
        bench.LoadAll();
        var begin = bench.Clock.Nanos;
        var before = bench.Sink.Operations.Count;
        var phase = bench.Begin(bench.Generator.CreateOpenPhase(10 * Milli));
        for (var i = 0; i < 20; i++)
        {
            bench.Pass(Milli / 2);
        }

        Assert.True(phase.IsExhausted);
        Assert.True(bench.Engine.IsQuiet());
        var intended = bench.Sink.Operations.Skip(before).Select(o => o.IntendedNanos - begin);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => i * Milli), intended);
        Assert.Equal((10, 10), (bench.Counters.Offered, bench.Counters.Attempted));
    }

    [Fact]
    public void Latency_counts_from_the_intended_start_when_the_generator_was_late()
    {
        var bench = new Bench("c", Options);
        bench.LoadAll();
        var begin = bench.Clock.Nanos;
        var before = bench.Sink.Operations.Count;
        bench.Begin(bench.Generator.CreateOpenPhase(6 * Milli));
        bench.Pass(5 * Milli);
        var late = bench.Sink.Operations.Skip(before + 1).ToList();
        Assert.Equal(5, late.Count);
        Assert.All(late, o => Assert.Equal(begin + (5 * Milli), o.StartNanos));
        Assert.Equal([1, 2, 3, 4, 5], late.Select(o => (o.IntendedNanos - begin) / Milli));
        Assert.Equal(4 * Milli, bench.Counters.Lag.Max);
    }

    [Fact]
    public void What_finds_no_slot_is_shed_at_once_and_not_replayed()
    {
        var bench = new Bench("c", Options);
        bench.LoadAll();
        bench.Client.Manual = true;
        var before = bench.Sink.Operations.Count;
        bench.Begin(bench.Generator.CreateOpenPhase(30 * Milli));
        for (var i = 0; i < 20; i++)
        {
            bench.Pass(Milli);
        }

        var shed = bench.Sink.Operations.Skip(before).ToList();
        Assert.Equal(13, shed.Count);
        Assert.All(shed, o => Assert.Equal(OperationOutcome.Shed, o.Outcome));
        Assert.Equal((21, 8, 8), (bench.Counters.Offered, bench.Counters.Attempted, bench.Counters.MaxInFlight));

        bench.Client.EndAll();
        Assert.Equal(8, bench.Counters.Attempted);
        bench.Pass(Milli);
        Assert.Equal(9, bench.Counters.Attempted);
    }

    [Fact]
    public void A_completion_dispatches_what_is_due()
    {
        var bench = new Bench("c", Options);
        bench.LoadAll();
        bench.Client.Manual = true;
        bench.Begin(bench.Generator.CreateOpenPhase(30 * Milli));
        Assert.Single(bench.Client.Pending);
        bench.Clock.Nanos += Milli;
        bench.Client.EndOne();
        Assert.Single(bench.Client.Pending);
        Assert.Equal(2, bench.Counters.Attempted);
    }

    [Fact]
    public void Every_operation_that_was_due_before_the_end_is_offered_however_late()
    {
        var bench = new Bench("c", Options with { RatePerSecond = 100_000, MaxInFlight = 4 });
        bench.LoadAll();
        bench.Begin(bench.Generator.CreateOpenPhase(10 * Milli));
        bench.Pass(Second);
        Assert.True(bench.Engine.IsQuiet());
        Assert.Equal((1000, 1000), (bench.Counters.Offered, bench.Counters.Attempted));
    }

    [Fact]
    public void A_stopped_phase_begins_nothing_more()
    {
        var bench = new Bench("c", Options);
        bench.LoadAll();
        var phase = bench.Begin(bench.Generator.CreateOpenPhase(Second));
        phase.Stop();
        bench.Pass(Second / 2);
        Assert.Equal(1, bench.Counters.Attempted);
        Assert.True(bench.Engine.IsQuiet());
    }

    [Fact]
    public void Lateness_makes_the_run_void()
    {
        var bench = new Bench("c", Options);
        bench.LoadAll();
        bench.Begin(bench.Generator.CreateOpenPhase(100 * Milli));
        bench.Pass(100 * Milli);
        var report = bench.Counters.ToReport(interrupted: false, Options);
        Assert.True(report.IsVoid);
        Assert.Equal(
            "the load generator was late: schedule lag p99 98.6 ms, allowed 5.0 ms; lower --rate", report.VoidReason);
    }

    [Fact]
    public void Too_few_attempts_make_the_run_void()
    {
        var bench = new Bench("c", Options);
        bench.LoadAll();
        bench.Client.Manual = true;
        bench.Begin(bench.Generator.CreateOpenPhase(10 * Milli));
        for (var i = 0; i < 10; i++)
        {
            bench.Pass(Milli);
        }

        bench.Client.EndAll();
        var report = bench.Counters.ToReport(interrupted: false, Options);
        Assert.Equal(
            "only 80.0 % of 10 offered operations were attempted, 2 were shed at 8 in flight; lower --rate",
            report.VoidReason);
    }

    [Fact]
    public void A_run_on_time_is_not_void()
    {
        var bench = new Bench("c", Options);
        bench.LoadAll();
        bench.Begin(bench.Generator.CreateOpenPhase(10 * Milli));
        for (var i = 0; i < 100; i++)
        {
            bench.Pass(Milli / 10);
        }

        var report = bench.Counters.ToReport(interrupted: false, Options);
        Assert.False(report.IsVoid);
        Assert.Equal(1, report.AttemptedShare);
        Assert.Equal(0, report.LagP99Nanos);
    }

    [Fact]
    public void The_operations_are_those_of_the_dump_whatever_the_cluster_does()
    {
        var bench = new Bench("a", Options);
        bench.LoadAll();
        bench.Client.Submitted.Clear();
        bench.Client.Script = o => o.Kind == OperationKind.Get ? Outcome.Failed : Outcome.Unknown;
        bench.Begin(bench.Generator.CreateOpenPhase(50 * Milli));
        bench.Pass(50 * Milli);
        var stream = new OperationStream(bench.Spec, seed: 1);
        var keys = bench.Spec.CreateKeyFormat();
        Assert.Equal(
            Enumerable.Range(0, 50).Select(_ => keys.Text(stream.Next().Key)), bench.Client.Submitted.Select(s => s.Key));
    }
}
