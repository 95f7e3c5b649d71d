namespace Testbed.Ecc;

/// <summary>
/// The 95th percentile of the last 64 response times of one node, brought up to date every 16 samples.
/// </summary>
internal sealed class LatencyWindow(long initialMicros)
{
    private const int Size = 64;
    private readonly long[] _samples = new long[Size];
    private readonly long[] _sorted = new long[Size];
    private int _count;
    private int _next;

    internal long P95Micros { get; private set; } = initialMicros;

    /// <summary>True when the percentile was brought up to date.</summary>
    internal bool Add(long micros)
    {
        _samples[_next] = micros;
        _next = (_next + 1) % Size;
        _count = Math.Min(_count + 1, Size);
        if (_next % 16 != 0)
        {
            return false;
        }

        _samples.AsSpan(0, _count).CopyTo(_sorted);
        _sorted.AsSpan(0, _count).Sort();
        P95Micros = _sorted[_count * 95 / 100];
        return true;
    }
}
