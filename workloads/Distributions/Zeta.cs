namespace Testbed.Workloads.Distributions;

/// <summary>
/// Generalised harmonic numbers: the sum of i^-theta for i from 1 to n, theta being YCSB's 0.99.
/// </summary>
internal static class Zeta
{
    /// <summary>YCSB's zipfian constant.</summary>
    public const double Theta = 0.99;

    private const long SummedTerms = 1000;
    private static readonly double Head = Sum(SummedTerms);

    /// <summary>
    /// The sum, term by term up to 1,000 and by the Euler-Maclaurin formula beyond (error below 1e-13).
    /// </summary>
    public static double Of(long n)
    {
        if (n <= SummedTerms)
        {
            return Sum(n);
        }

        const double a = SummedTerms;
        double b = n;
        var atA = StableMath.Pow(a, -Theta);
        var atB = StableMath.Pow(b, -Theta);
        var integral = (StableMath.Pow(b, 1 - Theta) - StableMath.Pow(a, 1 - Theta)) / (1 - Theta);
        return Head + integral + ((atB - atA) / 2) + (Theta / 12 * ((atA / a) - (atB / b)));
    }

    /// <summary>One term of the sum.</summary>
    public static double Term(long i) => StableMath.Pow(i, -Theta);

    private static double Sum(long n)
    {
        var sum = 0.0;
        for (long i = 1; i <= n; i++)
        {
            sum += Term(i);
        }

        return sum;
    }
}
