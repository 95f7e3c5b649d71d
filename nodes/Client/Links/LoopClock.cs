namespace Testbed.Client.Links;

/// <summary>The two times that a core may see, in whole microseconds.</summary>
internal static class LoopClock
{
    /// <summary>Microseconds since an arbitrary start; never decreases.</summary>
    public static long MonotonicMicros(TimeProvider time) =>
        time.GetTimestamp() / (time.TimestampFrequency / 1_000_000);

    /// <summary>Microseconds since 1970-01-01 UTC by the machine's clock.</summary>
    public static long WallMicros(TimeProvider time) =>
        (time.GetUtcNow().Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;
}
