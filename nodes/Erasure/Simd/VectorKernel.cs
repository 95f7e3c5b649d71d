using System.Runtime.CompilerServices;

namespace Testbed.Erasure.Simd;

/// <summary>Picks the loop that was compiled for a tile's shape.</summary>
internal sealed class VectorKernel<TLanes, TVector, TFactor>() : Kernel(TLanes.Bytes)
    where TLanes : struct, ILanes<TVector, TFactor>
    where TVector : struct
    where TFactor : struct
{
    /// <inheritdoc/>
    public override string Name => TLanes.Name;

    internal override Kernel Narrower => TLanes.Narrower;

    internal override void Tile(TileShape shape, in TileRefs refs, nuint begin, nuint end)
    {
        switch (shape.Rows)
        {
            case 1:
                Rows<One>(shape, refs, begin, end);
                break;
            case 2:
                Rows<Two>(shape, refs, begin, end);
                break;
            case 3:
                Rows<Three>(shape, refs, begin, end);
                break;
            default:
                Rows<Four>(shape, refs, begin, end);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rows<TRows>(TileShape shape, in TileRefs refs, nuint begin, nuint end)
        where TRows : struct, ICount
    {
        switch (shape.Kind)
        {
            case TileKind.Set:
                Columns<TRows, SetKind>(shape.Columns, refs, begin, end);
                break;
            case TileKind.SetOnes:
                Columns<TRows, SetOnesKind>(shape.Columns, refs, begin, end);
                break;
            case TileKind.Add:
                WideTileLoop<TLanes, TVector, TFactor>.Run<TRows, AddKind>(refs, shape.Columns, begin, end);
                break;
            default:
                WideTileLoop<TLanes, TVector, TFactor>.Run<TRows, AddOnesKind>(refs, shape.Columns, begin, end);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Columns<TRows, TKind>(int columns, in TileRefs refs, nuint begin, nuint end)
        where TRows : struct, ICount
        where TKind : struct, IKind
    {
        switch (columns)
        {
            case 2 when 2 * TRows.Value <= TLanes.Hoisted:
                TileLoop<TLanes, TVector, TFactor>.Run<TRows, Two, TKind>(refs, begin, end);
                break;
            case 3 when 3 * TRows.Value <= TLanes.Hoisted:
                TileLoop<TLanes, TVector, TFactor>.Run<TRows, Three, TKind>(refs, begin, end);
                break;
            case 4 when 4 * TRows.Value <= TLanes.Hoisted:
                TileLoop<TLanes, TVector, TFactor>.Run<TRows, Four, TKind>(refs, begin, end);
                break;
            default:
                WideTileLoop<TLanes, TVector, TFactor>.Run<TRows, TKind>(refs, columns, begin, end);
                break;
        }
    }
}
