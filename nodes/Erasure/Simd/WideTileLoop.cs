using System.Runtime.CompilerServices;

namespace Testbed.Erasure.Simd;

/// <summary>
/// The loop over the bytes of a tile with more coefficients than registers: the sums of a few vectors of each row
/// stay in registers while the inputs are added one after the other, so that each output is stored once.
/// </summary>
internal static class WideTileLoop<TLanes, TVector, TFactor>
    where TLanes : struct, ILanes<TVector, TFactor>
    where TVector : struct
    where TFactor : struct
{
    /// <summary>See <see cref="Kernel.Tile"/>.</summary>
    public static void Run<TRows, TKind>(in TileRefs refs, int columns, nuint begin, nuint end)
        where TRows : struct, ICount
        where TKind : struct, IKind
    {
        // What is added to must be read before the last vector's predecessor is stored: one by one.
        if (!IsAdded<TKind>() && end - begin >= (nuint)WideLanes<TLanes, TVector, TFactor>.Bytes)
        {
            begin = RunAbreast<TRows, TKind>(refs, columns, begin, end);
        }

        if (begin < end)
        {
            RunOneByOne<TRows, TKind>(refs, columns, begin, end);
        }
    }

    // These are methods of their own because the compiler inlines only so much into one.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nuint RunAbreast<TRows, TKind>(in TileRefs refs, int columns, nuint at, nuint end)
        where TRows : struct, ICount
        where TKind : struct, IKind
    {
        var wideBytes = (nuint)WideLanes<TLanes, TVector, TFactor>.Bytes;
        for (; end - at >= wideBytes; at += wideBytes)
        {
            Sums<TRows, TKind, WideLanes<TLanes, TVector, TFactor>, Vectors<TVector>>(
                refs, columns, at, false, default, default, default, default);
        }

        return at;
    }

    // The last vector ends where the rows end and may overlap the one before it: what a sum is added to is
    // therefore read before the preceding vector is stored.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RunOneByOne<TRows, TKind>(in TileRefs refs, int columns, nuint at, nuint end)
        where TRows : struct, ICount
        where TKind : struct, IKind
    {
        var last = end - (nuint)TLanes.Bytes;
        var old0 = Old<TKind>(ref refs.Output(0), last);
        var old1 = TRows.Value > 1 ? Old<TKind>(ref refs.Output(1), last) : default;
        var old2 = TRows.Value > 2 ? Old<TKind>(ref refs.Output(2), last) : default;
        var old3 = TRows.Value > 3 ? Old<TKind>(ref refs.Output(3), last) : default;
        for (; at < end; at += (nuint)TLanes.Bytes)
        {
            var isLast = at >= last;
            at = isLast ? last : at;
            Sums<TRows, TKind, TLanes, TVector>(refs, columns, at, isLast, old0, old1, old2, old3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Sums<TRows, TKind, TWide, TBytes>(in TileRefs refs, int columns, nuint at, bool isLast,
        TBytes old0, TBytes old1, TBytes old2, TBytes old3)
        where TRows : struct, ICount
        where TKind : struct, IKind
        where TWide : struct, ILanes<TBytes, TFactor>
        where TBytes : struct
    {
        ref var cells0 = ref refs.Cells(0);
        ref var cells1 = ref refs.Cells(1);
        ref var cells2 = ref refs.Cells(2);
        ref var cells3 = ref refs.Cells(3);
        var x = TWide.Load(ref refs.Input(0), at);
        var sum0 = IsOnes<TKind>() ? x : Product<TWide, TBytes>(x, ref cells0, 0);
        var sum1 = TRows.Value > 1 ? First<TKind, TWide, TBytes>(x, ref cells1) : default;
        var sum2 = TRows.Value > 2 ? First<TKind, TWide, TBytes>(x, ref cells2) : default;
        var sum3 = TRows.Value > 3 ? First<TKind, TWide, TBytes>(x, ref cells3) : default;
        for (var column = 1; column < columns; column++)
        {
            x = TWide.Load(ref refs.Input(column), at);
            sum0 = TWide.Add(sum0, IsOnes<TKind>() ? x : Product<TWide, TBytes>(x, ref cells0, column));
            sum1 = TRows.Value > 1 ? TWide.Add(sum1, Product<TWide, TBytes>(x, ref cells1, column)) : default;
            sum2 = TRows.Value > 2 ? TWide.Add(sum2, Product<TWide, TBytes>(x, ref cells2, column)) : default;
            sum3 = TRows.Value > 3 ? TWide.Add(sum3, Product<TWide, TBytes>(x, ref cells3, column)) : default;
        }

        Store<TKind, TWide, TBytes>(sum0, ref refs.Output(0), at, isLast, old0);
        if (TRows.Value > 1)
        {
            Store<TKind, TWide, TBytes>(sum1, ref refs.Output(1), at, isLast, old1);
        }

        if (TRows.Value > 2)
        {
            Store<TKind, TWide, TBytes>(sum2, ref refs.Output(2), at, isLast, old2);
        }

        if (TRows.Value > 3)
        {
            Store<TKind, TWide, TBytes>(sum3, ref refs.Output(3), at, isLast, old3);
        }
    }

    // The first column's part of a row behind row 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TBytes First<TKind, TWide, TBytes>(TBytes x, ref byte cells)
        where TKind : struct, IKind
        where TWide : struct, ILanes<TBytes, TFactor>
        where TBytes : struct =>
        TKind.Value == TileKind.SetOnes ? x : Product<TWide, TBytes>(x, ref cells, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TBytes Product<TWide, TBytes>(TBytes x, ref byte cells, int column)
        where TWide : struct, ILanes<TBytes, TFactor>
        where TBytes : struct =>
        TWide.Multiply(x, TWide.Factor(Unsafe.Add(ref cells, column)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TKind, TWide, TBytes>(TBytes sum, ref byte output, nuint at, bool isLast, TBytes old)
        where TKind : struct, IKind
        where TWide : struct, ILanes<TBytes, TFactor>
        where TBytes : struct
    {
        if (IsAdded<TKind>())
        {
            sum = TWide.Add(sum, isLast ? old : TWide.Load(ref output, at));
        }

        TWide.Store(sum, ref output, at);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Old<TKind>(ref byte output, nuint last)
        where TKind : struct, IKind => IsAdded<TKind>() ? TLanes.Load(ref output, last) : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsAdded<TKind>()
        where TKind : struct, IKind => TKind.Value >= TileKind.Add;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsOnes<TKind>()
        where TKind : struct, IKind => TKind.Value is TileKind.SetOnes or TileKind.AddOnes;
}
