namespace Testbed.Erasure;

/// <summary>
/// GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11D), in which 2 generates every element but
/// zero. Addition and subtraction are XOR.
/// </summary>
internal static class GaloisField
{
    /// <summary>The polynomial with its leading term.</summary>
    public const int Polynomial = 0x11D;

    private static readonly byte[] Exponents = BuildExponents();
    private static readonly byte[] Logarithms = BuildLogarithms(Exponents);
    private static readonly byte[] Products = BuildProducts();

    /// <summary>The product of two elements.</summary>
    public static byte Multiply(byte a, byte b) => Products[(a << 8) | b];

    /// <summary>
    /// The element that gives 1 when multiplied with <paramref name="a"/>, which is not zero.
    /// </summary>
    public static byte Inverse(byte a)
    {
        if (a == 0)
        {
            throw new DivideByZeroException("zero has no inverse in a field");
        }

        return Exponents[255 - Logarithms[a]];
    }

    /// <summary><paramref name="a"/> divided by <paramref name="b"/>, which is not zero.</summary>
    public static byte Divide(byte a, byte b) => Multiply(a, Inverse(b));

    /// <summary>All 256 multiples of a coefficient: row[x] = coefficient * x.</summary>
    public static ReadOnlySpan<byte> Row(byte coefficient) => Products.AsSpan(coefficient << 8, 256);

    /// <summary>
    /// Multiplication by shift and reduce: what the tables are made from and tested against.
    /// </summary>
    public static byte MultiplySlowly(byte a, byte b)
    {
        var product = 0;
        var shifted = (int)a;
        for (var bit = 0; bit < 8; bit++)
        {
            if (((b >> bit) & 1) != 0)
            {
                product ^= shifted;
            }

            shifted <<= 1;
            if ((shifted & 0x100) != 0)
            {
                shifted ^= Polynomial;
            }
        }

        return (byte)product;
    }

    // Twice the period, so that the sum of two logarithms needs no reduction.
    private static byte[] BuildExponents()
    {
        var exponents = new byte[510];
        byte power = 1;
        for (var i = 0; i < exponents.Length; i++)
        {
            exponents[i] = power;
            power = MultiplySlowly(power, 2);
        }

        return exponents;
    }

    private static byte[] BuildLogarithms(byte[] exponents)
    {
        var logarithms = new byte[256];
        for (var i = 0; i < 255; i++)
        {
            logarithms[exponents[i]] = (byte)i;
        }

        return logarithms;
    }

    private static byte[] BuildProducts()
    {
        var products = new byte[256 * 256];
        for (var a = 1; a < 256; a++)
        {
            for (var b = 1; b < 256; b++)
            {
                products[(a << 8) | b] = Exponents[Logarithms[a] + Logarithms[b]];
            }
        }

        return products;
    }
}
