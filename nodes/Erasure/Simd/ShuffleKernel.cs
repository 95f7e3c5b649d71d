using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Testbed.Erasure.Simd;

/// <summary>
/// A product is the sum of two look-ups in tables of 16, one by the lower and one by the upper four bits; a
/// vector shuffle does 16 or 32 look-ups at once. AVX2 where there is, else 128 bits on any machine. Ends of
/// rows are done by the scalar kernel's table.
/// </summary>
internal sealed class ShuffleKernel : Kernel
{
    private static readonly ScalarKernel Scalar = new();

    // For each coefficient its multiples of 0 to 15, then of 0, 16, 32, ..., 240.
    private static readonly byte[] Tables = BuildTables();

    /// <inheritdoc/>
    public override string Name => Avx2.IsSupported ? "avx2 shuffle" : "shuffle";

    /// <inheritdoc/>
    public override void Multiply(byte coefficient, ReadOnlySpan<byte> input, Span<byte> output)
    {
        output = output[..input.Length];
        if (coefficient <= 1)
        {
            Scalar.Multiply(coefficient, input, output);
            return;
        }

        var done = Run(coefficient, input, output, isAdded: false);
        Scalar.Multiply(coefficient, input[done..], output[done..]);
    }

    /// <inheritdoc/>
    public override void MultiplyAdd(byte coefficient, ReadOnlySpan<byte> input, Span<byte> output)
    {
        output = output[..input.Length];
        if (coefficient == 0)
        {
            return;
        }

        var done = coefficient == 1 ? Add(input, output) : Run(coefficient, input, output, isAdded: true);
        Scalar.MultiplyAdd(coefficient, input[done..], output[done..]);
    }

    private static int Run(byte coefficient, ReadOnlySpan<byte> input, Span<byte> output, bool isAdded)
    {
        var lower = Vector128.Create(Tables.AsSpan(coefficient * 32, 16));
        var upper = Vector128.Create(Tables.AsSpan((coefficient * 32) + 16, 16));
        var done = 0;
        if (Avx2.IsSupported)
        {
            done = isAdded
                ? RunWide<Added>(lower, upper, input, output)
                : RunWide<Set>(lower, upper, input, output);
        }

        ref var from = ref MemoryMarshal.GetReference(input);
        ref var to = ref MemoryMarshal.GetReference(output);
        var mask = Vector128.Create((byte)15);
        for (; done <= input.Length - Vector128<byte>.Count; done += Vector128<byte>.Count)
        {
            var data = Vector128.LoadUnsafe(ref from, (nuint)done);
            var product = Vector128.Shuffle(lower, data & mask)
                ^ Vector128.Shuffle(upper, Vector128.ShiftRightLogical(data, 4));
            product = isAdded ? product ^ Vector128.LoadUnsafe(ref to, (nuint)done) : product;
            product.StoreUnsafe(ref to, (nuint)done);
        }

        return done;
    }

    private static int RunWide<TMode>(Vector128<byte> lower16, Vector128<byte> upper16,
        ReadOnlySpan<byte> input, Span<byte> output)
        where TMode : struct, IMode
    {
        ref var from = ref MemoryMarshal.GetReference(input);
        ref var to = ref MemoryMarshal.GetReference(output);
        var lower = Vector256.Create(lower16, lower16);
        var upper = Vector256.Create(upper16, upper16);
        var mask = Vector256.Create((byte)15);
        var done = 0;
        for (; done <= input.Length - Vector256<byte>.Count; done += Vector256<byte>.Count)
        {
            var data = Vector256.LoadUnsafe(ref from, (nuint)done);
            var product = Avx2.Shuffle(lower, data & mask)
                ^ Avx2.Shuffle(upper, Vector256.ShiftRightLogical(data, 4));
            TMode.Join(product, ref to, (nuint)done).StoreUnsafe(ref to, (nuint)done);
        }

        return done;
    }

    private static int Add(ReadOnlySpan<byte> input, Span<byte> output)
    {
        ref var from = ref MemoryMarshal.GetReference(input);
        ref var to = ref MemoryMarshal.GetReference(output);
        var done = 0;
        for (; done <= input.Length - Vector256<byte>.Count; done += Vector256<byte>.Count)
        {
            var sum = Vector256.LoadUnsafe(ref from, (nuint)done) ^ Vector256.LoadUnsafe(ref to, (nuint)done);
            sum.StoreUnsafe(ref to, (nuint)done);
        }

        return done;
    }

    private static byte[] BuildTables()
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

    // Whether products replace the output or are added to it: a type, so that the loop holds no branch.
    private interface IMode
    {
        static abstract Vector256<byte> Join(Vector256<byte> product, ref byte output, nuint offset);
    }

    private readonly struct Set : IMode
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<byte> Join(Vector256<byte> product, ref byte output, nuint offset) => product;
    }

    private readonly struct Added : IMode
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<byte> Join(Vector256<byte> product, ref byte output, nuint offset) =>
            product ^ Vector256.LoadUnsafe(ref output, offset);
    }
}
