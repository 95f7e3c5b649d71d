using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Testbed.Erasure.Simd;

/// <summary>
/// Multiplication by a constant is linear over bits, so it is an 8 x 8 bit matrix, which one instruction
/// applies to each byte of a vector. (The instruction that multiplies bytes knows another polynomial only.)
/// </summary>
internal static class GfniTables
{
    private static readonly ulong[] Matrices = Build();

    /// <summary>The bit matrix of a coefficient.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Matrix(byte coefficient) =>
        Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Matrices), coefficient);

    // Bit i of a result is the parity of byte 7 - i of the matrix and the operand.
    private static ulong[] Build()
    {
        var matrices = new ulong[256];
        for (var coefficient = 0; coefficient < 256; coefficient++)
        {
            for (var j = 0; j < 8; j++)
            {
                var product = GaloisField.Multiply((byte)coefficient, (byte)(1 << j));
                for (var i = 0; i < 8; i++)
                {
                    matrices[coefficient] |= (ulong)((product >> i) & 1) << (((7 - i) * 8) + j);
                }
            }
        }

        return matrices;
    }
}
