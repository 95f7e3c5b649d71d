using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Testbed.Erasure.Simd;

/// <summary>
/// Look-ups in tables of one 128-bit register, see <see cref="ShuffleTables"/>: TBL of AdvSimd, PSHUFB of
/// SSSE3. One source for both, so that the tests on either processor run it; every look-up is below 16, where
/// the two instructions agree.
/// </summary>
internal readonly struct ShuffleLanes128 : ILanes<Vector128<byte>, ShuffleLanes128.Tables>
{
    public static string Name => AdvSimd.Arm64.IsSupported ? "advsimd" : "ssse3";

    public static int Bytes => Vector128<byte>.Count;

    public static (int Rows, int Columns) Tile => (2, 2);

    public static Kernel Narrower => ScalarKernel.Instance;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Tables Factor(byte coefficient)
    {
        ref var tables = ref ShuffleTables.Of(coefficient);
        return new Tables(Vector128.LoadUnsafe(ref tables), Vector128.LoadUnsafe(ref tables, 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(ref byte row, nuint offset) => Vector128.LoadUnsafe(ref row, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<byte> bytes, ref byte row, nuint offset) =>
        bytes.StoreUnsafe(ref row, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Add(Vector128<byte> a, Vector128<byte> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Multiply(Vector128<byte> bytes, Tables factor) =>
        Vector128.ShuffleNative(factor.Lower, bytes & Vector128.Create((byte)15))
            ^ Vector128.ShuffleNative(factor.Upper, Vector128.ShiftRightLogical(bytes, 4));

    /// <summary>The two tables of a coefficient.</summary>
    internal readonly record struct Tables(Vector128<byte> Lower, Vector128<byte> Upper);
}
