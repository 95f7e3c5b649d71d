using System.Runtime.CompilerServices;

namespace Testbed.Erasure.Simd;

/// <summary>
/// The loop over a tile's bytes: coefficients stay in registers, each input vector is loaded once and each
/// output vector stored once. It is compiled for every shape and instruction set, with all that does not vary
/// folded away.
/// </summary>
internal static class TileLoop<TLanes, TVector, TFactor>
    where TLanes : struct, ILanes<TVector, TFactor>
    where TVector : struct
    where TFactor : struct
{
    /// <summary>
    /// See <see cref="Kernel.Tile"/>. The last vector ends where the rows end and may overlap the one before
    /// it: what a sum is added to is therefore read before the preceding vector is stored.
    /// </summary>
    public static void Run<TRows, TColumns, TKind>(in RowRefs coefficients, in RowRefs inputs,
        in RowRefs outputs, nuint bytes)
        where TRows : struct, ICount
        where TColumns : struct, ICount
        where TKind : struct, IKind
    {
        ref var in0 = ref inputs.A;
        ref var in1 = ref inputs.B;
        ref var in2 = ref inputs.C;
        ref var in3 = ref inputs.D;
        ref var out0 = ref outputs.A;
        ref var out1 = ref outputs.B;
        ref var out2 = ref outputs.C;
        ref var out3 = ref outputs.D;
        // With structs of factors or inputs instead of many locals the compiler would keep them in memory.
        var f00 = Hoist<TRows, TColumns, TKind>(ref coefficients.A, 0, 0);
        var f01 = Hoist<TRows, TColumns, TKind>(ref coefficients.A, 0, 1);
        var f02 = Hoist<TRows, TColumns, TKind>(ref coefficients.A, 0, 2);
        var f03 = Hoist<TRows, TColumns, TKind>(ref coefficients.A, 0, 3);
        var f10 = Hoist<TRows, TColumns, TKind>(ref coefficients.B, 1, 0);
        var f11 = Hoist<TRows, TColumns, TKind>(ref coefficients.B, 1, 1);
        var f12 = Hoist<TRows, TColumns, TKind>(ref coefficients.B, 1, 2);
        var f13 = Hoist<TRows, TColumns, TKind>(ref coefficients.B, 1, 3);
        var f20 = Hoist<TRows, TColumns, TKind>(ref coefficients.C, 2, 0);
        var f21 = Hoist<TRows, TColumns, TKind>(ref coefficients.C, 2, 1);
        var f22 = Hoist<TRows, TColumns, TKind>(ref coefficients.C, 2, 2);
        var f23 = Hoist<TRows, TColumns, TKind>(ref coefficients.C, 2, 3);
        var f30 = Hoist<TRows, TColumns, TKind>(ref coefficients.D, 3, 0);
        var f31 = Hoist<TRows, TColumns, TKind>(ref coefficients.D, 3, 1);
        var f32 = Hoist<TRows, TColumns, TKind>(ref coefficients.D, 3, 2);
        var f33 = Hoist<TRows, TColumns, TKind>(ref coefficients.D, 3, 3);
        var old0 = IsAdded<TKind>() ? TLanes.Load(ref out0, 0) : default;
        var old1 = IsAdded<TKind>() && TRows.Value > 1 ? TLanes.Load(ref out1, 0) : default;
        var old2 = IsAdded<TKind>() && TRows.Value > 2 ? TLanes.Load(ref out2, 0) : default;
        var old3 = IsAdded<TKind>() && TRows.Value > 3 ? TLanes.Load(ref out3, 0) : default;
        var last = bytes - (nuint)TLanes.Bytes;
        for (nuint at = 0; ;)
        {
            var x0 = TLanes.Load(ref in0, at);
            var x1 = TColumns.Value > 1 ? TLanes.Load(ref in1, at) : default;
            var x2 = TColumns.Value > 2 ? TLanes.Load(ref in2, at) : default;
            var x3 = TColumns.Value > 3 ? TLanes.Load(ref in3, at) : default;
            var next = at + (nuint)TLanes.Bytes;
            next = next < last ? next : last;
            old0 = Step<TColumns, TKind, One>(
                x0, x1, x2, x3, f00, f01, f02, f03, old0, ref out0, at, next);
            if (TRows.Value > 1)
            {
                old1 = Step<TColumns, TKind, Two>(
                    x0, x1, x2, x3, f10, f11, f12, f13, old1, ref out1, at, next);
            }

            if (TRows.Value > 2)
            {
                old2 = Step<TColumns, TKind, Two>(
                    x0, x1, x2, x3, f20, f21, f22, f23, old2, ref out2, at, next);
            }

            if (TRows.Value > 3)
            {
                old3 = Step<TColumns, TKind, Two>(
                    x0, x1, x2, x3, f30, f31, f32, f33, old3, ref out3, at, next);
            }

            if (at == last)
            {
                break;
            }

            at = next;
        }
    }

    // Stores one row's sum and returns what the next one is added to.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Step<TColumns, TKind, TRow>(TVector x0, TVector x1, TVector x2, TVector x3,
        TFactor f0, TFactor f1, TFactor f2, TFactor f3, TVector old, ref byte output, nuint at, nuint next)
        where TColumns : struct, ICount
        where TKind : struct, IKind
        where TRow : struct, ICount
    {
        var ones = IsOnes<TKind>(TRow.Value - 1);
        var sum = ones || TKind.Value == TileKind.SetOnes ? x0 : TLanes.Multiply(x0, f0);
        sum = TColumns.Value > 1 ? TLanes.Add(sum, ones ? x1 : TLanes.Multiply(x1, f1)) : sum;
        sum = TColumns.Value > 2 ? TLanes.Add(sum, ones ? x2 : TLanes.Multiply(x2, f2)) : sum;
        sum = TColumns.Value > 3 ? TLanes.Add(sum, ones ? x3 : TLanes.Multiply(x3, f3)) : sum;
        if (IsAdded<TKind>())
        {
            sum = TLanes.Add(sum, old);
            old = TLanes.Load(ref output, next);
        }

        TLanes.Store(sum, ref output, at);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFactor Hoist<TRows, TColumns, TKind>(ref byte cells, int row, int column)
        where TRows : struct, ICount
        where TColumns : struct, ICount
        where TKind : struct, IKind =>
        row < TRows.Value && column < TColumns.Value && !IsOnes<TKind>(row)
            ? TLanes.Factor(Unsafe.Add(ref cells, column))
            : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsAdded<TKind>()
        where TKind : struct, IKind => TKind.Value >= TileKind.Add;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsOnes<TKind>(int row)
        where TKind : struct, IKind =>
        row == 0 && (TKind.Value is TileKind.SetOnes or TileKind.AddOnes);
}
