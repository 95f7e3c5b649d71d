using Testbed.Results;
using Testbed.Workloads;

namespace Testbed.Harness.Load;

/// <summary>
/// N clients, each with one operation outstanding. The end of one operation is the start of the client's
/// next: one timestamp for both.
/// </summary>
internal sealed class ClosedLoopPhase(
    LoadEngine engine, OperationStream stream, int clients, long pauseMicros, long durationNanos)
    : LoadPhase(engine, clients, pauseMicros)
{
    private readonly long _endNanos = engine.Clock.NowNanos + durationNanos;
    private bool _over;

    public override bool IsExhausted => (_over || IsStopping) && !AnyResting;

    public override bool Dispatch()
    {
        if (Taken == Concurrency && !AnyResting)
        {
            return false;
        }

        var now = Engine.Clock.NowNanos;
        _over |= now >= _endNanos;
        var any = false;
        while (TryWake(_over ? long.MaxValue : now, out var slot))
        {
            Continue(slot, now);
            any = true;
        }

        while (!_over && !IsStopping && TryTake(out var slot))
        {
            Continue(slot, now);
            any = true;
        }

        return any;
    }

    public override void Ended(LoadSlot slot, OperationOutcome outcome)
    {
        if (outcome == OperationOutcome.Failed)
        {
            // Failures can come back at once; without a pause a client would send nothing but those.
            Rest(slot);
            return;
        }

        Continue(slot, slot.EndNanos);
    }

    private void Continue(LoadSlot slot, long nowNanos)
    {
        _over |= nowNanos >= _endNanos;
        if (_over || IsStopping)
        {
            Release(slot);
            return;
        }

        Engine.Counters.Offered++;
        Engine.Begin(slot, stream.Next(), nowNanos, nowNanos);
    }
}
