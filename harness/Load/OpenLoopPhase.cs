using Testbed.Results;
using Testbed.Workloads;

namespace Testbed.Harness.Load;

/// <summary>
/// Operations at the times a schedule says, however long others take. What comes late is still sent, its
/// latency counted from the intended start; what finds no slot is shed at once, so there is no backlog to
/// replay.
/// </summary>
internal sealed class OpenLoopPhase : LoadPhase
{
    /// <summary>Operations begun in a row before completions are looked at.</summary>
    private const int Burst = 64;

    private readonly OperationStream _stream;
    private readonly ArrivalSchedule _schedule;
    private readonly long _startNanos;
    private readonly long _endNanos;
    private long _nextNanos;

    public OpenLoopPhase(
        LoadEngine engine, OperationStream stream, ArrivalSchedule schedule, int maxInFlight,
        long durationNanos)
        : base(engine, maxInFlight, pauseMicros: 0)
    {
        _stream = stream;
        _schedule = schedule;
        _startNanos = engine.Clock.NowNanos;
        _endNanos = _startNanos + durationNanos;
        Advance();
    }

    /// <summary>When the next operation is due; from any thread.</summary>
    public long NextNanos => Volatile.Read(ref _nextNanos);

    public override bool IsExhausted => IsStopping || NextNanos >= _endNanos;

    public override bool Dispatch()
    {
        for (var i = 0; i < Burst; i++)
        {
            if (IsExhausted)
            {
                return i > 0;
            }

            var intended = _nextNanos;
            var now = Engine.Clock.NowNanos;
            if (now < intended)
            {
                return i > 0;
            }

            if (Taken == Concurrency && Engine.HasFinished)
            {
                // A slot is free in all but name: take it back before anything is shed.
                return true;
            }

            var operation = _stream.Next();
            Engine.Counters.Offered++;
            Engine.Counters.Lag.Record(now - intended);
            Advance();
            if (TryTake(out var slot))
            {
                Engine.Begin(slot, operation, intended, now);
            }
            else
            {
                Engine.Shed(operation, intended, now);
            }
        }

        return true;
    }

    public override void Ended(LoadSlot slot, OperationOutcome outcome) => Release(slot);

    private void Advance() => Volatile.Write(ref _nextNanos, _startNanos + _schedule.NextNanos());
}
