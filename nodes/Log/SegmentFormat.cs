using System.Buffers.Binary;
using System.Globalization;

namespace Testbed.Log;

/// <summary>
/// A segment: a file named by its number (from 1, no gaps) that begins with
/// <code>
/// magic u64 | format u32 | 0 u32 | number u64 | first sequence u64 | 0 (3 x u64) | chain u32 | crc u32
/// </code>
/// and continues with groups.
/// </summary>
internal static class SegmentFormat
{
    /// <summary>Bytes of a segment's header.</summary>
    public const int HeaderBytes = 64;

    /// <summary>The chain of the first group of a log.</summary>
    public const uint FirstChain = 0x54455354;

    private const ulong Magic = 0x474F4C4445425354;
    private const uint Format = 1;
    private const string Suffix = ".wal";
    private const int NameDigits = 10;

    /// <summary>The file's name.</summary>
    public static string Name(long number) => number.ToString("d10", CultureInfo.InvariantCulture) + Suffix;

    /// <summary>The number a file's name says; false for files of others.</summary>
    public static bool TryNumber(string name, out long number)
    {
        number = 0;
        return name.Length == NameDigits + Suffix.Length && name.EndsWith(Suffix, StringComparison.Ordinal)
            && long.TryParse(
                name.AsSpan(0, NameDigits), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && number > 0;
    }

    /// <summary>Writes a header of <see cref="HeaderBytes"/>.</summary>
    public static void Write(Span<byte> header, long number, ulong firstSequence, uint chain)
    {
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Format);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], number);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], firstSequence);
        BinaryPrimitives.WriteUInt32LittleEndian(header[56..], chain);
        BinaryPrimitives.WriteUInt32LittleEndian(header[60..], GroupFormat.Crc(chain, header[..56]));
    }

    /// <summary>
    /// Reads a header; false unless it is the whole and intact header of segment <paramref name="number"/>.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> header, long number, out ulong firstSequence,
        out uint chain)
    {
        firstSequence = 0;
        chain = 0;
        if (header.Length < HeaderBytes
            || BinaryPrimitives.ReadUInt64LittleEndian(header) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) != Format
            || BinaryPrimitives.ReadInt64LittleEndian(header[16..]) != number)
        {
            return false;
        }

        firstSequence = BinaryPrimitives.ReadUInt64LittleEndian(header[24..]);
        chain = BinaryPrimitives.ReadUInt32LittleEndian(header[56..]);
        return BinaryPrimitives.ReadUInt32LittleEndian(header[60..]) == GroupFormat.Crc(chain, header[..56]);
    }
}
