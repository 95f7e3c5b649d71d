using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Testbed.Erasure.Simd;

/// <summary>GFNI with AVX-512: 32 registers hold 16 coefficients, four sums and what passes.</summary>
internal readonly struct GfniLanes512 : ILanes<Vector512<byte>, Vector512<byte>>
{
    private static readonly Kernel Next = new VectorKernel<GfniLanes256, Vector256<byte>, Vector256<byte>>();

    public static string Name => "gfni512";

    public static int Bytes => Vector512<byte>.Count;

    public static int Hoisted => 16;

    public static int Abreast => 4;

    public static Kernel Narrower => Next;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Factor(byte coefficient) =>
        Vector512.Create(GfniTables.Matrix(coefficient)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Load(ref byte row, nuint offset) => Vector512.LoadUnsafe(ref row, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<byte> bytes, ref byte row, nuint offset) =>
        bytes.StoreUnsafe(ref row, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Add(Vector512<byte> a, Vector512<byte> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Multiply(Vector512<byte> bytes, Vector512<byte> factor) =>
        Gfni.V512.GaloisFieldAffineTransform(bytes, factor, 0);
}
