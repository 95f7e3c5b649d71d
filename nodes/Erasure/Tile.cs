using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Testbed.Erasure;

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

/// <summary>
/// A tile's rows of bytes by their first byte: each output, its coefficients, and each input. Only those of the
/// tile's shape are set.
/// </summary>
// The warning says that the language has no indexer for an array of references. The runtime lays it out as any
// other and the collector follows all of them.
#pragma warning disable CS9184
[InlineArray((2 * MostRows) + MostColumns)]
internal ref struct TileRefs
#pragma warning restore CS9184
{
    /// <summary>Most outputs.</summary>
    public const int MostRows = 4;

    /// <summary>Most inputs.</summary>
    public const int MostColumns = 16;

    private RowRef _first;

    /// <summary>The coefficients of output <paramref name="row"/>.</summary>
    public readonly ref byte Cells(int row) => ref Get(MostRows + row);

    /// <summary>Output <paramref name="row"/>.</summary>
    public readonly ref byte Output(int row) => ref Get(row);

    /// <summary>Input <paramref name="column"/>.</summary>
    public readonly ref byte Input(int column) => ref Get((2 * MostRows) + column);

    /// <summary>Sets an output and its coefficients.</summary>
    public void SetRow(int row, ref byte output, ref byte cells)
    {
        Set(row, ref output);
        Set(MostRows + row, ref cells);
    }

    /// <summary>Sets an input.</summary>
    public void SetInput(int column, ref byte input) => Set((2 * MostRows) + column, ref input);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly ref byte Get(int index) => ref Unsafe.Add(ref Unsafe.AsRef(in _first), index).First;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Set(int index, ref byte row) =>
        Unsafe.Add(ref _first, index) = new RowRef(MemoryMarshal.CreateReadOnlySpan(ref row, 1));

    // Through a span, for the language lets no reference that was an argument into a structure.
    private readonly ref struct RowRef(ReadOnlySpan<byte> row)
    {
        public readonly ref byte First = ref MemoryMarshal.GetReference(row);
    }
}
