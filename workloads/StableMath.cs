namespace Testbed.Workloads;

/// <summary>
/// Logarithm, exponential and power from IEEE additions, multiplications and divisions alone. The platform's
/// own may differ in the last bit between operating systems, and one bit is enough to change a stream of
/// keys. Relative error below 1e-14 in the ranges used here.
/// </summary>
internal static class StableMath
{
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;

    /// <summary>Natural logarithm of a positive, normal number.</summary>
    public static double Log(double value)
    {
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)(bits >> 52) - 1023;
        var mantissa = BitConverter.Int64BitsToDouble(
            (bits & 0x000F_FFFF_FFFF_FFFFL) | 0x3FF0_0000_0000_0000L);
        if (mantissa > 1.4142135623730951)
        {
            mantissa *= 0.5;
            exponent++;
        }

        // ln m = 2 artanh s with s = (m - 1) / (m + 1), |s| <= 0.172: eleven terms leave less than 1e-17.
        var s = (mantissa - 1) / (mantissa + 1);
        var z = s * s;
        var series = 1.0 / 23;
        for (var odd = 21; odd >= 3; odd -= 2)
        {
            series = (series * z) + (1.0 / odd);
        }

        var tail = 2 * s * z * series;
        return (exponent * Ln2High) + ((2 * s) + (tail + (exponent * Ln2Low)));
    }

    /// <summary>e to the power of <paramref name="value"/>, for results that are normal numbers.</summary>
    public static double Exp(double value)
    {
        var k = Math.Floor((value / (Ln2High + Ln2Low)) + 0.5);
        var r = value - (k * Ln2High) - (k * Ln2Low);

        // |r| <= 0.347: the Taylor series to r^14 leaves less than 1e-18.
        var series = 1.0;
        for (var n = 14; n >= 1; n--)
        {
            series = 1 + (series * r / n);
        }

        return series * BitConverter.Int64BitsToDouble(((long)k + 1023) << 52);
    }

    /// <summary><paramref name="value"/> to a power; the value is positive.</summary>
    public static double Pow(double value, double power) => Exp(power * Log(value));
}
