using System.Buffers.Binary;
using System.IO.Hashing;
using Testbed.Erasure;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>The numbers of a cluster (n, k) and one code per width.</summary>
internal sealed class EccCode
{
    private readonly ReedSolomon[] _codes;

    internal EccCode(int nodes, int dataElements, Kernel? kernel = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(nodes, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(nodes, Limits.Nodes);
        ArgumentOutOfRangeException.ThrowIfLessThan(dataElements, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(dataElements, nodes);
        Nodes = nodes;
        DataElements = dataElements;
        Tolerated = Math.Min(nodes - dataElements, (nodes - 1) / 2);
        Quorum = nodes - Tolerated;
        AllNodes = nodes == 32 ? uint.MaxValue : (1u << nodes) - 1;
        _codes = new ReedSolomon[dataElements + 1];
        for (var width = 1; width <= dataElements; width++)
        {
            _codes[width] = new ReedSolomon(nodes, width, kernel ?? Kernel.Default);
        }
    }

    /// <summary>n.</summary>
    internal int Nodes { get; }

    /// <summary>k.</summary>
    internal int DataElements { get; }

    /// <summary>f: nodes that may be away.</summary>
    internal int Tolerated { get; }

    /// <summary>q = n - f; two quorums intersect.</summary>
    internal int Quorum { get; }

    /// <summary>A bit per node.</summary>
    internal uint AllNodes { get; }

    /// <summary>
    /// Store acks a version of that width needs: any q nodes then hold that many elements of it.
    /// </summary>
    internal int Need(int width) => width == 0 ? Quorum : Tolerated + width;

    internal static ulong HashOf(ReadOnlySpan<byte> key) => XxHash3.HashToUInt64(key);

    /// <summary>Element index of a node for a key: spreads data and parity over the nodes.</summary>
    internal int ElementIndex(int node, ulong hash)
    {
        var index = node - (int)(hash % (uint)Nodes);
        return index < 0 ? index + Nodes : index;
    }

    /// <summary>The node that holds an element index of a key.</summary>
    internal int NodeOf(int element, ulong hash)
    {
        var node = element + (int)(hash % (uint)Nodes);
        return node >= Nodes ? node - Nodes : node;
    }

    /// <summary>Bytes of a blob: value checksum and element; a tombstone has none.</summary>
    internal static int BlobBytes(int width, int valueBytes) =>
        width == 0 ? 0 : EccElement.PrefixBytes + ((valueBytes + width - 1) / width);

    /// <summary>Writes a node's blob.</summary>
    internal void Encode(ReadOnlySpan<byte> value, ulong valueChecksum, int width, int elementIndex,
        Span<byte> blob)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(blob, valueChecksum);
        if (value.Length > 0)
        {
            // At width 1 every element is the value.
            _codes[width].EncodeElement(value, width == 1 ? 0 : elementIndex, blob[EccElement.PrefixBytes..]);
        }
    }

    /// <summary>Writes a blob whose element is there already.</summary>
    internal static void Copy(ReadOnlySpan<byte> element, ulong valueChecksum, Span<byte> blob)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(blob, valueChecksum);
        element.CopyTo(blob[EccElement.PrefixBytes..]);
    }

    /// <summary>Writes all parity elements of a value in one pass over it.</summary>
    internal void EncodeParity(ReadOnlySpan<byte> value, int width, ReadOnlySpan<Memory<byte>> parity) =>
        _codes[width].EncodeParity(value, parity);

    /// <summary>
    /// E8: restores a value and compares its checksum. Null when it does not match: then one of the elements
    /// lies. (It trusts them in a planted bug only.)
    /// </summary>
    internal byte[]? Decode(ReadOnlySpan<byte> indices, ReadOnlySpan<ReadOnlyMemory<byte>> elements,
        int valueBytes,
        ulong valueChecksum, bool trusts = false)
    {
        var value = valueBytes == 0 ? [] : GC.AllocateUninitializedArray<byte>(valueBytes);
        if (valueBytes > 0)
        {
            _codes[indices.Length].Decode(indices, elements, value);
        }

        return trusts || Checksum.Of(value) == valueChecksum ? value : null;
    }
}
