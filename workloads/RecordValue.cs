using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Testbed.Workloads;

/// <summary>What a look at a value found.</summary>
public enum RecordCheck : byte
{
    /// <summary>The value is whole and belongs to the key.</summary>
    Whole = 0,

    /// <summary>The value is not what was written.</summary>
    Corrupt = 1,

    /// <summary>The value is whole but was written to another key.</summary>
    OtherKey = 2,
}

/// <summary>
/// Values that say who wrote them. Header of 32 bytes, little-endian: magic u32, checksum u32, identity u64
/// (writer in the upper 24 bits, its sequence number in the lower 40), key hash u64, length u32, zero u32;
/// then a body generated from identity and key hash. The checksum is CRC32C over all but magic and itself, in
/// four lanes that take the 8-byte words in turn (four times the speed of one), closed by CRC32C over the
/// lanes: a change of up to 32 consecutive bits inside one word, so any flipped bit, is found for certain.
/// </summary>
public static class RecordValue
{
    /// <summary>Smallest value: the header alone.</summary>
    public const int HeaderBytes = 32;

    /// <summary>Most writers of one history.</summary>
    public const uint MaxWriter = (1u << 24) - 1;

    /// <summary>Most writes of one writer.</summary>
    public const long MaxSequence = (1L << 40) - 1;

    private const uint Magic = 0x31564254;
    private const int IdentityAt = 8;
    private const int KeyHashAt = 16;
    private const int LengthAt = 24;
    private const ulong WordStep = 0x9E3779B97F4A7C15UL;
    private const ulong WordFactor = 0xD6E8FEB86659FD93UL;

    /// <summary>The identity of a writer's write; never 0 when writer or sequence is not.</summary>
    public static ulong Identity(uint writer, long sequence) => ((ulong)writer << 40) | (ulong)sequence;

    /// <summary>The hash of a key's name that its values carry.</summary>
    public static ulong HashKey(ReadOnlySpan<byte> key)
    {
        var hash = WordStep ^ (ulong)key.Length;
        while (key.Length >= 8)
        {
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(key)) * WordFactor;
            hash ^= hash >> 32;
            key = key[8..];
        }

        ulong last = 0;
        for (var i = 0; i < key.Length; i++)
        {
            last |= (ulong)key[i] << (8 * i);
        }

        hash = (hash ^ last) * WordFactor;
        return hash ^ (hash >> 32);
    }

    /// <summary>
    /// Writes a whole value into <paramref name="value"/>, at least <see cref="HeaderBytes"/> long.
    /// </summary>
    public static void Fill(Span<byte> value, ulong identity, ulong keyHash)
    {
        FillBody(value[HeaderBytes..], identity, keyHash);
        Seal(value, identity, keyHash);
    }

    /// <summary>
    /// Turns a copy of an older value into a new one of which only one field is new: the body is cut into
    /// <paramref name="fields"/> parts of like size and part <paramref name="field"/> is generated afresh.
    /// </summary>
    public static void Merge(Span<byte> value, int field, int fields, ulong identity, ulong keyHash)
    {
        var body = value[HeaderBytes..];
        var from = (int)((long)body.Length * field / fields);
        var to = (int)((long)body.Length * (field + 1) / fields);
        FillBody(body[from..to], identity, keyHash);
        Seal(value, identity, keyHash);
    }

    /// <summary>
    /// Checks a value read under a key in one pass; the identity is that found unless corrupt (then 0).
    /// </summary>
    public static RecordCheck Check(ReadOnlySpan<byte> value, ulong keyHash, out ulong identity)
    {
        identity = 0;
        if (value.Length < HeaderBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(value) != Magic
            || BinaryPrimitives.ReadUInt64LittleEndian(value[LengthAt..]) != (ulong)value.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(value[4..]) != Checksum(value))
        {
            return RecordCheck.Corrupt;
        }

        identity = BinaryPrimitives.ReadUInt64LittleEndian(value[IdentityAt..]);
        return BinaryPrimitives.ReadUInt64LittleEndian(value[KeyHashAt..]) == keyHash
            ? RecordCheck.Whole
            : RecordCheck.OtherKey;
    }

    private static void Seal(Span<byte> value, ulong identity, ulong keyHash)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(value, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(value[IdentityAt..], identity);
        BinaryPrimitives.WriteUInt64LittleEndian(value[KeyHashAt..], keyHash);
        BinaryPrimitives.WriteUInt64LittleEndian(value[LengthAt..], (ulong)value.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(value[4..], Checksum(value));
    }

    // Word i is a mix of start + i x step: no word waits for the one before it.
    private static void FillBody(Span<byte> body, ulong identity, ulong keyHash)
    {
        var state = SeededRandom.Mix(identity) ^ keyHash;
        var words = MemoryMarshal.Cast<byte, ulong>(body);
        for (var i = 0; i < words.Length; i++)
        {
            state += WordStep;
            var word = (state ^ (state >> 32)) * WordFactor;
            words[i] = BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);
        }

        state += WordStep;
        var last = (state ^ (state >> 32)) * WordFactor;
        for (var i = words.Length * 8; i < body.Length; i++)
        {
            body[i] = (byte)last;
            last >>= 8;
        }
    }

    private static uint Checksum(ReadOnlySpan<byte> value)
    {
        var header = value[IdentityAt..HeaderBytes];
        var lane0 = BitOperations.Crc32C(~0u, BinaryPrimitives.ReadUInt64LittleEndian(header));
        var lane1 = BitOperations.Crc32C(~0u, BinaryPrimitives.ReadUInt64LittleEndian(header[8..]));
        var lane2 = BitOperations.Crc32C(~0u, BinaryPrimitives.ReadUInt64LittleEndian(header[16..]));
        var lane3 = ~0u;
        var body = value[HeaderBytes..];
        while (body.Length >= 32)
        {
            var block = body[..32];
            lane0 = BitOperations.Crc32C(lane0, BinaryPrimitives.ReadUInt64LittleEndian(block));
            lane1 = BitOperations.Crc32C(lane1, BinaryPrimitives.ReadUInt64LittleEndian(block[8..]));
            lane2 = BitOperations.Crc32C(lane2, BinaryPrimitives.ReadUInt64LittleEndian(block[16..]));
            lane3 = BitOperations.Crc32C(lane3, BinaryPrimitives.ReadUInt64LittleEndian(block[24..]));
            body = body[32..];
        }

        while (body.Length >= 8)
        {
            lane3 = BitOperations.Crc32C(lane3, BinaryPrimitives.ReadUInt64LittleEndian(body));
            body = body[8..];
        }

        foreach (var octet in body)
        {
            lane3 = BitOperations.Crc32C(lane3, octet);
        }

        var pair = BitOperations.Crc32C(~0u, lane0 | ((ulong)lane1 << 32));
        return BitOperations.Crc32C(pair, lane2 | ((ulong)lane3 << 32));
    }
}
