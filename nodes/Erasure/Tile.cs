using System.Diagnostics.CodeAnalysis;

namespace Testbed.Erasure;

/// <summary>Up to four rows of bytes by their first byte. Places not used hold a null reference.</summary>
internal ref struct RowRefs
{
    public ref byte A;
    public ref byte B;
    public ref byte C;
    public ref byte D;

    /// <summary>Row 0 to 3.</summary>
    [UnscopedRef]
    public readonly ref byte this[int row] =>
        ref (row == 0 ? ref A : ref row == 1 ? ref B : ref row == 2 ? ref C : ref D);
}

/// <summary>What is known of a tile besides its coefficients.</summary>
internal enum TileKind
{
    /// <summary>Sums replace the outputs; any coefficients.</summary>
    Set,

    /// <summary>
    /// Sums replace the outputs; the coefficients of row 0 and of column 0 are ones, so that both go without a
    /// multiplication.
    /// </summary>
    SetOnes,

    /// <summary>Sums are added to the outputs; any coefficients.</summary>
    Add,

    /// <summary>Sums are added to the outputs; the coefficients of row 0 are ones.</summary>
    AddOnes,
}

/// <summary>A part of a matrix, at most 4 x 4.</summary>
internal readonly record struct TileShape(int Rows, int Columns, TileKind Kind);
