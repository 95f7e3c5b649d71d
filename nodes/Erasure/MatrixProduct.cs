using System.Runtime.CompilerServices;

namespace Testbed.Erasure;

/// <summary>
/// Rows of a matrix times inputs, cut into tiles that a kernel's registers can hold. All tiles of a strip of
/// bytes are done before the next strip, so that inputs come from memory once and sums of parts stay in the
/// first level cache.
/// </summary>
internal static class MatrixProduct
{
    /// <summary>
    /// Bytes of a row in a strip: with four inputs and four outputs half of a first level cache of 32 KiB.
    /// </summary>
    internal const int StripBytes = 2048;

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

        if (rows.Length > kernel.TileRows || columns > kernel.TileColumns)
        {
            RunStrips(kernel, matrix, rows, columns, ref inputs, ref outputs, begin, end);
            return;
        }

        var cells = new ChosenSlices(matrix.Cells, matrix.Columns, rows);
        kernel.Tile(new TileShape(rows.Length, columns, matrix.IsOnes(rows) ? TileKind.SetOnes : TileKind.Set),
            Take(ref cells, 0, rows.Length, 0), Take(ref inputs, 0, columns, begin),
            Take(ref outputs, 0, rows.Length, begin), (nuint)bytes);
    }

    private static void RunStrips<TInputs, TOutputs>(Kernel kernel, CoefficientMatrix matrix,
        scoped ReadOnlySpan<byte> rows, int columns, scoped ref TInputs inputs, scoped ref TOutputs outputs, int begin,
        int end)
        where TInputs : IRows, allows ref struct
        where TOutputs : IRows, allows ref struct
    {
        while (begin < end)
        {
            // What is left behind a strip must fill a vector, or belongs to the strip.
            var bytes = end - begin < StripBytes + kernel.VectorBytes ? end - begin : StripBytes;
            for (var row = 0; row < rows.Length; row += kernel.TileRows)
            {
                var group = rows.Slice(row, Math.Min(kernel.TileRows, rows.Length - row));
                var targets = Take(ref outputs, row, group.Length, begin);
                RunGroup(kernel, matrix, group, columns, ref inputs, targets, begin, bytes);
            }

            begin += bytes;
        }
    }

    private static void RunGroup<TInputs>(Kernel kernel, CoefficientMatrix matrix, scoped ReadOnlySpan<byte> rows,
        int columns, scoped ref TInputs inputs, in RowRefs outputs, int begin, int bytes)
        where TInputs : IRows, allows ref struct
    {
        var cells = new ChosenSlices(matrix.Cells, matrix.Columns, rows);
        var kind = matrix.IsOnes(rows) ? TileKind.SetOnes : TileKind.Set;
        for (var column = 0; column < columns; column += kernel.TileColumns)
        {
            var count = Math.Min(kernel.TileColumns, columns - column);
            kernel.Tile(new TileShape(rows.Length, count, kind), Take(ref cells, 0, rows.Length, column),
                Take(ref inputs, column, count, begin), outputs, (nuint)bytes);
            kind = matrix.IsOnes(rows[0]) ? TileKind.AddOnes : TileKind.Add;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RowRefs Take<TRows>(scoped ref TRows rows, int first, int count, int begin)
        where TRows : IRows, allows ref struct
    {
        ref var a = ref Unsafe.Add(ref rows[first], begin);
        ref var b = ref count > 1 ? ref Unsafe.Add(ref rows[first + 1], begin) : ref a;
        ref var c = ref count > 2 ? ref Unsafe.Add(ref rows[first + 2], begin) : ref a;
        ref var d = ref count > 3 ? ref Unsafe.Add(ref rows[first + 3], begin) : ref a;
        return new RowRefs(ref a, ref b, ref c, ref d);
    }
}
