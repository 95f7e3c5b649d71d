using System.Buffers.Binary;
using System.Globalization;

namespace Testbed.Log;

/// <summary>
/// A segment: a file named by its number (from 1, no gaps) that begins with
/// <code>
/// magic u64 | format u32 | 0 u32 | number u64 | first sequence u64 | 0 (3 x u64) | chain u32 | crc u32
/// </code>
/// and continues with groups. What stands behind the last group are zeros, or what the file held in a former
/// use. A file that waits for its next use is named by the last number it had.
/// </summary>
internal static class SegmentFormat
{
    /// <summary>Bytes of a segment's header.</summary>
    public const int HeaderBytes = 64;

    /// <summary>The chain of the first group of a log.</summary>
    public const uint FirstChain = 0x54455354;

    private const ulong Magic = 0x474F4C4445425354;
    private const uint Format = 2;
    private const string Suffix = ".wal";
    private const string SpareSuffix = ".spare";
    private const int NameDigits = 10;

    /// <summary>The file's name.</summary>
    public static string Name(long number) => number.ToString("d10", CultureInfo.InvariantCulture) + Suffix;

    /// <summary>The file's name while it waits for its next use.</summary>
    public static string SpareName(long number) =>
        number.ToString("d10", CultureInfo.InvariantCulture) + SpareSuffix;

    /// <summary>The number a segment's name says; false for other files.</summary>
    public static bool TryNumber(string name, out long number) => TryNumber(name, Suffix, out number);

    /// <summary>True for the name of a file that waits for its next use.</summary>
    public static bool IsSpare(string name) => TryNumber(name, SpareSuffix, out _);

    /// <summary>Writes a header of <see cref="HeaderBytes"/>; returns the salt of the segment.</summary>
    public static uint Write(Span<byte> header, long number, ulong firstSequence, uint chain)
    {
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Format);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], number);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], firstSequence);
        BinaryPrimitives.WriteUInt32LittleEndian(header[56..], chain);
        var crc = GroupFormat.Crc(chain, header[..56]);
        BinaryPrimitives.WriteUInt32LittleEndian(header[60..], crc);
        return crc;
    }

    /// <summary>The salt of the groups in a segment, which is the crc of its header.</summary>
    public static uint Salt(ReadOnlySpan<byte> header) => BinaryPrimitives.ReadUInt32LittleEndian(header[60..]);

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
        return Salt(header) == GroupFormat.Crc(chain, header[..56]);
    }

    private static bool TryNumber(string name, string suffix, out long number)
    {
        number = 0;
        return name.Length == NameDigits + suffix.Length && name.EndsWith(suffix, StringComparison.Ordinal)
            && long.TryParse(
                name.AsSpan(0, NameDigits), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && number > 0;
    }
}
