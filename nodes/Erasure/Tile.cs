namespace Testbed.Erasure;

/// <summary>Up to four rows of bytes by their first byte. Places not used repeat row 0.</summary>
internal readonly ref struct RowRefs(ref byte a, ref byte b, ref byte c, ref byte d)
{
    /// <summary>Most rows.</summary>
    public const int Capacity = 4;

    public readonly ref byte A = ref a;
    public readonly ref byte B = ref b;
    public readonly ref byte C = ref c;
    public readonly ref byte D = ref d;

    /// <summary>Row 0 to 3.</summary>
    public ref byte this[int row] => ref row == 0 ? ref A : ref row == 1 ? ref B : ref row == 2 ? ref C : ref D;
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

/// <summary>A part of a matrix: at most 4 rows and 16 columns.</summary>
internal readonly record struct TileShape(int Rows, int Columns, TileKind Kind);
