using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Testbed.Erasure;

/// <summary>
/// Systematic Reed-Solomon code: k data elements and up to 64 - k parity elements; any k decode. Data
/// elements are plain slices of the value; parity element 0 is their XOR; with k = 1 every element is the
/// value. One owner: the cache of decode plans is not synchronised.
/// </summary>
public sealed class ReedSolomon
{
    // A set of elements is a word of bits.
    private const int MostElements = 64;

    private static readonly byte[] Ascending = [.. Enumerable.Range(0, MostElements).Select(i => (byte)i)];

    private readonly Kernel _kernel;
    private readonly DecodePlanCache _plans;

    // The indices of the parity elements, k to n-1.
    private readonly byte[] _parity;

    // Of the call at work: where element e stands in the caller's list, where the k lowest stand, in ascending
    // order, and the data elements to compute.
    private readonly byte[] _places;
    private readonly byte[] _order;
    private readonly byte[] _missing;

    /// <summary>
    /// A code with <paramref name="dataElements"/> = k and <paramref name="elements"/> = n elements (1 &lt;=
    /// k &lt;= n &lt;= 64), computed by the fastest kernel or the one given.
    /// </summary>
    public ReedSolomon(int elements, int dataElements, Kernel? kernel = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dataElements, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(elements, MostElements);
        ArgumentOutOfRangeException.ThrowIfLessThan(elements, dataElements);
        Elements = elements;
        DataElements = dataElements;
        Generator = CodingMatrix.Generator(elements, dataElements);
        _parity = new byte[elements - dataElements];
        for (var i = 0; i < _parity.Length; i++)
        {
            _parity[i] = (byte)(dataElements + i);
        }

        _places = new byte[elements];
        _order = new byte[dataElements];
        _missing = new byte[dataElements];
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
        return (int)(((uint)valueBytes + (uint)DataElements - 1) / (uint)DataElements);
    }

    /// <summary>
    /// Writes element <paramref name="index"/> (0 to n-1; data elements come first) of the value.
    /// </summary>
    public void EncodeElement(ReadOnlySpan<byte> value, int index, Span<byte> element)
    {
        CheckIndex(index);
        var elementBytes = element.Length;
        CheckElementBytes(elementBytes, value.Length);
        if (index < DataElements)
        {
            var data = DataSlice(value, index, elementBytes);
            data.CopyTo(element);
            element[data.Length..].Clear();
            return;
        }

        ReadOnlySpan<byte> row = [(byte)index];
        var output = new SliceRows(element, 0);
        EncodeRows(value, row, ref output, elementBytes);
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
        var inputs = new BufferRows(elements);
        var outputs = new BufferRows(parity);
        MatrixProduct.Run(_kernel, Generator, _parity, columns, ref inputs, ref outputs, 0, elementBytes);
    }

    /// <summary>
    /// Writes the n - k parity elements in one pass over the value: <paramref name="parity"/>[i] receives
    /// element k + i and has <see cref="ElementBytes"/> bytes. They overlap neither each other nor the value.
    /// </summary>
    public void EncodeParity(ReadOnlySpan<byte> value, ReadOnlySpan<Memory<byte>> parity)
    {
        CheckBytes(parity.Length, _parity.Length);
        if (parity.IsEmpty)
        {
            return;
        }

        var elementBytes = parity[0].Length;
        CheckElementBytes(elementBytes, value.Length);
        CheckBytes(parity, elementBytes);
        var outputs = new BufferRows(parity);
        EncodeRows(value, _parity, ref outputs, elementBytes);
    }

    /// <summary>
    /// Restores the value from any k different elements (of more, the lowest are used). <paramref
    /// name="indices"/>[i] is the element index of <paramref name="elements"/>[i]; all have <see
    /// cref="ElementBytes"/> of value.Length bytes.
    /// </summary>
    public void Decode(ReadOnlySpan<byte> indices, ReadOnlySpan<ReadOnlyMemory<byte>> elements,
        Span<byte> value)
    {
        var elementBytes = elements.IsEmpty ? 0 : elements[0].Length;
        CheckElementBytes(elementBytes, value.Length);
        var set = ChooseSources(indices, elements, elementBytes, out var order);
        var count = 0;
        for (var i = 0; i < DataElements; i++)
        {
            var target = DataSlice(value, i, elementBytes);
            if (Contains(set, i))
            {
                elements[Place(order, set, i)].Span[..target.Length].CopyTo(target);
            }
            else if (target.Length > 0)
            {
                _missing[count++] = (byte)i;
            }
        }

        if (count > 0)
        {
            ReadOnlySpan<byte> missing = _missing.AsSpan(0, count);
            var rows = _plans.Get(set).RowsOf(missing);
            var inputs = new SourceRows(elements, order);
            var outputs = new ChosenSlices(value, elementBytes, missing);

            // Only the last element of a value can be short.
            var lastBytes = DataSlice(value, missing[^1], elementBytes).Length;
            MatrixProduct.Run(_kernel, rows, missing, DataElements, ref inputs, ref outputs, 0, lastBytes);
            MatrixProduct.Run(_kernel, rows, missing[..^1], DataElements, ref inputs, ref outputs,
                RestFrom(lastBytes, elementBytes), elementBytes);
        }
    }

    /// <summary>Computes one element from any k others (fill and repair).</summary>
    public void Rebuild(ReadOnlySpan<byte> indices, ReadOnlySpan<ReadOnlyMemory<byte>> elements,
        int wantedIndex, Span<byte> element)
    {
        CheckIndex(wantedIndex);
        var set = ChooseSources(indices, elements, element.Length, out var order);
        if (Contains(set, wantedIndex))
        {
            CopySource(elements, Place(order, set, wantedIndex), element);
            return;
        }

        ReadOnlySpan<byte> wanted = [(byte)wantedIndex];
        var inputs = new SourceRows(elements, order);
        var output = new SliceRows(element, 0);
        MatrixProduct.Run(_kernel, _plans.Get(set).RowsOf(wanted), wanted, DataElements, ref inputs,
            ref output, 0, element.Length);
    }

