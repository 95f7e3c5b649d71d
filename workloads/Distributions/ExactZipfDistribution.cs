namespace Testbed.Workloads.Distributions;

/// <summary>
/// Beyond YCSB (<c>requestdistribution=zipf-exact</c>): rank r of n with probability exactly proportional to
/// r^-0.99, by rejection-inversion (Hormann, Derflinger, "Rejection-inversion to generate variates from
/// monotone discrete distributions", ACM TOMACS 1996). Ranks are scattered over the numbers one to one, so no
/// two share a key.
/// </summary>
internal sealed class ExactZipfDistribution : Distribution
{
    private const double OneMinusTheta = 1 - Zeta.Theta;
    private readonly long _min;
    private readonly long _items;
    private readonly long _stride;
    private readonly double _areaFirst;
    private readonly double _areaLast;
    private readonly double _acceptWithin;

    public ExactZipfDistribution(long min, long max)
    {
        _min = min;
        _items = max - min + 1;
        _stride = CoprimeStride(_items);
        _areaFirst = Area(1.5) - 1;
        _areaLast = Area(_items + 0.5);
        _acceptWithin = 2 - InverseArea(Area(2.5) - Zeta.Term(2));
    }

    /// <inheritdoc/>
    public override long Next(SeededRandom random)
    {
        var scattered = (UInt128)(ulong)(NextRank(random) - 1) * (ulong)_stride % (ulong)_items;
        return _min + (long)scattered;
    }

    /// <summary>A rank from 1 to n. Rejects less than one draw in ten, so the loop is short.</summary>
    internal long NextRank(SeededRandom random)
    {
        while (true)
        {
            var u = _areaLast + (random.NextUnit() * (_areaFirst - _areaLast));
            var x = InverseArea(u);
            var rank = Math.Clamp((long)(x + 0.5), 1, _items);
            if (rank - x <= _acceptWithin || u >= Area(rank + 0.5) - Zeta.Term(rank))
            {
                return rank;
            }
        }
    }

    // The integral of x^-theta and its inverse.
    private static double Area(double x) => StableMath.Pow(x, OneMinusTheta) / OneMinusTheta;

    private static double InverseArea(double area) => StableMath.Pow(area * OneMinusTheta, 1 / OneMinusTheta);

    // A step near n / golden ratio with no common divisor: r -> r x step mod n is one to one.
    private static long CoprimeStride(long items)
    {
        var stride = Math.Max(1, (long)(items * 0.6180339887498949));
        while (GreatestCommonDivisor(stride, items) != 1)
        {
            stride++;
        }

        return stride;
    }

    private static long GreatestCommonDivisor(long a, long b)
    {
        while (b != 0)
        {
            (a, b) = (b, a % b);
        }

        return a;
    }
}
