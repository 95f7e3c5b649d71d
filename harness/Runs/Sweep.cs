namespace Testbed.Harness.Runs;

/// <summary>
/// What the runs of a sweep over sizes of values take when nothing else is said: short, since there are many; enough
/// records that a node's memory is mostly theirs; no more bytes per second than a small machine carries.
/// </summary>
internal static class Sweep
{
    /// <summary>Most sizes of one sweep.</summary>
    public const int MostSizes = 16;

    /// <summary>The defaults in words.</summary>
    public const string Defaults = "workload a, 10s measured after 3s, as many records as make 128MiB (64 to 200000), and "
        + "2000 operations/s or as many as move 32MiB/s";

    private const long LoadedBytes = 128L << 20;
    private const long FewestRecords = 64;
    private const long MostRecords = 200_000;
    private const double BytesPerSecond = 32 << 20;

    /// <summary>The defaults for values of a size.</summary>
    public static RunOptions DefaultsOf(int valueBytes)
    {
        var usual = new RunOptions();
        return usual with
        {
            Workload = "a",
            DurationNanos = 10_000_000_000,
            WarmupNanos = 3_000_000_000,
            Records = Math.Clamp(LoadedBytes / valueBytes, FewestRecords, MostRecords),
            RatePerSecond = Math.Min(usual.RatePerSecond!.Value, BytesPerSecond / valueBytes),
        };
    }
}
