using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Testbed.Erasure.Simd;

/// <summary>GFNI with AVX-256: 32 registers hold 16 coefficients, four sums and what passes.</summary>
internal readonly struct GfniLanes256 : ILanes<Vector256<byte>, Vector256<byte>>
{
    private static readonly Kernel Next = new VectorKernel<ShuffleLanes128, Vector128<byte>, ShuffleLanes128.Tables>();

    public static string Name => "gfni256";

    public static int Bytes => Vector256<byte>.Count;

    public static int Hoisted => 8;

    public static int Abreast => 2;

    public static Kernel Narrower => Next;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Factor(byte coefficient) =>
        Vector256.Create(GfniTables.Matrix(coefficient)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(ref byte row, nuint offset) => Vector256.LoadUnsafe(ref row, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<byte> bytes, ref byte row, nuint offset) =>
        bytes.StoreUnsafe(ref row, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Add(Vector256<byte> a, Vector256<byte> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Multiply(Vector256<byte> bytes, Vector256<byte> factor) =>
        Gfni.V256.GaloisFieldAffineTransform(bytes, factor, 0);
}
