using System.Runtime.CompilerServices;

namespace Testbed.Erasure.Simd;

/// <summary>
/// The loop over the bytes of a tile of few inputs: coefficients stay in registers, each input vector is loaded
/// once and each output vector stored once. It is compiled for every shape and instruction set, with all that
/// does not vary folded away.
/// </summary>
internal static class TileLoop<TLanes, TVector, TFactor>
    where TLanes : struct, ILanes<TVector, TFactor>
    where TVector : struct
    where TFactor : struct
{
    /// <summary>
    /// See <see cref="Kernel.Tile"/>. The last vector ends where the rows end and may overlap the one before
    /// it.
    /// </summary>
    public static void Run<TRows, TColumns, TKind>(in TileRefs refs, nuint begin, nuint end)
        where TRows : struct, ICount
        where TColumns : struct, ICount
        where TKind : struct, IKind
    {
        ref var in0 = ref refs.Input(0);
        ref var in1 = ref refs.Input(TColumns.Value > 1 ? 1 : 0);
        ref var in2 = ref refs.Input(TColumns.Value > 2 ? 2 : 0);
        ref var in3 = ref refs.Input(TColumns.Value > 3 ? 3 : 0);
        ref var out0 = ref refs.Output(0);
        ref var out1 = ref refs.Output(1);
        ref var out2 = ref refs.Output(2);
        ref var out3 = ref refs.Output(3);
        // With structs of factors or inputs instead of many locals the compiler would keep them in memory.
        var f00 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(0), 0, 0);
        var f01 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(0), 0, 1);
        var f02 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(0), 0, 2);
        var f03 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(0), 0, 3);
        var f10 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(1), 1, 0);
        var f11 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(1), 1, 1);
        var f12 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(1), 1, 2);
        var f13 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(1), 1, 3);
        var f20 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(2), 2, 0);
        var f21 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(2), 2, 1);
        var f22 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(2), 2, 2);
        var f23 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(2), 2, 3);
        var f30 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(3), 3, 0);
        var f31 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(3), 3, 1);
        var f32 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(3), 3, 2);
        var f33 = Hoist<TRows, TColumns, TKind>(ref refs.Cells(3), 3, 3);
        var last = end - (nuint)TLanes.Bytes;
        for (var at = begin; ; at = last)
        {
            do
            {
                var x0 = TLanes.Load(ref in0, at);
                var x1 = TColumns.Value > 1 ? TLanes.Load(ref in1, at) : default;
                var x2 = TColumns.Value > 2 ? TLanes.Load(ref in2, at) : default;
                var x3 = TColumns.Value > 3 ? TLanes.Load(ref in3, at) : default;
                Step<TColumns, TKind, One>(x0, x1, x2, x3, f00, f01, f02, f03, ref out0, at);
                if (TRows.Value > 1)
                {
                    Step<TColumns, TKind, Two>(x0, x1, x2, x3, f10, f11, f12, f13, ref out1, at);
                }

                if (TRows.Value > 2)
                {
                    Step<TColumns, TKind, Two>(x0, x1, x2, x3, f20, f21, f22, f23, ref out2, at);
                }

                if (TRows.Value > 3)
                {
                    Step<TColumns, TKind, Two>(x0, x1, x2, x3, f30, f31, f32, f33, ref out3, at);
                }

                at += (nuint)TLanes.Bytes;
            }
            while (at <= last);

            if (at == end)
            {
                break;
            }
        }
    }

    // Stores one row's sum.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TColumns, TKind, TRow>(TVector x0, TVector x1, TVector x2, TVector x3,
        TFactor f0, TFactor f1, TFactor f2, TFactor f3, ref byte output, nuint at)
        where TColumns : struct, ICount
        where TKind : struct, IKind
        where TRow : struct, ICount
    {
        var ones = IsOnes<TKind>(TRow.Value - 1);
        var sum = ones || TKind.Value == TileKind.SetOnes ? x0 : TLanes.Multiply(x0, f0);
        sum = TColumns.Value > 1 ? TLanes.Add(sum, ones ? x1 : TLanes.Multiply(x1, f1)) : sum;
        sum = TColumns.Value > 2 ? TLanes.Add(sum, ones ? x2 : TLanes.Multiply(x2, f2)) : sum;
        sum = TColumns.Value > 3 ? TLanes.Add(sum, ones ? x3 : TLanes.Multiply(x3, f3)) : sum;
        TLanes.Store(sum, ref output, at);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFactor Hoist<TRows, TColumns, TKind>(ref byte cells, int row, int column)
        where TRows : struct, ICount
        where TColumns : struct, ICount
        where TKind : struct, IKind =>
        row < TRows.Value && column < TColumns.Value && !IsOnes<TKind>(row)
            && !(column == 0 && TKind.Value == TileKind.SetOnes)
            ? TLanes.Factor(Unsafe.Add(ref cells, column))
            : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsOnes<TKind>(int row)
        where TKind : struct, IKind => row == 0 && TKind.Value == TileKind.SetOnes;
}
