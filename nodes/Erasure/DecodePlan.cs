namespace Testbed.Erasure;

/// <summary>
/// How elements follow from one set of k sources: element e = sum over i of Row(e)[i] * source[i], with the
/// sources in ascending order of their index. Rows are computed when first asked for.
/// </summary>
internal sealed class DecodePlan
{
    private readonly ReedSolomon _code;

    // The inverse of the generator's rows of the sources: data = inverse * sources.
    private readonly byte[] _inverse;
    private readonly byte[]?[] _parityRows;

    /// <summary>A plan for the k ascending <paramref name="sources"/>.</summary>
    public DecodePlan(ReedSolomon code, ReadOnlySpan<byte> sources)
    {
        _code = code;
        var k = code.DataElements;
        _inverse = new byte[k * k];
        for (var i = 0; i < k; i++)
        {
            code.CopyGeneratorRow(sources[i], _inverse.AsSpan(i * k, k));
        }

        if (!CodingMatrix.TryInvert(_inverse, k))
        {
            throw new ArgumentException("the sources are not different elements", nameof(sources));
        }

        _parityRows = new byte[]?[code.Elements - k];
    }

    /// <summary>The k coefficients that make <paramref name="element"/> from the sources.</summary>
    public ReadOnlySpan<byte> Row(int element)
    {
        var k = _code.DataElements;
        if (element < k)
        {
            return _inverse.AsSpan(element * k, k);
        }

        return _parityRows[element - k] ??= ParityRow(element);
    }

    private byte[] ParityRow(int element)
    {
        var k = _code.DataElements;
        var row = new byte[k];
        var generator = new byte[k];
        _code.CopyGeneratorRow(element, generator);
        for (var data = 0; data < k; data++)
        {
            for (var i = 0; i < k; i++)
            {
                row[i] ^= GaloisField.Multiply(generator[data], _inverse[(data * k) + i]);
            }
        }

        return row;
    }
}

/// <summary>A set of element indices, 0 to 255.</summary>
internal readonly record struct ElementSet(ulong Bits0, ulong Bits1, ulong Bits2, ulong Bits3)
{
    /// <summary>The set with one more element.</summary>
    public ElementSet With(int index)
    {
        var bit = 1UL << (index & 63);
        return (index >> 6) switch
        {
            0 => this with { Bits0 = Bits0 | bit },
            1 => this with { Bits1 = Bits1 | bit },
            2 => this with { Bits2 = Bits2 | bit },
            _ => this with { Bits3 = Bits3 | bit },
        };
    }
}
