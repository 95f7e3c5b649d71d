using System.Numerics;
using System.Runtime.CompilerServices;

namespace Testbed.Erasure;

/// <summary>
/// How elements follow from one set of k sources: element e = sum over i of Row(e)[i] * source[i], with the
/// sources in ascending order of their index. Rows are computed when first asked for.
/// </summary>
internal sealed class DecodePlan
{
    private readonly ReedSolomon _code;

    // Rows 0 to k-1: the inverse of the generator's rows of the sources, for data = inverse * sources.
    private readonly CoefficientMatrix _rows;
    private readonly bool[] _isKnown;

    /// <summary>A plan for the k sources whose bits are set.</summary>
    public DecodePlan(ReedSolomon code, ulong sources)
    {
        _code = code;
        var k = code.DataElements;
        var inverse = new byte[k * k];
        for (var i = 0; i < k; i++)
        {
            code.Generator.Row(BitOperations.TrailingZeroCount(sources)).CopyTo(inverse.AsSpan(i * k));
            sources &= sources - 1;
        }

        if (!CodingMatrix.TryInvert(inverse, k))
        {
            throw new ArgumentException("the sources are not different elements", nameof(sources));
        }

        _rows = new CoefficientMatrix(code.Elements, k);
        _isKnown = new bool[code.Elements];
        for (var i = 0; i < k; i++)
        {
            _rows.SetRow(i, inverse.AsSpan(i * k, k));
            _isKnown[i] = true;
        }
    }

    /// <summary>
    /// A matrix whose rows of the <paramref name="wanted"/> elements make those from the sources.
    /// </summary>
    public CoefficientMatrix RowsOf(ReadOnlySpan<byte> wanted)
    {
        foreach (var element in wanted)
        {
            if (!_isKnown[element])
            {
                AddParityRow(element);
            }
        }

        return _rows;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddParityRow(byte element)
    {
        _isKnown[element] = true;
        Span<byte> row = stackalloc byte[_code.DataElements];
        row.Clear();
        var generator = _code.Generator.Row(element);
        for (var data = 0; data < generator.Length; data++)
        {
            var inverse = _rows.Row(data);
            for (var i = 0; i < row.Length; i++)
            {
                row[i] ^= GaloisField.Multiply(generator[data], inverse[i]);
            }
        }

        _rows.SetRow(element, row);
    }
}
