namespace Testbed.Workloads.Distributions;

/// <summary>YCSB's "latest": zipfian distances from the newest acknowledged record.</summary>
internal sealed class SkewedLatestDistribution(AcknowledgedCounter records) : Distribution
{
    private readonly ZipfianDistribution _distance = new(0, Math.Max(records.Limit - 1, 0));

    /// <inheritdoc/>
    public override long Next(SeededRandom random)
    {
        var newest = records.Limit;
        return newest - _distance.NextAmong(random, newest);
    }
}
