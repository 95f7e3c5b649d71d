namespace Testbed.Erasure;

/// <summary>
/// Systematic Reed-Solomon code: k data elements and up to 255 - k parity elements; any k decode. Data
/// elements are plain slices of the value; parity element 0 is their XOR; with k = 1 every element is the
/// value. One owner: the cache of decode plans is not synchronised.
/// </summary>
public sealed class ReedSolomon
{
    private readonly byte[] _parity;
    private readonly Kernel _kernel;
    private readonly DecodePlanCache _plans;

    /// <summary>
    /// A code with <paramref name="dataElements"/> = k and <paramref name="elements"/> = n elements (1 &lt;=
    /// k &lt;= n &lt;= 255).
    /// </summary>
    public ReedSolomon(int elements, int dataElements)
        : this(elements, dataElements, Kernel.Default)
    {
    }

    internal ReedSolomon(int elements, int dataElements, Kernel kernel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dataElements, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(elements, 255);
        ArgumentOutOfRangeException.ThrowIfLessThan(elements, dataElements);
        Elements = elements;
        DataElements = dataElements;
        _parity = CodingMatrix.Parity(elements, dataElements);
        _kernel = kernel;
        _plans = new DecodePlanCache(this);
    }

    /// <summary>n.</summary>
    public int Elements { get; }

    /// <summary>k.</summary>
    public int DataElements { get; }

    /// <summary>The name of the kernel that computes, for manifests and benchmarks.</summary>
    public string KernelName => _kernel.Name;

    internal int CachedPlans => _plans.Count;

    /// <summary>
    /// Bytes of one element of a value: ceil(valueBytes / k); data elements are zero padded at the value's
    /// end.
    /// </summary>
    public int ElementBytes(int valueBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(valueBytes);
        return (int)(((long)valueBytes + DataElements - 1) / DataElements);
    }

    /// <summary>
    /// Writes element <paramref name="index"/> (0 to n-1; data elements come first) of the value.
    /// </summary>
    public void EncodeElement(ReadOnlySpan<byte> value, int index, Span<byte> element)
    {
        CheckIndex(index);
        var elementBytes = ElementBytes(value.Length);
        CheckBytes(element.Length, elementBytes);
        if (index < DataElements)
        {
            var data = DataSlice(value, index, elementBytes);
            data.CopyTo(element);
            element[data.Length..].Clear();
            return;
        }

        var row = _parity.AsSpan((index - DataElements) * DataElements, DataElements);

        // Data element 0 is whole whenever the value is not empty; the last ones may be shorter, their
        // padding adds zero.
        _kernel.Multiply(row[0], DataSlice(value, 0, elementBytes), element);
        for (var i = 1; i < DataElements; i++)
        {
            var data = DataSlice(value, i, elementBytes);
            _kernel.MultiplyAdd(row[i], data, element[..data.Length]);
        }
    }

    /// <summary>
    /// Writes all n elements; <paramref name="elements"/>[i] receives element i and has <see
    /// cref="ElementBytes"/> bytes.
    /// </summary>
    public void EncodeAll(ReadOnlySpan<byte> value, ReadOnlySpan<Memory<byte>> elements)
    {
        CheckBytes(elements.Length, Elements);
        for (var i = 0; i < Elements; i++)
        {
            EncodeElement(value, i, elements[i].Span);
        }
    }

