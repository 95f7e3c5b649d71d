namespace Testbed.Harness.Load;

/// <summary>
/// The thread that wakes the engine when an operation is due: it sleeps up to the intended start and spins
/// only for gaps too short to sleep. Completions dispatch due operations too, so under load it has little to
/// do.
/// </summary>
internal sealed class OpenLoopPacer
{
    /// <summary>Shorter waits than this are spun at low rates.</summary>
    private const long SpinNanos = 15_000;

    /// <summary>
    /// At high rates it wakes no more often than this and sends what has become due together.
    /// </summary>
    private const long BatchNanos = 50_000;

    /// <summary>Longest sleep, so that a stop is noticed.</summary>
    private const long LongestNanos = 10_000_000;

    private readonly LoadEngine _engine;
    private readonly OpenLoopPhase _phase;
    private readonly long _leastSleepNanos;
    private readonly Thread _thread;
    private Exception? _failure;

    public OpenLoopPacer(LoadEngine engine, OpenLoopPhase phase, double ratePerSecond)
    {
        _engine = engine;
        _phase = phase;
        _leastSleepNanos = ratePerSecond > 1e9 / BatchNanos / 2 ? BatchNanos : 0;
        _thread = new Thread(Run)
        {
            IsBackground = true,
            Name = "load pacer",
            Priority = ThreadPriority.AboveNormal,
        };
    }

    public void Start() => _thread.Start();

    /// <summary>
    /// Waits for the thread, which ends within 10 ms of the phase; throws what ended it early.
    /// </summary>
    public void Join()
    {
        _thread.Join();
        if (_failure is { } failure)
        {
            throw new InvalidOperationException("the load pacer ended early: " + failure.Message, failure);
        }
    }

    private void Run()
    {
        try
        {
            using var sleeper = new PreciseSleeper();
            while (!_phase.IsExhausted)
            {
                var next = _phase.NextNanos;
                var wait = next - _engine.Clock.NowNanos;
                if (wait <= 0)
                {
                    _engine.Pump();
                    if (_phase.NextNanos == next)
                    {
                        // Another thread owns the engine and will see to it.
                        Thread.Yield();
                    }
                }
                else if (wait >= SpinNanos || _leastSleepNanos > 0)
                {
                    sleeper.Sleep(Math.Clamp(wait, _leastSleepNanos, LongestNanos));
                }
                else
                {
                    Thread.SpinWait(20);
                }
            }
        }
        catch (Exception exception)
        {
            // An exception that leaves a thread takes the process down.
            _failure = exception;
            _phase.Stop();
        }
    }
}
