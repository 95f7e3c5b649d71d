using System.Diagnostics;
using HdrHistogram;
using Testbed.Client;

namespace Testbed.Benchmarks.Support;

/// <summary>What a closed loop measured.</summary>
/// <param name="PerSecond">Operations per second that ended ok or not found.</param>
/// <param name="P50Micros">Median latency.</param>
/// <param name="P99Micros">99th percentile of the latency.</param>
/// <param name="Failed">Operations that ended otherwise.</param>
/// <param name="Operations">All that ended, those of the warm-up too.</param>
/// <param name="CpuMicrosPerOperation">Processor time of this process.</param>
/// <param name="AllocatedBytesPerOperation">Managed bytes allocated by this process.</param>
internal readonly record struct ClosedLoopResult(
    double PerSecond, double P50Micros, double P99Micros, long Failed, long Operations,
    double CpuMicrosPerOperation, double AllocatedBytesPerOperation);

/// <summary>N clients of which each submits its next operation when its last one has ended.</summary>
internal sealed class ClosedLoop
{
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(15);

    private readonly IKvClient _client;
    private readonly TimeProvider _time;
    private readonly LongHistogram _latencies = new(1, 60_000_000_000, 3);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _measureFrom;
    private long _measureUntil;
    private int _running;
    private long _completed;
    private long _failed;

    // Those of the warm-up too: processor time and allocations are taken over all of it.
    private long _all;

    private ClosedLoop(IKvClient client, TimeProvider time)
    {
        _client = client;
        _time = time;
    }

    /// <summary>
    /// Runs the loop. <paramref name="prepare"/> is called before each submission with the client's number
    /// and its count. Operations that end during the first <paramref name="warmup"/> are not counted.
    /// </summary>
    public static async Task<ClosedLoopResult> RunAsync(IKvClient client, int clients, TimeSpan warmup,
        TimeSpan measured, Action<KvOperation, int, long> prepare,
        TimeProvider? time = null)
    {
        var loop = new ClosedLoop(client, time ?? TimeProvider.System);
        var now = loop._time.GetTimestamp();
        var frequency = loop._time.TimestampFrequency;
        loop._measureFrom = now + (long)(warmup.TotalSeconds * frequency);
        loop._measureUntil = loop._measureFrom + (long)(measured.TotalSeconds * frequency);
        loop._running = clients;
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var allocated = GC.GetTotalAllocatedBytes();
        for (var i = 0; i < clients; i++)
        {
            new Worker(loop, i, prepare).SubmitNext();
        }

        await loop._ended.Task.WaitAsync(warmup + measured + DrainLimit).ConfigureAwait(false);
        var all = Math.Max(1, loop._all);
        cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        return new ClosedLoopResult(
            loop._completed / measured.TotalSeconds,
            Percentile(loop._latencies, 50),
            Percentile(loop._latencies, 99),
            loop._failed,
            loop._all,
            cpu.TotalMicroseconds / all,
            (double)allocated / all);
    }

    private static double Percentile(LongHistogram histogram, double percentile) =>
        histogram.TotalCount == 0 ? 0 : histogram.GetValueAtPercentile(percentile) / 1000.0;

    // Called on the client's loop: one thread at a time.
    private bool Record(KvOperation operation, long begun)
    {
        var now = _time.GetTimestamp();
        _all++;
        if (now >= _measureFrom && now < _measureUntil)
        {
            if (operation.Outcome is Outcome.Ok or Outcome.NotFound)
            {
                _completed++;
                _latencies.RecordValue(Math.Max(1, (long)((now - begun) * (1e9 / _time.TimestampFrequency))));
            }
            else
            {
                _failed++;
            }
        }

        return now < _measureUntil;
    }

    private bool Continue(Worker worker)
    {
        lock (_latencies)
        {
            if (Record(worker, worker.Begun))
            {
                return true;
            }

            if (--_running == 0)
            {
                _ended.TrySetResult();
            }

            return false;
        }
    }

    private sealed class Worker(ClosedLoop loop, int number, Action<KvOperation, int, long> prepare)
        : KvOperation
    {
        private const int Submitting = 0;
        private const int Submitted = 1;
        private const int Completed = 2;

        private long _count;
        private int _state;

        public long Begun { get; private set; }

        // A client that answers within Submit must not make the stack grow: whoever comes second, the
        // submitter or the completion, goes on.
        public void SubmitNext()
        {
            do
            {
                prepare(this, number, _count++);
                Begun = loop._time.GetTimestamp();
                Volatile.Write(ref _state, Submitting);
                loop._client.Submit(this);
            }
            while (Interlocked.CompareExchange(ref _state, Submitted, Submitting) == Completed
                && loop.Continue(this));
        }

        protected internal override void OnCompleted()
        {
            if (Interlocked.CompareExchange(ref _state, Completed, Submitting) == Submitted
                && loop.Continue(this))
            {
                SubmitNext();
            }
        }
    }
}