    /// <summary>
    /// Restores the value from any k different elements (of more, the lowest are used). <paramref
    /// name="indices"/>[i] is the element index of <paramref name="elements"/>[i]; all have <see
    /// cref="ElementBytes"/> of value.Length bytes.
    /// </summary>
    public void Decode(ReadOnlySpan<byte> indices, ReadOnlySpan<ReadOnlyMemory<byte>> elements,
        Span<byte> value)
    {
        var elementBytes = ElementBytes(value.Length);
        Span<byte> places = stackalloc byte[256];
        Span<byte> sources = stackalloc byte[DataElements];
        ChooseSources(indices, elements, elementBytes, places, sources);

        DecodePlan? plan = null;
        for (var i = 0; i < DataElements; i++)
        {
            var begin = (int)Math.Min((long)i * elementBytes, value.Length);
            var target = value.Slice(begin, Math.Min(elementBytes, value.Length - begin));

            // The sources ascend, so data element i, when it is among them, is not after place i.
            if (sources[..(i + 1)].Contains((byte)i))
            {
                elements[places[i]].Span[..target.Length].CopyTo(target);
            }
            else if (target.Length > 0)
            {
                plan ??= _plans.Get(sources);
                Combine(plan.Row(i), sources, places, elements, target);
            }
        }
    }

    /// <summary>Computes one element from any k others (fill and repair).</summary>
    public void Rebuild(ReadOnlySpan<byte> indices, ReadOnlySpan<ReadOnlyMemory<byte>> elements,
        int wantedIndex, Span<byte> element)
    {
        CheckIndex(wantedIndex);
        Span<byte> places = stackalloc byte[256];
        Span<byte> sources = stackalloc byte[DataElements];
        ChooseSources(indices, elements, element.Length, places, sources);
        if (sources.Contains((byte)wantedIndex))
        {
            elements[places[wantedIndex]].Span.CopyTo(element);
            return;
        }

        Combine(_plans.Get(sources).Row(wantedIndex), sources, places, elements, element);
    }

    /// <summary>Copies the coefficients that make an element from the data elements.</summary>
    internal void CopyGeneratorRow(int index, Span<byte> row)
    {
        if (index < DataElements)
        {
            row.Clear();
            row[index] = 1;
        }
        else
        {
            _parity.AsSpan((index - DataElements) * DataElements, DataElements).CopyTo(row);
        }
    }

    private void Combine(ReadOnlySpan<byte> row, ReadOnlySpan<byte> sources, ReadOnlySpan<byte> places,
        ReadOnlySpan<ReadOnlyMemory<byte>> elements, Span<byte> output)
    {
        _kernel.Multiply(row[0], elements[places[sources[0]]].Span[..output.Length], output);
        for (var i = 1; i < row.Length; i++)
        {
            _kernel.MultiplyAdd(row[i], elements[places[sources[i]]].Span[..output.Length], output);
        }
    }

    // places[e] = where element e stands in the caller's list; sources = the k lowest indices given,
    // ascending.
    private void ChooseSources(ReadOnlySpan<byte> indices, ReadOnlySpan<ReadOnlyMemory<byte>> elements,
        int elementBytes, Span<byte> places, Span<byte> sources)
    {
        const byte absent = 255;
        if (indices.Length != elements.Length || indices.Length > Elements)
        {
            throw new ArgumentException("one index for each element, at most n of them", nameof(indices));
        }

        places.Fill(absent);
        for (var i = 0; i < indices.Length; i++)
        {
            CheckIndex(indices[i]);
            CheckBytes(elements[i].Length, elementBytes);
            places[indices[i]] = (byte)i;
        }

        var found = 0;
        for (var index = 0; index < Elements && found < DataElements; index++)
        {
            if (places[index] != absent)
            {
                sources[found++] = (byte)index;
            }
        }

        if (found < DataElements)
        {
            throw new ArgumentException("fewer than k different elements", nameof(indices));
        }
    }

    private static ReadOnlySpan<byte> DataSlice(ReadOnlySpan<byte> value, int index, int elementBytes)
    {
        var begin = (int)Math.Min((long)index * elementBytes, value.Length);
        return value.Slice(begin, Math.Min(elementBytes, value.Length - begin));
    }

    private void CheckIndex(int index)
    {
        if ((uint)index >= (uint)Elements)
        {
            throw new ArgumentOutOfRangeException(nameof(index), index, "an element index is 0 to n-1");
        }
    }

    private static void CheckBytes(int given, int needed)
    {
        if (given != needed)
        {
            throw new ArgumentException($"{given} given where {needed} are needed");
        }
    }
}
