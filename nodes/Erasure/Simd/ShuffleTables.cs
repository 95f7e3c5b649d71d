using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Testbed.Erasure.Simd;

/// <summary>
/// A product is the sum of two look-ups in tables of 16, one by the lower and one by the upper four bits; a
/// vector shuffle does 16 look-ups at once.
/// </summary>
internal static class ShuffleTables
{
    /// <summary>Where the second table of a coefficient begins.</summary>
    public const int Upper = 32;

    private const int BytesPerCoefficient = 64;

    // For each coefficient its multiples of 0 to 15 twice, then of 0, 16, 32, ..., 240 twice, as both halves of a
    // vector of 256 bits want them.
    private static readonly byte[] Bytes = Build();

    /// <summary>The two tables of a coefficient, 64 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref byte Of(byte coefficient) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Bytes), coefficient * BytesPerCoefficient);

    private static byte[] Build()
    {
        var tables = new byte[256 * BytesPerCoefficient];
        for (var coefficient = 0; coefficient < 256; coefficient++)
        {
            for (var i = 0; i < Upper; i++)
            {
                var at = (coefficient * BytesPerCoefficient) + i;
                tables[at] = GaloisField.Multiply((byte)coefficient, (byte)(i & 15));
                tables[at + Upper] = GaloisField.Multiply((byte)coefficient, (byte)((i & 15) << 4));
            }
        }

        return tables;
    }
}
