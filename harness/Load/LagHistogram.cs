using System.Numerics;

namespace Testbed.Harness.Load;

/// <summary>Nanoseconds in buckets of 1/32 relative width; one writer.</summary>
internal sealed class LagHistogram
{
    private const int SubBits = 5;
    private const int Sub = 1 << SubBits;
    private readonly long[] _counts = new long[(64 - SubBits) * Sub];

    public long Count { get; private set; }

    public long Max { get; private set; }

    public void Record(long nanos)
    {
        nanos = Math.Max(nanos, 0);
        _counts[Index(nanos)]++;
        Count++;
        Max = Math.Max(Max, nanos);
    }

    /// <summary>
    /// Upper end of the bucket that holds the percentile, at most the largest value; 0 when empty.
    /// </summary>
    public long Percentile(double percentile)
    {
        var wanted = (long)Math.Ceiling(Count * percentile / 100);
        long seen = 0;
        for (var i = 0; i < _counts.Length && wanted > 0; i++)
        {
            seen += _counts[i];
            if (seen >= wanted)
            {
                return Math.Min(UpperEnd(i), Max);
            }
        }

        return 0;
    }

    private static int Index(long nanos)
    {
        var shift = Math.Max(0, 63 - BitOperations.LeadingZeroCount((ulong)nanos) - SubBits);
        return (shift * Sub) + (int)(nanos >> shift);
    }

    private static long UpperEnd(int index)
    {
        var shift = Math.Max(0, (index / Sub) - 1);
        return (((long)(index - (shift * Sub)) + 1) << shift) - 1;
    }
}
