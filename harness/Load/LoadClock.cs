using System.Diagnostics;

namespace Testbed.Harness.Load;

/// <summary>Nanoseconds since the run's start. Tests have one they move by hand.</summary>
internal abstract class LoadClock
{
    public abstract long NowNanos { get; }
}

/// <summary>The machine's monotonic clock.</summary>
internal sealed class StopwatchClock(long originTimestamp) : LoadClock
{
    private static readonly double NanosPerTick = 1e9 / Stopwatch.Frequency;

    public override long NowNanos
    {
        get
        {
            var ticks = Stopwatch.GetTimestamp() - originTimestamp;
            return Stopwatch.Frequency == 1_000_000_000 ? ticks : (long)(ticks * NanosPerTick);
        }
    }
}
