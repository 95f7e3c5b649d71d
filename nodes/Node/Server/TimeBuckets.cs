using System.Globalization;
using System.Text;

namespace Testbed.Node.Server;

/// <summary>
/// How long something took, counted in fixed buckets of microseconds. One writer at a time; readers see each
/// count whole, not all of one moment.
/// </summary>
internal sealed class TimeBuckets
{
    private static readonly long[] UpperMicros =
    [
        10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    ];

    private readonly long[] _counts = new long[UpperMicros.Length + 1];
    private long _sumMicros;

    /// <summary>Sum of all times.</summary>
    public long SumMicros => Volatile.Read(ref _sumMicros);

    /// <summary>Number of times recorded.</summary>
    public long Count
    {
        get
        {
            var count = 0L;
            for (var i = 0; i < _counts.Length; i++)
            {
                count += Volatile.Read(ref _counts[i]);
            }

            return count;
        }
    }

    /// <summary>Records one time.</summary>
    public void Record(long micros)
    {
        // Most times are short: the search ends in the first buckets.
        var bucket = 0;
        while (bucket < UpperMicros.Length && micros > UpperMicros[bucket])
        {
            bucket++;
        }

        Volatile.Write(ref _counts[bucket], _counts[bucket] + 1);
        Volatile.Write(ref _sumMicros, _sumMicros + micros);
    }

    /// <summary>Appends the histogram in Prometheus text form.</summary>
    public void Append(StringBuilder text, string name)
    {
        text.Append(CultureInfo.InvariantCulture, $"# TYPE {name} histogram\n");
        var count = 0L;
        for (var i = 0; i < _counts.Length; i++)
        {
            count += Volatile.Read(ref _counts[i]);
            var upper = i < UpperMicros.Length ? UpperMicros[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
            text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{le=\"{upper}\"}} {count}\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"{name}_sum {SumMicros}\n{name}_count {count}\n");
    }
}
