namespace Testbed.Erasure;

/// <summary>Rows of <paramref name="columns"/> coefficients that make elements from k sources.</summary>
internal sealed class CoefficientMatrix(int rows, int columns)
{
    private readonly byte[] _cells = new byte[rows * columns];
    private readonly bool[] _isOnes = new bool[rows];

    /// <summary>Coefficients of a row.</summary>
    public int Columns => columns;

    /// <summary>All coefficients, row by row.</summary>
    public ReadOnlySpan<byte> Cells => _cells;

    /// <summary>The coefficients of a row.</summary>
    public ReadOnlySpan<byte> Row(int row) => _cells.AsSpan(row * columns, columns);

    /// <summary>The coefficient at a row and column; the row's others stand behind it.</summary>
    public ref byte Cell(int row, int column) => ref _cells[(row * columns) + column];

    /// <summary>Whether a row is all ones: a plain XOR.</summary>
    public bool IsOnes(int row) => _isOnes[row];

    /// <summary>Whether the first of the rows and the first column of them all are ones.</summary>
    public bool IsOnes(ReadOnlySpan<byte> chosen)
    {
        var isOnes = _isOnes[chosen[0]];
        for (var i = 1; isOnes && i < chosen.Length; i++)
        {
            isOnes = _cells[chosen[i] * columns] == 1;
        }

        return isOnes;
    }

    /// <summary>Replaces a row.</summary>
    public void SetRow(int row, ReadOnlySpan<byte> coefficients)
    {
        coefficients.CopyTo(_cells.AsSpan(row * columns, columns));
        _isOnes[row] = !coefficients.ContainsAnyExcept((byte)1);
    }
}
