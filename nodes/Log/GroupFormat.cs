using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Testbed.Log;

/// <summary>
/// The bytes of a group, little endian, everything aligned to 8:
/// <code>
/// magic u32 | bytes u32 | first sequence u64 | durable before u64 | records u32 | chain u32 | crc u32 | 0
/// (u32), then each record: payload bytes u32 | type u8 | 0 u24 | payload | padding to 8
/// </code>
/// crc is CRC32C over the whole group with this field zero, beginning from chain xor salt: chain is the crc of
/// the group before, salt the crc of the segment's header. A group is the unit of atomicity: it is recovered
/// whole or not at all. A stale group of a former use of the file can never be taken for one of this segment:
/// its sequence is lower than expected, its chain differs, and its crc began from another salt, so that it does
/// not even hold. Nor can a value that looks like a group: who sends it does not know the salt.
/// </summary>
internal static class GroupFormat
{
    /// <summary>Bytes of a group's header.</summary>
    public const int HeaderBytes = 40;

    /// <summary>Bytes of a record's header.</summary>
    public const int RecordHeaderBytes = 8;

    /// <summary>All groups and records begin at a multiple of this.</summary>
    public const int Alignment = 8;

    /// <summary>First four bytes of a group.</summary>
    public const uint Magic = 0x50524754;

    private const int CrcOffset = 32;

    /// <summary>The next multiple of <see cref="Alignment"/>.</summary>
    public static int Aligned(int bytes) => (bytes + Alignment - 1) & -Alignment;

    /// <summary>Fills in the header of a group whose records stand behind it; returns the crc.</summary>
    public static uint Seal(Span<byte> group, int records, ulong firstSequence, ulong durableBefore,
        uint chain, uint salt)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(group, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(group[4..], group.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(group[8..], firstSequence);
        BinaryPrimitives.WriteUInt64LittleEndian(group[16..], durableBefore);
        BinaryPrimitives.WriteInt32LittleEndian(group[24..], records);
        BinaryPrimitives.WriteUInt32LittleEndian(group[28..], chain);
        BinaryPrimitives.WriteUInt64LittleEndian(group[CrcOffset..], 0);
        var crc = Crc(chain ^ salt, group);
        BinaryPrimitives.WriteUInt32LittleEndian(group[CrcOffset..], crc);
        return crc;
    }

    /// <summary>Reads a header; false when no group can begin with it.</summary>
    public static bool TryRead(ReadOnlySpan<byte> header, out GroupHeader group)
    {
        group = default;
        if (header.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic)
        {
            return false;
        }

        group = new GroupHeader(
            BinaryPrimitives.ReadInt32LittleEndian(header[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(header[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(header[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(header[24..]),
            BinaryPrimitives.ReadUInt32LittleEndian(header[28..]),
            BinaryPrimitives.ReadUInt32LittleEndian(header[CrcOffset..]));
        return group.Bytes >= HeaderBytes + RecordHeaderBytes && group.Bytes % Alignment == 0
            && group.Records > 0 && group.Records <= (group.Bytes - HeaderBytes) / RecordHeaderBytes
            && BinaryPrimitives.ReadUInt32LittleEndian(header[(CrcOffset + 4)..]) == 0;
    }

    /// <summary>Whether the whole group's bytes agree with its crc, in a segment of this salt.</summary>
    public static bool CrcHolds(in GroupHeader header, ReadOnlySpan<byte> group, uint salt)
    {
        var crc = CrcOfWords(header.Chain ^ salt, group[..CrcOffset]);
        crc = BitOperations.Crc32C(crc, 0UL);
        return CrcOfWords(crc, group[HeaderBytes..]) == header.Crc;
    }

    /// <summary>CRC32C of bytes whose number is a multiple of 8.</summary>
    public static uint Crc(uint seed, ReadOnlySpan<byte> bytes) => CrcOfWords(seed, bytes);

    private static uint CrcOfWords(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(bytes))
        {
            var value = BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);
            crc = BitOperations.Crc32C(crc, value);
        }

        return crc;
    }
}

/// <summary>What a group's header says.</summary>
/// <param name="Bytes">Bytes of the group with its header.</param>
/// <param name="FirstSequence">Sequence of its first record.</param>
/// <param name="DurableBefore">The last sequence that was known to be durable when the group was
/// written.</param>
/// <param name="Records">Number of records.</param>
/// <param name="Chain">The crc of the group before it.</param>
/// <param name="Crc">The group's own.</param>
internal readonly record struct GroupHeader(
    int Bytes, ulong FirstSequence, ulong DurableBefore, int Records, uint Chain, uint Crc);
