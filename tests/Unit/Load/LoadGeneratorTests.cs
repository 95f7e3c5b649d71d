using Testbed.Checker;
using Testbed.Client;
using Testbed.Harness.Load;
using Testbed.Results;
using Testbed.Workloads;
using Testbed.Tests.Unit.Support;

namespace Testbed.Tests.Unit.Load;

/// <summary>The generator with its own threads and clock, and clients that end operations at once.</summary>
public sealed class LoadGeneratorTests
{
    [Fact]
    public async Task An_open_loop_run_offers_the_rate_and_ends()
    {
        var sink = new RecordingSink();
        var generator = Generator("b", new LoadOptions { RatePerSecond = 5000, Seed = 1 }, sink, new MemoryClient());
        var loaded = await generator.LoadRecordsAsync(TestContext.Current.CancellationToken);
        var run = await generator.RunAsync(TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken);
        var read = await generator.ReadAllAsync(null, TestContext.Current.CancellationToken);
        Assert.Equal((1000, 1000), (loaded.Ok, loaded.Attempted));
        Assert.InRange(run.Offered, 1300, 1700);
        Assert.Equal(run.Offered, run.Ok);
        Assert.NotNull(run.LagP99Nanos);
        Assert.Equal((1000, 0), (read.Ok, read.Unfinished));
        Assert.Equal(loaded.Ok + run.Ok + read.Ok, sink.Operations.Count);
        Assert.False(sink.Overlapped);
    }

    [Fact]
    public async Task A_closed_loop_run_with_a_client_of_many_threads_reports_one_at_a_time()
    {
        var sink = new RecordingSink();
        var generator = Generator("a", new LoadOptions { Clients = 16, Seed = 1 }, sink, new PoolClient(new MemoryClient()));
        await generator.LoadRecordsAsync(TestContext.Current.CancellationToken);
        var run = await generator.RunAsync(TimeSpan.FromMilliseconds(200), TestContext.Current.CancellationToken);
        Assert.True(run.Ok > 100);
        Assert.Equal((run.Ok, 16), (run.Attempted, run.MaxInFlight));
        Assert.False(sink.Overlapped);
        Assert.Null(run.LagP99Nanos);
        var byProcess = sink.Entries.GroupBy(e => e.Process);
        Assert.All(byProcess, p => Assert.True(
            p.Zip(p.Skip(1)).All(pair => pair.First.CompleteNanos <= pair.Second.InvokeNanos)));
        var latest = long.MinValue;
        var open = new HashSet<int>();
        foreach (var e in sink.Events)
        {
            var begins = e.Type == HistoryEventType.Invoke;
            Assert.True(begins ? open.Add(e.Process) : open.Remove(e.Process));
            Assert.True(!begins || e.TimeNanos >= latest, "a beginning before an end that was told earlier");
            latest = begins ? latest : Math.Max(latest, e.TimeNanos);
        }

        Assert.Empty(open);
    }

