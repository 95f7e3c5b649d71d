using System.Diagnostics;
using Testbed.Client;
using Testbed.Workloads;

namespace Testbed.Harness.Load;

/// <summary>
/// Drives a workload against a cluster: loads the records, runs the operations open or closed loop, reads all
/// keys in the end. One phase at a time; the stream of operations goes on from run to run. Cancelling ends a
/// phase early, with its report, once what is in flight has ended.
/// </summary>
public sealed class LoadGenerator
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan PacedTick = TimeSpan.FromMilliseconds(20);
    private readonly LoadOptions _options;
    private readonly WorkloadSpec _spec;
    private readonly LoadEngine _engine;
    private readonly OperationStream _stream;
    private readonly int _maxInFlight;
    private readonly int _clients;
    private readonly int _loadConcurrency;
    private int _busy;

    /// <summary>A generator; it uses the client and sink but owns neither.</summary>
    public LoadGenerator(IKvClient client, WorkloadSpec spec, LoadOptions options, IOperationSink sink)
        : this(client, spec, options, sink, new StopwatchClock(
            options.OriginTimestamp == 0 ? Stopwatch.GetTimestamp() : options.OriginTimestamp))
    {
    }

    internal LoadGenerator(
        IKvClient client, WorkloadSpec spec, LoadOptions options, IOperationSink sink, LoadClock clock)
    {
        Validate(options);
        _options = options;
        _spec = spec;
        var most = (int)Math.Clamp(options.MaxBufferBytes / spec.MaxValueBytes, 1, int.MaxValue);
        _maxInFlight = Math.Min(most, options.MaxInFlight);
        _clients = Math.Min(most, options.Clients);
        _loadConcurrency = Math.Min(most, options.LoadConcurrency);
        var slots = Math.Max(_loadConcurrency, IsOpenLoop ? _maxInFlight : _clients);
        _engine = new LoadEngine(client, spec, options, sink, clock, slots);
        _stream = new OperationStream(spec, options.Seed);
    }

    /// <summary>
    /// Operations in flight now; the client must allow this many (<see cref="MostInFlight"/>).
    /// </summary>
    public int InFlight => _engine.InFlight;

    /// <summary>Most operations this generator has in flight at once.</summary>
    public int MostInFlight => Math.Max(_loadConcurrency, IsOpenLoop ? _maxInFlight : _clients);

    /// <summary>Keys it has tried to write so far; read it between phases.</summary>
    public long WrittenKeys => _engine.Written.Count;

    internal LoadEngine Engine => _engine;

    private bool IsOpenLoop => _options.RatePerSecond is not null || _options.Arrival == ArrivalKind.Steps;

    /// <summary>
    /// Inserts all records of the load phase; those that never succeeded are counted as unfinished.
    /// </summary>
    public Task<LoadReport> LoadRecordsAsync(CancellationToken cancel) =>
        RunPhaseAsync(CreateInsertPhase, limits: null, cancel);

    /// <summary>Runs the workload for a time, then waits for what is in flight.</summary>
    public Task<LoadReport> RunAsync(TimeSpan duration, CancellationToken cancel)
    {
        var nanos = duration.Ticks * 100;
        return IsOpenLoop
            ? RunPhaseAsync(() => CreateOpenPhase(nanos), _options, cancel)
            : RunPhaseAsync(() => CreateClosedPhase(nanos), limits: null, cancel);
    }

    /// <summary>
    /// Reads every key that was ever written until it gives an answer; for the history, after faults are
    /// healed. Keys that gave none are counted as unfinished.
    /// </summary>
    /// <param name="attempts">Attempts per key; null: those of the options.</param>
    /// <param name="cancel">Ends it early.</param>
    public Task<LoadReport> ReadAllAsync(int? attempts, CancellationToken cancel) =>
        RunPhaseAsync(() => CreateFinalReadPhase(attempts), limits: null, cancel);

    internal LoadPhase CreateInsertPhase() => new InsertPhase(
        _engine, new LoadStream(_spec, _options.Seed), _loadConcurrency, _options.RetryPauseMicros,
        _options.InsertAttempts);

    internal OpenLoopPhase CreateOpenPhase(long durationNanos) =>
        new(_engine, _stream, _options.CreateSchedule(), _maxInFlight, durationNanos);

    internal LoadPhase CreateClosedPhase(long durationNanos) =>
        new ClosedLoopPhase(_engine, _stream, _clients, _options.FailurePauseMicros, durationNanos);

    internal LoadPhase CreateFinalReadPhase(int? attempts = null) => new FinalReadPhase(
        _engine, _loadConcurrency, _options.RetryPauseMicros, attempts ?? _options.FinalReadAttempts);

    private async Task<LoadReport> RunPhaseAsync(
        Func<LoadPhase> create, LoadOptions? limits, CancellationToken cancel)
    {
        if (Interlocked.Exchange(ref _busy, 1) != 0)
        {
            throw new InvalidOperationException("a phase of this load generator is still running");
        }

        try
        {
            // Off the caller's thread: a client that completes inline keeps the pumping thread busy to the
            // end.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            var phase = create();
            _engine.Start(phase);
            await using var registration = cancel.Register(phase.Stop).ConfigureAwait(false);
            if (phase is OpenLoopPhase open)
            {
                var rate = _options.RatePerSecond ?? _options.Steps.Max(step => step.RatePerSecond);
                var pacer = new OpenLoopPacer(_engine, open, rate);
                pacer.Start();
                await PumpAsync(phase).ConfigureAwait(false);
                pacer.Join();
            }
            else
            {
                await PumpAsync(phase).ConfigureAwait(false);
            }

            _engine.ThrowIfFailed();
            return _engine.Counters.ToReport(phase.IsStopping, limits);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    private async Task PumpAsync(LoadPhase phase)
    {
        long? giveUpNanos = null;
        while (!_engine.IsQuiet())
        {
            if (phase.IsExhausted || phase.IsStopping)
            {
                var grace = Math.Min(phase.IsStopping ? 1_000_000 : long.MaxValue, _options.DrainGraceMicros);
                giveUpNanos ??= _engine.Clock.NowNanos + ((_options.TimeoutMicros + grace) * 1000);
                if (_engine.Clock.NowNanos >= giveUpNanos)
                {
                    _engine.Abandon();
                }
            }

            _engine.Pump();

            // In an open loop the pacer does the work; this only watches for the end.
            var tick = phase is OpenLoopPhase ? PacedTick : Tick;
            await Task.Delay(tick, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private static void Validate(LoadOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Clients, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxInFlight, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.LoadConcurrency, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.TimeoutMicros, 1);
        ArgumentOutOfRangeException.ThrowIfZero(options.Writer);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Writer, RecordValue.MaxWriter);
        if (options.RatePerSecond is not null || options.Arrival == ArrivalKind.Steps)
        {
            // Throws for a rate that is none before anything is sent.
            options.CreateSchedule();
        }
    }
}
