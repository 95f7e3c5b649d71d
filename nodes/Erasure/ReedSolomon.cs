namespace Testbed.Erasure;

/// <summary>Systematic Reed-Solomon code: k data elements and up to 255 - k parity elements; any k decode.</summary>
public sealed class ReedSolomon
{
    /// <summary>A code with <paramref name="dataElements"/> = k and <paramref name="elements"/> = n elements (k &lt;= n &lt;= 255).</summary>
    public ReedSolomon(int elements, int dataElements) => throw new NotImplementedException();

    /// <summary>Bytes of one element of a value: ceil(valueBytes / k); the last data element is zero padded.</summary>
    public int ElementBytes(int valueBytes) => throw new NotImplementedException();

    /// <summary>Writes element <paramref name="index"/> (0 to n-1; data elements come first) of the value.</summary>
    public void EncodeElement(ReadOnlySpan<byte> value, int index, Span<byte> element) =>
        throw new NotImplementedException();

    /// <summary>
    /// Restores the value from any k different elements. <paramref name="indices"/>[i] is the element index of
    /// <paramref name="elements"/>[i]; all have <see cref="ElementBytes"/> of value.Length bytes.
    /// </summary>
    public void Decode(ReadOnlySpan<byte> indices, ReadOnlySpan<ReadOnlyMemory<byte>> elements, Span<byte> value) =>
        throw new NotImplementedException();

    /// <summary>Computes one missing element from any k others (fill and repair).</summary>
    public void Rebuild(ReadOnlySpan<byte> indices, ReadOnlySpan<ReadOnlyMemory<byte>> elements, int wantedIndex,
        Span<byte> element) => throw new NotImplementedException();
}

/// <summary>The checksum of elements and values.</summary>
public static class Checksum
{
    /// <summary>XXH3, 64 bits.</summary>
    public static ulong Of(ReadOnlySpan<byte> bytes) => System.IO.Hashing.XxHash3.HashToUInt64(bytes);
}