    [Fact]
    public async Task A_cancelled_run_ends_early_with_its_report()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var sink = new CancellingSink(cancel);
        var generator = Generator("c", new LoadOptions { RatePerSecond = 2000, Seed = 1 }, sink, new NoOpClient());
        var run = await generator.RunAsync(TimeSpan.FromHours(1), cancel.Token);
        Assert.True(run.Interrupted);
        Assert.Equal(run.Attempted, run.NotFound);
    }

    [Fact]
    public async Task What_the_sink_throws_comes_out_of_the_phase()
    {
        var generator = Generator("c", new LoadOptions { Clients = 2, Seed = 1 }, new ThrowingSink(), new NoOpClient());
        var thrown = await Assert.ThrowsAsync<IOException>(
            () => generator.RunAsync(TimeSpan.FromHours(1), TestContext.Current.CancellationToken));
        Assert.Equal("disk full", thrown.Message);
    }

    [Fact]
    public async Task Two_phases_at_once_are_refused()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var generator = Generator("c", new LoadOptions { RatePerSecond = 10, Seed = 1 }, new CountingSink(), new NoOpClient());
        var first = generator.RunAsync(TimeSpan.FromHours(1), cancel.Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => generator.ReadAllAsync(null, cancel.Token));
        await cancel.CancelAsync();
        await first;
    }

    [Theory]
    [InlineData("b", 0)]
    [InlineData("b", 1024)]
    [InlineData("a", 1024)]
    [InlineData("f", 1024)]
    public void An_operation_allocates_nothing(string workload, int valueBytes)
    {
        var clock = new CountedClock();
        var sink = new CountingSink();
        var options = new LoadOptions { Clients = 16, LoadConcurrency = 16, Seed = 1 };
        var generator = new LoadGenerator(new NoOpClient(valueBytes), Spec(workload), options, sink, clock);
        long Allocated(long operations)
        {
            var phase = generator.CreateClosedPhase(operations);
            generator.Engine.Start(phase);
            var bytes = Allocation.Least(generator.Engine.Pump, rounds: 1);
            Assert.True(generator.Engine.IsQuiet());
            return bytes;
        }

        Allocated(20_000);
        var operationsBefore = sink.Operations;
        var least = long.MaxValue;
        for (var round = 0; round < 8 && least > 0; round++)
        {
            least = Math.Min(least, Allocated(20_000));
        }

        Assert.Equal(0, least);
        Assert.True(sink.Operations - operationsBefore > 8_000);
    }

    [Fact]
    public void Large_values_bound_the_operations_in_flight()
    {
        var options = new LoadOptions { RatePerSecond = 10, MaxInFlight = 1000, MaxBufferBytes = 10 << 20, Seed = 1 };
        var spec = WorkloadSpec.Parse(WorkloadFile.Shipped("a")!, ["valuesize=1048576"]).Spec!;
        Assert.Equal(10, new LoadGenerator(new NoOpClient(), spec, options, new CountingSink()).MostInFlight);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(-5.0)]
    [InlineData(double.NaN)]
    public void A_rate_that_is_none_is_refused_before_anything_is_sent(double rate) =>
        Assert.Throws<ArgumentOutOfRangeException>(
            () => Generator("a", new LoadOptions { RatePerSecond = rate, Seed = 1 }, new CountingSink(), new NoOpClient()));

    private static LoadGenerator Generator(string workload, LoadOptions options, IOperationSink sink, IKvClient client) =>
        new(client, Spec(workload), options, sink);

    private static WorkloadSpec Spec(string workload) =>
        WorkloadSpec.Parse(WorkloadFile.Shipped(workload)!, []).Spec!;

    /// <summary>Moves by one with every look, so that a phase of n ns does about n operations.</summary>
    private sealed class CountedClock : LoadClock
    {
        private long _now;

        public override long NowNanos => _now++;
    }

    private sealed class CancellingSink(CancellationTokenSource cancel) : IOperationSink
    {
        private int _count;

        public void Completed(in CompletedOperation op)
        {
            if (++_count == 20)
            {
                cancel.Cancel();
            }
        }

        public void Invoked(in HistoryEvent invocation)
        {
        }

        public void History(in HistoryOperation op)
        {
        }
    }

    private sealed class ThrowingSink : IOperationSink
    {
        public void Completed(in CompletedOperation op) => throw new IOException("disk full");

        public void Invoked(in HistoryEvent invocation)
        {
        }

        public void History(in HistoryOperation op)
        {
        }
    }

    /// <summary>Ends operations on threads of the pool.</summary>
    private sealed class PoolClient(IKvClient inner) : IKvClient
    {
        public void Submit(KvOperation operation) =>
            ThreadPool.UnsafeQueueUserWorkItem(static o => o.inner.Submit(o.operation), (inner, operation), preferLocal: false);

        public IReadOnlyDictionary<string, long> Counters() => inner.Counters();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
