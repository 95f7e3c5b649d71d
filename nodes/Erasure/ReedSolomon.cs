namespace Testbed.Erasure;

/// <summary>
/// Systematic Reed-Solomon code: k data elements and up to 255 - k parity elements; any k decode. Data
/// elements are plain slices of the value; parity element 0 is their XOR; with k = 1 every element is the
/// value. One owner: the cache of decode plans is not synchronised.
/// </summary>
public sealed class ReedSolomon
{
    // No element has this index.
    private const byte Absent = 255;

    private readonly Kernel _kernel;
    private readonly DecodePlanCache _plans;

    // The indices of the parity elements, k to n-1.
    private readonly byte[] _parity;

    /// <summary>
    /// A code with <paramref name="dataElements"/> = k and <paramref name="elements"/> = n elements (1 &lt;=
    /// k &lt;= n &lt;= 255), computed by the fastest kernel or the one given.
    /// </summary>
    public ReedSolomon(int elements, int dataElements, Kernel? kernel = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dataElements, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(elements, 255);
        ArgumentOutOfRangeException.ThrowIfLessThan(elements, dataElements);
        Elements = elements;
        DataElements = dataElements;
        Generator = CodingMatrix.Generator(elements, dataElements);
        _parity = new byte[elements - dataElements];
        for (var i = 0; i < _parity.Length; i++)
        {
            _parity[i] = (byte)(dataElements + i);
        }

        _kernel = kernel ?? Kernel.Default;
        _plans = new DecodePlanCache(this);
    }

    /// <summary>n.</summary>
    public int Elements { get; }

    /// <summary>k.</summary>
    public int DataElements { get; }

    /// <summary>The name of the kernel that computes, for manifests and benchmarks.</summary>
    public string KernelName => _kernel.Name;

    /// <summary>Row e makes element e from the data elements.</summary>
    internal CoefficientMatrix Generator { get; }

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

