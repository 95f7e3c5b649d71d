namespace Testbed.Workloads.Distributions;

/// <summary>
/// Exponentially distributed distances, rounded down: <c>percentile</c> percent of them are below
/// <c>range</c>. YCSB subtracts them from the newest record's number.
/// </summary>
internal sealed class ExponentialDistribution(double percentile, double range) : Distribution
{
    private readonly double _mean = range / -StableMath.Log(1 - (percentile / 100));

    /// <inheritdoc/>
    public override long Next(SeededRandom random) =>
        (long)Math.Min(-StableMath.Log(1 - random.NextUnit()) * _mean, 1L << 62);
}
