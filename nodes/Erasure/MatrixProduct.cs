using System.Runtime.CompilerServices;

namespace Testbed.Erasure;

/// <summary>
/// Rows of a matrix times inputs, cut into tiles that a kernel's registers can hold. When it takes several, all
/// tiles of a strip of bytes are done before the next strip, so that inputs and sums of parts come from the
/// second level cache again.
/// </summary>
internal static class MatrixProduct
{
    /// <summary>Bytes of a row in a strip: long enough to be fetched ahead by the processor.</summary>
    internal const int StripBytes = 16384;

    /// <summary>Bytes of the widest kernel's vectors.</summary>
    internal const int MostVectorBytes = 64;

    /// <summary>
    /// outputs[r] = sum over c below <paramref name="columns"/> of matrix[rows[r]][c] * inputs[c], for the
    /// bytes from <paramref name="begin"/> to <paramref name="end"/> of each row.
    /// </summary>
    public static void Run<TInputs, TOutputs>(Kernel kernel, CoefficientMatrix matrix, scoped ReadOnlySpan<byte> rows,
        int columns, scoped ref TInputs inputs, scoped ref TOutputs outputs, int begin, int end)
        where TInputs : IRows, allows ref struct
        where TOutputs : IRows, allows ref struct
    {
        var bytes = end - begin;
        if (bytes <= 0 || rows.Length == 0)
        {
            return;
        }

        while (bytes < kernel.VectorBytes)
        {
            kernel = kernel.Narrower;
        }

        if (rows.Length > TileRefs.MostRows || columns > TileRefs.MostColumns)
        {
            RunTiles(kernel, matrix, rows, columns, ref inputs, ref outputs, begin, end);
            return;
        }

        Unsafe.SkipInit(out TileRefs refs);
        SetInputs(ref refs, ref inputs, 0, columns);
        for (var i = 0; i < rows.Length; i++)
        {
            refs.SetRow(i, ref outputs[i], ref matrix.Cell(rows[i], 0));
        }

        var kind = matrix.IsOnes(rows) ? TileKind.SetOnes : TileKind.Set;
        kernel.Tile(new TileShape(rows.Length, columns, kind), refs, (nuint)begin, (nuint)end);
    }

    private static void RunTiles<TInputs, TOutputs>(Kernel kernel, CoefficientMatrix matrix,
        scoped ReadOnlySpan<byte> rows, int columns, scoped ref TInputs inputs, scoped ref TOutputs outputs, int begin,
        int end)
        where TInputs : IRows, allows ref struct
        where TOutputs : IRows, allows ref struct
    {
        TileRefs refs = default;
        while (begin < end)
        {
            // What is left behind a strip must fill a vector, or belongs to the strip.
            var stripEnd = end - begin < StripBytes + kernel.VectorBytes ? end : begin + StripBytes;
            for (var column = 0; column < columns; column += TileRefs.MostColumns)
            {
                var count = Math.Min(columns - column, TileRefs.MostColumns);
                SetInputs(ref refs, ref inputs, column, count);
                for (var row = 0; row < rows.Length; row += TileRefs.MostRows)
                {
                    var group = rows.Slice(row, Math.Min(TileRefs.MostRows, rows.Length - row));
                    for (var i = 0; i < group.Length; i++)
                    {
                        refs.SetRow(i, ref outputs[row + i], ref matrix.Cell(group[i], column));
                    }

                    var kind = column > 0
                        ? matrix.IsOnes(group[0]) ? TileKind.AddOnes : TileKind.Add
                        : matrix.IsOnes(group) ? TileKind.SetOnes : TileKind.Set;
                    kernel.Tile(new TileShape(group.Length, count, kind), refs, (nuint)begin, (nuint)stripEnd);
                }
            }

            begin = stripEnd;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SetInputs<TInputs>(scoped ref TileRefs refs, scoped ref TInputs inputs, int first, int count)
        where TInputs : IRows, allows ref struct
    {
        for (var i = 0; i < count; i++)
        {
            refs.SetInput(i, ref inputs[first + i]);
        }
    }
}
