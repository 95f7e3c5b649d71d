using Testbed.Results;
using Workload = Testbed.Workloads.Operation;

namespace Testbed.Harness.Load;

/// <summary>
/// A fixed list of operations, each tried until it gives an answer or its attempts are used up.
/// </summary>
internal abstract class ListPhase(LoadEngine engine, int concurrency, long pauseMicros, int attempts)
    : LoadPhase(engine, concurrency, pauseMicros)
{
    private bool _empty;

    public override bool IsExhausted => (_empty || IsStopping) && !AnyResting;

    public override bool Dispatch()
    {
        var any = false;
        if (AnyResting)
        {
            while (TryWake(Engine.Clock.NowNanos, out var slot))
            {
                Again(slot);
                any = true;
            }
        }

        while (!_empty && !IsStopping && TryTake(out var slot))
        {
            Next(slot);
            any = true;
        }

        return any;
    }

    public override void Ended(LoadSlot slot, OperationOutcome outcome)
    {
        if (IsAnswer(outcome))
        {
            Next(slot);
        }
        else if (slot.Attempts < attempts && !IsStopping)
        {
            Rest(slot);
        }
        else
        {
            Engine.Counters.Unfinished++;
            Next(slot);
        }
    }

    protected abstract bool TryNext(out Workload operation);

    protected abstract bool IsAnswer(OperationOutcome outcome);

    private void Next(LoadSlot slot)
    {
        if (IsStopping || !TryNext(out var operation))
        {
            _empty |= !IsStopping;
            Release(slot);
            return;
        }

        slot.Attempts = 0;
        Begin(slot, operation);
    }

    private void Again(LoadSlot slot)
    {
        if (IsStopping)
        {
            Engine.Counters.Unfinished++;
            Release(slot);
            return;
        }

        Begin(slot, slot.Work);
    }

    private void Begin(LoadSlot slot, in Workload operation)
    {
        slot.Attempts++;
        Engine.Counters.Offered++;
        var now = Engine.Clock.NowNanos;
        Engine.Begin(slot, operation, now, now);
    }
}
