using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Testbed.Erasure.Simd;

/// <summary>Shuffles of AVX2, see <see cref="ShuffleTables"/>.</summary>
internal readonly struct ShuffleLanes256 : ILanes<Vector256<byte>, ShuffleLanes256.Tables>
{
    private static readonly Kernel Next =
        new VectorKernel<ShuffleLanes128, Vector128<byte>, ShuffleLanes128.Tables>();

    public static string Name => "avx2";

    public static int Bytes => Vector256<byte>.Count;

    public static int Hoisted => 8;

    public static int Abreast => 2;

    public static Kernel Narrower => Next;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Tables Factor(byte coefficient)
    {
        ref var tables = ref ShuffleTables.Of(coefficient);
        return new Tables(Vector256.LoadUnsafe(ref tables), Vector256.LoadUnsafe(ref tables, ShuffleTables.Upper));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(ref byte row, nuint offset) => Vector256.LoadUnsafe(ref row, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<byte> bytes, ref byte row, nuint offset) =>
        bytes.StoreUnsafe(ref row, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Add(Vector256<byte> a, Vector256<byte> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Multiply(Vector256<byte> bytes, Tables factor)
    {
        var mask = Vector256.Create((byte)15);
        return Avx2.Shuffle(factor.Lower, bytes & mask)
            ^ Avx2.Shuffle(factor.Upper, Vector256.ShiftRightLogical(bytes.AsUInt16(), 4).AsByte() & mask);
    }

    /// <summary>The two tables of a coefficient, in both halves of a vector.</summary>
    internal readonly record struct Tables(Vector256<byte> Lower, Vector256<byte> Upper);
}
