using System.Runtime.CompilerServices;

namespace Testbed.Erasure.Simd;

/// <summary>Picks the loop that was compiled for a tile's shape.</summary>
internal sealed class VectorKernel<TLanes, TVector, TFactor>()
    : Kernel(TLanes.Bytes, TLanes.Tile.Rows, TLanes.Tile.Columns)
    where TLanes : struct, ILanes<TVector, TFactor>
    where TVector : struct
    where TFactor : struct
{
    /// <inheritdoc/>
    public override string Name => TLanes.Name;

    internal override Kernel Narrower => TLanes.Narrower;

    internal override void Tile(TileShape shape, in RowRefs coefficients, in RowRefs inputs,
        in RowRefs outputs, nuint bytes)
    {
        switch (shape.Rows)
        {
            case 1:
                Rows<One>(shape, coefficients, inputs, outputs, bytes);
                break;
            case 2:
                Rows<Two>(shape, coefficients, inputs, outputs, bytes);
                break;
            case 3:
                Rows<Three>(shape, coefficients, inputs, outputs, bytes);
                break;
            default:
                Rows<Four>(shape, coefficients, inputs, outputs, bytes);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rows<TRows>(TileShape shape, in RowRefs coefficients, in RowRefs inputs,
        in RowRefs outputs, nuint bytes)
        where TRows : struct, ICount
    {
        if (TRows.Value > TLanes.Tile.Rows)
        {
            throw new ArgumentOutOfRangeException(nameof(shape));
        }

        switch (shape.Columns)
        {
            case 1:
                Columns<TRows, One>(shape.Kind, coefficients, inputs, outputs, bytes);
                break;
            case 2:
                Columns<TRows, Two>(shape.Kind, coefficients, inputs, outputs, bytes);
                break;
            case 3:
                Columns<TRows, Three>(shape.Kind, coefficients, inputs, outputs, bytes);
                break;
            default:
                Columns<TRows, Four>(shape.Kind, coefficients, inputs, outputs, bytes);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Columns<TRows, TColumns>(TileKind kind, in RowRefs coefficients, in RowRefs inputs,
        in RowRefs outputs, nuint bytes)
        where TRows : struct, ICount
        where TColumns : struct, ICount
    {
        if (TColumns.Value > TLanes.Tile.Columns)
        {
            throw new ArgumentOutOfRangeException(nameof(kind));
        }

        switch (kind)
        {
            case TileKind.Set:
                TileLoop<TLanes, TVector, TFactor>.Run<TRows, TColumns, SetKind>(
                    coefficients, inputs, outputs, bytes);
                break;
            case TileKind.SetOnes:
                TileLoop<TLanes, TVector, TFactor>.Run<TRows, TColumns, SetOnesKind>(
                    coefficients, inputs, outputs, bytes);
                break;
            case TileKind.Add:
                TileLoop<TLanes, TVector, TFactor>.Run<TRows, TColumns, AddKind>(
                    coefficients, inputs, outputs, bytes);
                break;
            default:
                TileLoop<TLanes, TVector, TFactor>.Run<TRows, TColumns, AddOnesKind>(
                    coefficients, inputs, outputs, bytes);
                break;
        }
    }
}
