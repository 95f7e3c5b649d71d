namespace Testbed.Tests.Unit.Faults;

/// <summary>A clock that moves only when told; timers fire in order of their time.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<Timer> _timers = [];
    private long _nanos;

    public long Nanos => Interlocked.Read(ref _nanos);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>
    /// Moves to the next timer, again and again, until the task has ended or the limit is reached. Between
    /// steps it yields, so that what a timer woke can ask for the next one.
    /// </summary>
    public async Task RunAsync(Task task, long limitNanos)
    {
        for (var idle = 0; !task.IsCompleted && Nanos < limitNanos && idle < 10_000;)
        {
            Timer? next;
            lock (_lock)
            {
                next = _timers.Where(t => t.DueNanos is not null).MinBy(t => t.DueNanos);
                if (next is not null)
                {
                    Interlocked.Exchange(ref _nanos, Math.Max(_nanos, next.DueNanos!.Value));
                    next.DueNanos = null;
                }
            }

            idle = next is null ? idle + 1 : 0;
            next?.Fire();
            for (var i = 0; i < 20; i++)
            {
                await Task.Yield();
            }
        }
    }

    private sealed class Timer(ManualTime time, Action fire) : ITimer
    {
        public long? DueNanos { get; set; }

        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._lock)
            {
                DueNanos = dueTime < TimeSpan.Zero ? null : time.Nanos + (dueTime.Ticks * 100);
                if (!time._timers.Contains(this))
                {
                    time._timers.Add(this);
                }
            }

            return true;
        }

        public void Dispose()
        {
            lock (time._lock)
            {
                time._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
