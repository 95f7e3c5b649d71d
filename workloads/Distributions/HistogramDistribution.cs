namespace Testbed.Workloads.Distributions;

/// <summary>
/// Draws bucket i with its weight and returns its upper end, (i + 1) x block size. (YCSB's own generator is
/// off by one: its first bucket gets one draw too many and its last one returns the size of the bucket
/// before; that is not reproduced.)
/// </summary>
internal sealed class HistogramDistribution : Distribution
{
    private readonly long _blockSize;
    private readonly long[] _cumulative;

    public HistogramDistribution(long blockSize, ReadOnlySpan<long> weights)
    {
        _blockSize = blockSize;
        _cumulative = new long[weights.Length];
        long total = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            total += weights[i];
            _cumulative[i] = total;
        }
    }

    /// <inheritdoc/>
    public override long Next(SeededRandom random)
    {
        var draw = random.Below(_cumulative[^1]);
        var low = 0;
        var high = _cumulative.Length - 1;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_cumulative[middle] > draw)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return (low + 1) * _blockSize;
    }
}