    /// <summary>
    /// Computes several elements in one pass over any k others. <paramref name="wanted"/>[i] is the index of
    /// <paramref name="rebuilt"/>[i].
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
        var set = ChooseSources(indices, elements, elementBytes, out var order);
        foreach (var index in wanted)
        {
            CheckIndex(index);
        }

        var inputs = new SourceRows(elements, order);
        var outputs = new BufferRows(rebuilt);
        MatrixProduct.Run(_kernel, _plans.Get(set).RowsOf(wanted), wanted, DataElements, ref inputs,
            ref outputs, 0, elementBytes);
    }

    // The value's last slice may be short, and then is no column for the bytes behind its end.
    private void EncodeRows<TOutputs>(ReadOnlySpan<byte> value, scoped ReadOnlySpan<byte> rows,
        scoped ref TOutputs outputs, int elementBytes)
        where TOutputs : IRows, allows ref struct
    {
        if (value.IsEmpty)
        {
            return;
        }

        var inputs = new SliceRows(value, elementBytes);
        if (value.Length == (long)elementBytes * DataElements)
        {
            MatrixProduct.Run(_kernel, Generator, rows, DataElements, ref inputs, ref outputs, 0, elementBytes);
            return;
        }

        var (whole, lastBytes) = Math.DivRem(value.Length, elementBytes);
        var from = lastBytes == 0 ? 0 : RestFrom(lastBytes, elementBytes);
        MatrixProduct.Run(_kernel, Generator, rows, whole, ref inputs, ref outputs, from, elementBytes);
        MatrixProduct.Run(_kernel, Generator, rows, whole + 1, ref inputs, ref outputs, 0, lastBytes);
    }

    // Where to begin with the bytes behind a short element's end: a vector before the end of the whole ones,
    // computing some bytes twice, because a few bytes alone are slow.
    private static int RestFrom(int lastBytes, int elementBytes) => lastBytes == elementBytes
        ? elementBytes
        : Math.Min(lastBytes, Math.Max(0, elementBytes - MatrixProduct.MostVectorBytes));

    // Returns the set of the sources; order[i] is the place of the i-th of them in the caller's list.
    private ulong ChooseSources(ReadOnlySpan<byte> indices, ReadOnlySpan<ReadOnlyMemory<byte>> elements,
        int elementBytes, out ReadOnlySpan<byte> order)
    {
        if (indices.Length != elements.Length)
        {
            ThrowChoice("one index for each element");
        }

        var given = 0UL;
        var last = -1;
        var isAscending = indices.Length == DataElements;
        for (var i = 0; i < indices.Length; i++)
        {
            var index = (int)indices[i];
            CheckIndex(index);
            CheckBytes(elements[i].Length, elementBytes);
            given |= 1UL << index;
            isAscending &= index > last;
            last = index;
        }

        // Mostly there is nothing to choose.
        order = Ascending.AsSpan(0, DataElements);
        return isAscending ? given : ChooseLowest(indices, given, out order);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong ChooseLowest(ReadOnlySpan<byte> indices, ulong given, out ReadOnlySpan<byte> order)
    {
        if (BitOperations.PopCount(given) < DataElements || indices.Length > Elements)
        {
            ThrowChoice("k to n different elements are needed");
        }

        for (var i = 0; i < indices.Length; i++)
        {
            _places[indices[i]] = (byte)i;
        }

        var rest = given;
        for (var i = 0; i < _order.Length; i++)
        {
            _order[i] = _places[BitOperations.TrailingZeroCount(rest)];
            rest &= rest - 1;
        }

        order = _order;
        return given ^ rest;
    }

    // Where a source stands in the caller's list.
    private static int Place(ReadOnlySpan<byte> order, ulong set, int index) =>
        order[BitOperations.PopCount(set & ((1UL << index) - 1))];

    // Apart, for it is rare and its code would cost the others registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CopySource(ReadOnlySpan<ReadOnlyMemory<byte>> elements, int place, Span<byte> target) =>
        elements[place].Span[..target.Length].CopyTo(target);

    private static bool Contains(ulong set, int index) => ((set >> index) & 1) != 0;

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
            ThrowIndex(index);
        }
    }

    // That the bytes are those of an element: without a division, which small values would feel.
    private void CheckElementBytes(int given, int valueBytes)
    {
        if ((ulong)(((long)given * DataElements) - valueBytes) >= (ulong)DataElements)
        {
            ThrowBytes(given, ElementBytes(valueBytes));
        }
    }

    private static void CheckBytes(int given, int needed)
    {
        if (given != needed)
        {
            ThrowBytes(given, needed);
        }
    }

    private static void CheckBytes(ReadOnlySpan<Memory<byte>> given, int needed)
    {
        foreach (var element in given)
        {
            CheckBytes(element.Length, needed);
        }
    }

    // Apart, so that the checks are inlined.
    [DoesNotReturn]
    private static void ThrowIndex(int index) =>
        throw new ArgumentOutOfRangeException(nameof(index), index, "an element index is 0 to n-1");

    [DoesNotReturn]
    private static void ThrowBytes(int given, int needed) =>
        throw new ArgumentException($"{given} given where {needed} are needed");

    [DoesNotReturn]
    private static void ThrowChoice(string needed) => throw new ArgumentException(needed);
}
