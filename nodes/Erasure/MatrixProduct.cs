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
    public static void Run<TInputs, TOutputs>(Kernel kernel, CoefficientMatrix matrix, ReadOnlySpan<byte> rows,
        int columns, TInputs inputs, TOutputs outputs, int begin, int end)
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

        // One tile needs no strips.
        var isOneTile = rows.Length <= kernel.TileRows && columns <= kernel.TileColumns;
        var strip = isOneTile ? bytes : StripBytes;
        while (begin < end)
        {
            // What is left behind a strip must fill a vector, or belongs to the strip.
            bytes = end - begin < strip + kernel.VectorBytes ? end - begin : strip;
            for (var row = 0; row < rows.Length; row += kernel.TileRows)
            {
                var group = rows.Slice(row, Math.Min(kernel.TileRows, rows.Length - row));
                RunGroup(kernel, matrix, group, row, columns, inputs, outputs, begin, bytes);
            }

            begin += bytes;
        }
    }

    private static void RunGroup<TInputs, TOutputs>(Kernel kernel, CoefficientMatrix matrix,
        ReadOnlySpan<byte> rows, int firstOutput, int columns, TInputs inputs, TOutputs outputs, int begin,
        int bytes)
        where TInputs : IRows, allows ref struct
        where TOutputs : IRows, allows ref struct
    {
        var isOnes = matrix.IsOnes(rows[0]);
        var isFirstOnes = isOnes;
        foreach (var row in rows)
        {
            isFirstOnes &= matrix.Row(row)[0] == 1;
        }

        var cells = new ChosenSlices(matrix.Cells, matrix.Columns, rows);
        var targets = Take(outputs, firstOutput, rows.Length, begin);
        var kind = isFirstOnes ? TileKind.SetOnes : TileKind.Set;
        for (var column = 0; column < columns; column += kernel.TileColumns)
        {
            var count = Math.Min(kernel.TileColumns, columns - column);
            var coefficients = Take(cells, 0, rows.Length, column);
            var sources = Take(inputs, column, count, begin);
            kernel.Tile(new TileShape(rows.Length, count, kind), coefficients, sources, targets, (nuint)bytes);
            kind = isOnes ? TileKind.AddOnes : TileKind.Add;
        }
    }

    private static RowRefs Take<TRows>(TRows rows, int first, int count, int begin)
        where TRows : IRows, allows ref struct
    {
        RowRefs taken = default;
        taken.A = ref Unsafe.Add(ref rows[first], begin);
        if (count > 1)
        {
            taken.B = ref Unsafe.Add(ref rows[first + 1], begin);
        }

        if (count > 2)
        {
            taken.C = ref Unsafe.Add(ref rows[first + 2], begin);
        }

        if (count > 3)
        {
            taken.D = ref Unsafe.Add(ref rows[first + 3], begin);
        }

        return taken;
    }
}
