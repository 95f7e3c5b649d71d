namespace Testbed.Erasure.Simd;

/// <summary>
/// A product is the sum of two look-ups in tables of 16, one by the lower and one by the upper four bits; a
/// vector shuffle does 16 look-ups at once.
/// </summary>
internal static class ShuffleTables
{
    // For each coefficient its multiples of 0 to 15, then of 0, 16, 32, ..., 240.
    private static readonly byte[] Bytes = Build();

    /// <summary>The two tables of a coefficient, 32 bytes.</summary>
    public static ref byte Of(byte coefficient) => ref Bytes[coefficient * 32];

    private static byte[] Build()
    {
        var tables = new byte[256 * 32];
        for (var coefficient = 0; coefficient < 256; coefficient++)
        {
            for (var i = 0; i < 16; i++)
            {
                tables[(coefficient * 32) + i] = GaloisField.Multiply((byte)coefficient, (byte)i);
                tables[(coefficient * 32) + 16 + i] = GaloisField.Multiply((byte)coefficient, (byte)(i << 4));
            }
        }

        return tables;
    }
}