        ReadOnlySpan<byte> row = [(byte)index];
        EncodeRows(value, row, new SliceRows(element, 0), elementBytes);
    }

    /// <summary>
    /// Writes all n elements; <paramref name="elements"/>[i] receives element i and has <see
    /// cref="ElementBytes"/> bytes. They overlap neither each other nor the value.
    /// </summary>
    public void EncodeAll(ReadOnlySpan<byte> value, ReadOnlySpan<Memory<byte>> elements)
    {
        CheckBytes(elements.Length, Elements);
        for (var i = 0; i < DataElements; i++)
        {
            EncodeElement(value, i, elements[i].Span);
        }

        // The copies are whole, unlike the value's last slice; those that are all padding add nothing.
        var elementBytes = ElementBytes(value.Length);
        var parity = elements[DataElements..];
        CheckBytes(parity, elementBytes);
        var columns = elementBytes == 0 ? 0 : (value.Length + elementBytes - 1) / elementBytes;
        MatrixProduct.Run(_kernel, Generator, _parity, columns, new BufferRows(elements), new BufferRows(parity), 0,
            elementBytes);
    }

    /// <summary>
    /// Writes the n - k parity elements in one pass over the value: <paramref name="parity"/>[i] receives
    /// element k + i and has <see cref="ElementBytes"/> bytes. They overlap neither each other nor the value.
    /// </summary>
    public void EncodeParity(ReadOnlySpan<byte> value, ReadOnlySpan<Memory<byte>> parity)
    {
        CheckBytes(parity.Length, _parity.Length);
        var elementBytes = ElementBytes(value.Length);
        CheckBytes(parity, elementBytes);
        EncodeRows(value, _parity, new BufferRows(parity), elementBytes);
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

        Span<byte> missing = stackalloc byte[DataElements];
        var count = 0;
        for (var i = 0; i < DataElements; i++)
        {
            var target = DataSlice(value, i, elementBytes);
            if (places[i] != Absent)
            {
                elements[places[i]].Span[..target.Length].CopyTo(target);
            }
            else if (target.Length > 0)
            {
                missing[count++] = (byte)i;
            }
        }

        if (count > 0)
        {
            missing = missing[..count];
            var rows = _plans.Get(sources).RowsOf(missing);
            var inputs = new SourceRows(elements, places, sources);
            var outputs = new ChosenSlices(value, elementBytes, missing);

            // Only the last element of a value can be short.
            var lastBytes = DataSlice(value, missing[^1], elementBytes).Length;
            MatrixProduct.Run(_kernel, rows, missing, DataElements, inputs, outputs, 0, lastBytes);
            MatrixProduct.Run(_kernel, rows, missing[..^1], DataElements, inputs, outputs,
                RestFrom(lastBytes, elementBytes), elementBytes);
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
        if (places[wantedIndex] != Absent)
        {
            elements[places[wantedIndex]].Span.CopyTo(element);
            return;
        }

        ReadOnlySpan<byte> wanted = [(byte)wantedIndex];
        MatrixProduct.Run(_kernel, _plans.Get(sources).RowsOf(wanted), wanted, DataElements,
            new SourceRows(elements, places, sources), new SliceRows(element, 0), 0, element.Length);
    }

    /// <summary>
    /// Computes several elements in one pass over any k others. <paramref name="wanted"/>[i] is the index of
    /// <paramref name="rebuilt"/>[i], none of them among the given.
    /// </summary>
    public void Rebuild(ReadOnlySpan<byte> indices, ReadOnlySpan<ReadOnlyMemory<byte>> elements,
        ReadOnlySpan<byte> wanted, ReadOnlySpan<Memory<byte>> rebuilt)
    {
        CheckBytes(rebuilt.Length, wanted.Length);
        if (wanted.IsEmpty)
        {
            return;
        }

        var elementBytes = rebuilt[0].Length;
        CheckBytes(rebuilt, elementBytes);
        Span<byte> places = stackalloc byte[256];
        Span<byte> sources = stackalloc byte[DataElements];
        ChooseSources(indices, elements, elementBytes, places, sources);
        foreach (var index in wanted)
        {
            CheckIndex(index);
            if (places[index] != Absent)
            {
                throw new ArgumentException("a wanted element is among the given ones", nameof(wanted));
            }
        }

        MatrixProduct.Run(_kernel, _plans.Get(sources).RowsOf(wanted), wanted, DataElements,
            new SourceRows(elements, places, sources), new BufferRows(rebuilt), 0, elementBytes);
    }

    // The value's last slice may be short, and then is no column for the bytes behind its end.
    private void EncodeRows<TOutputs>(ReadOnlySpan<byte> value, ReadOnlySpan<byte> rows, TOutputs outputs,
        int elementBytes)
        where TOutputs : IRows, allows ref struct
    {
        if (value.IsEmpty)
        {
            return;
        }

        var inputs = new SliceRows(value, elementBytes);
        var (whole, lastBytes) = Math.DivRem(value.Length, elementBytes);
        var from = lastBytes == 0 ? 0 : RestFrom(lastBytes, elementBytes);
        MatrixProduct.Run(_kernel, Generator, rows, whole, inputs, outputs, from, elementBytes);
        MatrixProduct.Run(_kernel, Generator, rows, whole + 1, inputs, outputs, 0, lastBytes);
    }

    // Where to begin with the bytes behind a short element's end: a vector before the end of the whole ones,
    // computing some bytes twice, because a few bytes alone are slow.
    private static int RestFrom(int lastBytes, int elementBytes) => lastBytes == elementBytes
        ? elementBytes
        : Math.Min(lastBytes, Math.Max(0, elementBytes - MatrixProduct.MostVectorBytes));

    // places[e] = where element e stands in the caller's list; sources = the k lowest indices given,
    // ascending.
    private void ChooseSources(ReadOnlySpan<byte> indices, ReadOnlySpan<ReadOnlyMemory<byte>> elements,
        int elementBytes, Span<byte> places, Span<byte> sources)
    {
        if (indices.Length != elements.Length || indices.Length > Elements)
        {
            throw new ArgumentException("one index for each element, at most n of them", nameof(indices));
        }

        places.Fill(Absent);
        for (var i = 0; i < indices.Length; i++)
        {
            CheckIndex(indices[i]);
            CheckBytes(elements[i].Length, elementBytes);
            places[indices[i]] = (byte)i;
        }

        var found = 0;
        for (var index = 0; index < Elements && found < DataElements; index++)
        {
            if (places[index] != Absent)
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

    private static Span<byte> DataSlice(Span<byte> value, int index, int elementBytes)
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

    private static void CheckBytes(ReadOnlySpan<Memory<byte>> given, int needed)
    {
        foreach (var element in given)
        {
            CheckBytes(element.Length, needed);
        }
    }
}
