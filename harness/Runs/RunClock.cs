using System.Diagnostics;

namespace Testbed.Harness.Runs;

/// <summary>The clock of one run: nanoseconds since it began.</summary>
internal sealed class RunClock
{
    /// <summary>Stopwatch timestamp of time 0.</summary>
    public long OriginTimestamp { get; } = Stopwatch.GetTimestamp();

    /// <summary>Nanoseconds since time 0.</summary>
    public long NowNanos => (long)((Stopwatch.GetTimestamp() - OriginTimestamp) * (1e9 / Stopwatch.Frequency));
}
