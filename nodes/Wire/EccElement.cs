using System.Buffers.Binary;

namespace Testbed.Wire;

/// <summary>
/// One element as it travels and as it is stored: eight bytes XXH3 of the whole value, then the element's
/// bytes; a checksum over both stands beside it. So a mix of elements of different values cannot pass as a
/// value.
/// </summary>
/// <param name="Version">
/// The version it belongs to; <see cref="EccVersion.None"/> when there is no element.
/// </param>
/// <param name="ValueBytes">Bytes of the whole value.</param>
/// <param name="Checksum">XXH3 of <paramref name="Blob"/>.</param>
/// <param name="Blob">Value checksum and element; empty for a tombstone.</param>
public readonly record struct EccElement(
    EccVersion Version, int ValueBytes, ulong Checksum, ReadOnlyMemory<byte> Blob)
{
    /// <summary>Bytes before the element proper.</summary>
    public const int PrefixBytes = 8;

    /// <summary>Largest blob.</summary>
    public const int MaxBlobBytes = Limits.ValueBytes + PrefixBytes;

    /// <summary>True when there is an element (a tombstone has none).</summary>
    public bool Exists => !Version.IsNone;

    /// <summary>The element's bytes.</summary>
    public ReadOnlyMemory<byte> Bytes => Blob[PrefixBytes..];

    /// <summary>XXH3 of the whole value.</summary>
    public ulong ValueChecksum => BinaryPrimitives.ReadUInt64LittleEndian(Blob.Span);

    /// <summary>Bytes of the wire form besides the blob.</summary>
    internal const int HeaderBytes = 32;

    /// <summary>Writes all but the blob's bytes, which must follow.</summary>
    internal static void WriteHeader(ref WireWriter writer, EccVersion version, int valueBytes,
        ulong checksum,
        int blobBytes)
    {
        writer.U128(version.Value);
        writer.U32((uint)valueBytes);
        writer.U64(checksum);
        writer.U32((uint)blobBytes);
    }

    internal static EccElement Read(ref WireReader reader)
    {
        var version = new EccVersion(reader.U128());
        var valueBytes = reader.U32();
        var checksum = reader.U64();
        var blob = reader.Long(MaxBlobBytes);
        return new EccElement(version, (int)Math.Min(valueBytes, int.MaxValue), checksum, blob);
    }

    /// <summary>
    /// True for lengths that a version of that width can have; says nothing about checksums.
    /// </summary>
    internal bool IsWellFormed()
    {
        if (!Version.IsPlausible)
        {
            return false;
        }

        if (Version.IsNone || Version.Width == 0)
        {
            return Blob.IsEmpty && ValueBytes == 0;
        }

        var elementBytes = (ValueBytes + Version.Width - 1) / Version.Width;
        return ValueBytes <= Limits.ValueBytes && Blob.Length == PrefixBytes + elementBytes;
    }
}
