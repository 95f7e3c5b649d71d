namespace Testbed.Workloads.Distributions;

/// <summary>
/// YCSB's zipfian: the approximation of Gray et al., "Quickly generating billion-record synthetic databases"
/// (SIGMOD 1994), with theta 0.99. The first two ranks are exact, the others follow a continuous curve. The
/// most popular number is min.
/// </summary>
internal sealed class ZipfianDistribution : Distribution
{
    private static readonly double TwoTerms = 1 + Zeta.Term(2);
    private readonly long _min;
    private readonly long _items;
    private double _zetaN;
    private double _eta;
    private long _zetaCount;

    public ZipfianDistribution(long min, long max)
        : this(min, max, Zeta.Of(max - min + 1))
    {
    }

    /// <summary>For a known zeta, as YCSB's scrambled zipfian has it for 10^10 + 1 items.</summary>
    public ZipfianDistribution(long min, long max, double zetaN)
    {
        _min = min;
        _items = max - min + 1;
        _zetaCount = _items;
        _zetaN = zetaN;
        _eta = Eta();
    }

    /// <inheritdoc/>
    public override long Next(SeededRandom random) => NextAmong(random, _items);

    /// <summary>
    /// The next number when there are <paramref name="items"/> of them by now. More than before: zeta is
    /// extended. Fewer: it stays, as in YCSB.
    /// </summary>
    public long NextAmong(SeededRandom random, long items)
    {
        if (items > _zetaCount)
        {
            Extend(items);
        }

        var u = random.NextUnit();
        var uz = u * _zetaN;
        if (uz < 1 || items < 2)
        {
            return _min;
        }

        if (uz < TwoTerms)
        {
            return _min + 1;
        }

        // Gray's exponent 1 / (1 - theta) is 100 for theta 0.99: eight multiplications, the same on any
        // machine.
        var x = (_eta * u) - _eta + 1;
        var x2 = x * x;
        var x4 = x2 * x2;
        var x8 = x4 * x4;
        var x16 = x8 * x8;
        var x32 = x16 * x16;
        var power = x32 * x32 * x32 * x4;
        return _min + Math.Min((long)(items * power), items - 1);
    }

    private void Extend(long items)
    {
        while (_zetaCount < items)
        {
            _zetaN += Zeta.Term(++_zetaCount);
        }

        _eta = Eta();
    }

    // With one item or two the curve is never reached; YCSB keeps the first item count here when items are
    // added.
    private double Eta() =>
        _items <= 2
            ? 0
            : (1 - StableMath.Pow(2.0 / _items, 1 - Zeta.Theta)) / (1 - (TwoTerms / _zetaN));
}
