namespace Testbed.Erasure;

/// <summary>
/// The n x k generator of a systematic code: identity over a normalised Cauchy block. Every square part of a
/// Cauchy matrix can be inverted, and scaling rows and columns keeps that, so any k rows of the generator can
/// be inverted.
/// </summary>
internal static class CodingMatrix
{
    /// <summary>
    /// The parity block, (n - k) x k, row by row. Columns are scaled so that row 0 is all ones (parity 0 is
    /// XOR), then rows so that column 0 is all ones (the first data element is never multiplied).
    /// </summary>
    public static byte[] Parity(int elements, int dataElements)
    {
        var rows = elements - dataElements;
        var block = new byte[rows * dataElements];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < dataElements; column++)
            {
                // x = k + row and y = column are different numbers below n <= 255, so the sum is never zero.
                var sum = (byte)((dataElements + row) ^ column);
                var scale = (byte)(dataElements ^ column);
                block[(row * dataElements) + column] = GaloisField.Divide(scale, sum);
            }
        }

        for (var row = 1; row < rows; row++)
        {
            var first = block[row * dataElements];
            for (var column = 0; column < dataElements; column++)
            {
                ref var cell = ref block[(row * dataElements) + column];
                cell = GaloisField.Divide(cell, first);
            }
        }

        return block;
    }

    /// <summary>The whole generator: row e makes element e from the data elements.</summary>
    public static CoefficientMatrix Generator(int elements, int dataElements)
    {
        var generator = new CoefficientMatrix(elements, dataElements);
        Span<byte> unit = stackalloc byte[dataElements];
        for (var i = 0; i < dataElements; i++)
        {
            unit.Clear();
            unit[i] = 1;
            generator.SetRow(i, unit);
        }

        var parity = Parity(elements, dataElements);
        for (var i = dataElements; i < elements; i++)
        {
            generator.SetRow(i, parity.AsSpan((i - dataElements) * dataElements, dataElements));
        }

        return generator;
    }

    /// <summary>Inverts a size x size matrix in place by Gauss-Jordan; false when it is singular.</summary>
    public static bool TryInvert(Span<byte> matrix, int size)
    {
        var inverse = new byte[size * size];
        for (var i = 0; i < size; i++)
        {
            inverse[(i * size) + i] = 1;
        }

        for (var column = 0; column < size; column++)
        {
            var pivot = column;
            while (pivot < size && matrix[(pivot * size) + column] == 0)
            {
                pivot++;
            }

            if (pivot == size)
            {
                return false;
            }

            SwapRows(matrix, pivot, column, size);
            SwapRows(inverse, pivot, column, size);
            var scale = GaloisField.Inverse(matrix[(column * size) + column]);
            ScaleRow(matrix.Slice(column * size, size), scale);
            ScaleRow(inverse.AsSpan(column * size, size), scale);
            for (var row = 0; row < size; row++)
            {
                var factor = matrix[(row * size) + column];
                if (row != column && factor != 0)
                {
                    AddRow(matrix.Slice(column * size, size), factor, matrix.Slice(row * size, size));
                    AddRow(inverse.AsSpan(column * size, size), factor, inverse.AsSpan(row * size, size));
                }
            }
        }

        inverse.CopyTo(matrix);
        return true;
    }

    private static void SwapRows(Span<byte> matrix, int a, int b, int size)
    {
        if (a == b)
        {
            return;
        }

        for (var column = 0; column < size; column++)
        {
            (matrix[(a * size) + column], matrix[(b * size) + column]) =
                (matrix[(b * size) + column], matrix[(a * size) + column]);
        }
    }

    private static void ScaleRow(Span<byte> row, byte factor)
    {
        for (var i = 0; i < row.Length; i++)
        {
            row[i] = GaloisField.Multiply(row[i], factor);
        }
    }

    private static void AddRow(ReadOnlySpan<byte> source, byte factor, Span<byte> target)
    {
        for (var i = 0; i < source.Length; i++)
        {
            target[i] ^= GaloisField.Multiply(source[i], factor);
        }
    }
}
