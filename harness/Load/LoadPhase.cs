using Testbed.Results;

namespace Testbed.Harness.Load;

/// <summary>
/// What the engine is to do for a while. All but <see cref="Stop"/> is called by the engine's owner.
/// </summary>
internal abstract class LoadPhase(LoadEngine engine, int concurrency, long pauseMicros)
{
    private readonly Queue<LoadSlot> _resting = new(concurrency);
    private volatile bool _stopping;

    /// <summary>True when nothing more will be begun.</summary>
    public abstract bool IsExhausted { get; }

    /// <summary>True once stopped.</summary>
    public bool IsStopping => _stopping;

    protected LoadEngine Engine { get; } = engine;

    /// <summary>Operations that may be outstanding or resting.</summary>
    protected int Concurrency { get; } = concurrency;

    /// <summary>Slots taken from the engine.</summary>
    protected int Taken { get; private set; }

    protected bool AnyResting => _resting.Count > 0;

    /// <summary>From any thread: begin nothing more.</summary>
    public void Stop() => _stopping = true;

    /// <summary>Begins what is due; false when there was nothing.</summary>
    public abstract bool Dispatch();

    /// <summary>The slot's operation ended.</summary>
    public abstract void Ended(LoadSlot slot, OperationOutcome outcome);

    /// <summary>A slot was given up; it will not come back.</summary>
    public void Gone() => Taken--;

    protected bool TryTake(out LoadSlot slot)
    {
        slot = null!;
        if (Taken >= Concurrency || !Engine.TryTake(out slot))
        {
            return false;
        }

        Taken++;
        slot.Attempts = 0;
        return true;
    }

    protected void Release(LoadSlot slot)
    {
        Taken--;
        Engine.Release(slot);
    }

    /// <summary>The slot pauses. The pause is the same for all, so the queue is in order.</summary>
    protected void Rest(LoadSlot slot)
    {
        slot.ReadyNanos = slot.EndNanos + (pauseMicros * 1000);
        _resting.Enqueue(slot);
    }

    /// <summary>A slot whose pause is over, or any once the phase stops.</summary>
    protected bool TryWake(long nowNanos, out LoadSlot slot)
    {
        if (_resting.TryPeek(out slot!) && (_stopping || slot.ReadyNanos <= nowNanos))
        {
            _resting.Dequeue();
            return true;
        }

        return false;
    }
}
