namespace Testbed.Workloads.Distributions;

/// <summary>
/// A share of the operations goes to the hot set, the first share of the numbers; uniform within each set.
/// Where a set is empty (YCSB divides by zero there) the other one serves.
/// </summary>
internal sealed class HotspotDistribution : Distribution
{
    private readonly long _min;
    private readonly long _hot;
    private readonly long _cold;
    private readonly double _hotOperationFraction;

    public HotspotDistribution(long min, long max, double hotDataFraction, double hotOperationFraction)
    {
        var count = max - min + 1;
        _min = min;
        _hot = (long)(count * hotDataFraction);
        _cold = count - _hot;
        _hotOperationFraction = _hot == 0 ? 0 : _cold == 0 ? 1 : hotOperationFraction;
    }

    /// <inheritdoc/>
    public override long Next(SeededRandom random) =>
        random.NextUnit() < _hotOperationFraction
            ? _min + random.Below(_hot)
            : _min + _hot + random.Below(_cold);
}
