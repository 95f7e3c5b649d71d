using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Testbed.Erasure;

/// <summary>
/// Rows of a matrix times inputs, cut into tiles that a kernel's registers can hold. When there are more rows,
/// all tiles of a strip of bytes are done before the next strip, so that inputs come from memory once.
/// </summary>
internal static class MatrixProduct
{
    /// <summary>
    /// Bytes of a row in a strip: eight inputs are half of a first level cache of 32 KiB.
    /// </summary>
    internal const int StripBytes = 65536;

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

        Unsafe.SkipInit(out InputRefs sources);
        for (var column = 0; column < columns; column += InputRefs.Capacity)
        {
            var count = Math.Min(columns - column, InputRefs.Capacity);
            for (var i = 0; i < count; i++)
            {
                sources.Set(i, MemoryMarshal.CreateReadOnlySpan(ref inputs[column + i], 1));
            }

            if (rows.Length <= RowRefs.Capacity)
            {
                RunTile(kernel, matrix, rows, 0, rows.Length, column, count, sources, ref outputs, begin, end);
            }
            else
            {
                RunStrips(kernel, matrix, rows, column, count, sources, ref outputs, begin, end);
            }
        }
    }

    private static void RunStrips<TOutputs>(Kernel kernel, CoefficientMatrix matrix, scoped ReadOnlySpan<byte> rows,
        int column, int columns, scoped in InputRefs inputs, scoped ref TOutputs outputs, int begin, int end)
        where TOutputs : IRows, allows ref struct
    {
        while (begin < end)
        {
            // What is left behind a strip must fill a vector, or belongs to the strip.
            var stripEnd = end - begin < StripBytes + kernel.VectorBytes ? end : begin + StripBytes;
            for (var row = 0; row < rows.Length; row += RowRefs.Capacity)
            {
                RunTile(kernel, matrix, rows, row, Math.Min(RowRefs.Capacity, rows.Length - row), column, columns,
                    inputs, ref outputs, begin, stripEnd);
            }

            begin = stripEnd;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RunTile<TOutputs>(Kernel kernel, CoefficientMatrix matrix, scoped ReadOnlySpan<byte> rows,
        int row, int count, int column, int columns, scoped in InputRefs inputs, scoped ref TOutputs outputs,
        int begin, int end)
        where TOutputs : IRows, allows ref struct
    {
        var cells = new ChosenSlices(matrix.Cells[column..], matrix.Columns, rows);
        var kind = column > 0
            ? matrix.IsOnes(rows[row]) ? TileKind.AddOnes : TileKind.Add
            : matrix.IsOnes(rows.Slice(row, count)) ? TileKind.SetOnes : TileKind.Set;
        kernel.Tile(new TileShape(count, columns, kind), Take(ref cells, row, count), inputs,
            Take(ref outputs, row, count), (nuint)begin, (nuint)end);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RowRefs Take<TRows>(scoped ref TRows rows, int first, int count)
        where TRows : IRows, allows ref struct
    {
        ref var a = ref rows[first];
        ref var b = ref count > 1 ? ref rows[first + 1] : ref a;
        ref var c = ref count > 2 ? ref rows[first + 2] : ref a;
        ref var d = ref count > 3 ? ref rows[first + 3] : ref a;
        return new RowRefs(ref a, ref b, ref c, ref d);
    }
}
