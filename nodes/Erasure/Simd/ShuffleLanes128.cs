using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

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

    public static int Hoisted => 8;

    public static int Abreast => 2;

    public static Kernel Narrower => ScalarKernel.Instance;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Tables Factor(byte coefficient)
    {
        ref var tables = ref ShuffleTables.Of(coefficient);
        return new Tables(Vector128.LoadUnsafe(ref tables), Vector128.LoadUnsafe(ref tables, ShuffleTables.Upper));
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
        LookUp(factor.Lower, bytes & Vector128.Create((byte)15))
            ^ LookUp(factor.Upper, Vector128.ShiftRightLogical(bytes, 4));

    // Built ahead of time for any x64 processor, only the named instruction is compiled as one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> LookUp(Vector128<byte> table, Vector128<byte> indices) =>
        Ssse3.IsSupported ? Ssse3.Shuffle(table, indices) : Vector128.ShuffleNative(table, indices);

    /// <summary>The two tables of a coefficient.</summary>
    internal readonly record struct Tables(Vector128<byte> Lower, Vector128<byte> Upper);
}
