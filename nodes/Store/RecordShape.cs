using System.Runtime.InteropServices;

namespace Testbed.Store;

/// <summary>
/// Which fields of a record are there and how wide they are: its first byte. A field that says nothing takes
/// no bytes, so a record of Raft has 13 bytes besides key and payload, one of ECC 29, the worst 35:
/// <code>
/// shape 1 | key length 1, 2 | key | flags 1 | payload length 2, 4 | value length 0 (as payload), 2, 4
/// | version, lower half 8 | upper half 0, 6, 8 | checksum 0, 8 | payload
/// </code>
/// The key's place depends on nothing that changes, so a record can change its shape where it stands.
/// </summary>
internal readonly struct RecordShape
{
    private const int LongKey = 1;
    private const int LongPayload = 2;
    private const int ShortValue = 4;
    private const int LongValue = 8;
    private const int ShortUpper = 16;
    private const int LongUpper = 32;
    private const int HasChecksum = 64;

    private const int ShortUpperBits = 48;

    private readonly byte _bits;

    private RecordShape(int bits) => _bits = (byte)bits;

    /// <summary>Where the key begins.</summary>
    public int KeyPlace => 2 + (_bits & LongKey);

    /// <summary>Bytes between key and payload.</summary>
    public int FieldBytes => 11 + (_bits & LongPayload) + ((_bits & (ShortValue | LongValue)) / 2)
        + UpperBytes + ((_bits & HasChecksum) / 8);

    private int UpperBytes => ((_bits & ShortUpper) * 6 / ShortUpper) + ((_bits & LongUpper) / 4);

    /// <summary>The shape of the record that begins there.</summary>
    public static RecordShape At(ReadOnlySpan<byte> record) => new(record[0]);

    /// <summary>The least shape that holds this.</summary>
    public static RecordShape Of(int keyBytes, in RecordHeader header, int payloadBytes)
    {
        var bits = keyBytes > byte.MaxValue ? LongKey : 0;
        bits |= payloadBytes > ushort.MaxValue ? LongPayload : 0;
        bits |= header.ValueBytes == payloadBytes ? 0
            : (uint)header.ValueBytes > ushort.MaxValue ? LongValue : ShortValue;
        var upper = (ulong)(header.Version >> 64);
        bits |= upper == 0 ? 0 : upper >> ShortUpperBits == 0 ? ShortUpper : LongUpper;
        bits |= header.Checksum == 0 ? 0 : HasChecksum;
        return new RecordShape(bits);
    }

    /// <summary>Length of the key of a record of this shape.</summary>
    public int KeyBytes(ReadOnlySpan<byte> record) =>
        (_bits & LongKey) == 0 ? record[1] : MemoryMarshal.Read<ushort>(record[1..]);

    /// <summary>Length of the payload, from the fields behind the key.</summary>
    public int PayloadBytes(ReadOnlySpan<byte> fields) => (_bits & LongPayload) == 0
        ? MemoryMarshal.Read<ushort>(fields[1..]) : MemoryMarshal.Read<int>(fields[1..]);

    /// <summary>Makes a record one of this shape.</summary>
    public void WriteShape(Span<byte> record) => record[0] = _bits;

    /// <summary>Writes the length of the key.</summary>
    public void WriteKeyBytes(Span<byte> record, int keyBytes)
    {
        if ((_bits & LongKey) == 0)
        {
            record[1] = (byte)keyBytes;
        }
        else
        {
            MemoryMarshal.Write(record[1..], (ushort)keyBytes);
        }
    }

    /// <summary>Writes what stands between key and payload.</summary>
    public void WriteFields(Span<byte> fields, in RecordHeader header, int payloadBytes)
    {
        fields[0] = header.Flags;
        fields = Put(fields[1..], payloadBytes, (_bits & LongPayload) == 0);
        if ((_bits & (ShortValue | LongValue)) != 0)
        {
            fields = Put(fields, header.ValueBytes, (_bits & ShortValue) != 0);
        }

        MemoryMarshal.Write(fields, (ulong)header.Version);
        fields = fields[8..];
        var upper = (ulong)(header.Version >> 64);
        if ((_bits & ShortUpper) != 0)
        {
            MemoryMarshal.Write(fields, (uint)upper);
            MemoryMarshal.Write(fields[4..], (ushort)(upper >> 32));
        }
        else if ((_bits & LongUpper) != 0)
        {
            MemoryMarshal.Write(fields, upper);
        }

        if ((_bits & HasChecksum) != 0)
        {
            MemoryMarshal.Write(fields[UpperBytes..], header.Checksum);
        }
    }

    /// <summary>Reads what <see cref="WriteFields"/> wrote.</summary>
    public RecordHeader ReadFields(ReadOnlySpan<byte> fields)
    {
        var flags = fields[0];
        var valueBytes = PayloadBytes(fields);
        fields = fields[(3 + (_bits & LongPayload))..];
        if ((_bits & ShortValue) != 0)
        {
            valueBytes = MemoryMarshal.Read<ushort>(fields);
            fields = fields[2..];
        }
        else if ((_bits & LongValue) != 0)
        {
            valueBytes = MemoryMarshal.Read<int>(fields);
            fields = fields[4..];
        }

        var lower = MemoryMarshal.Read<ulong>(fields);
        fields = fields[8..];
        var upper = 0UL;
        if ((_bits & ShortUpper) != 0)
        {
            upper = MemoryMarshal.Read<uint>(fields)
                | ((ulong)MemoryMarshal.Read<ushort>(fields[4..]) << 32);
        }
        else if ((_bits & LongUpper) != 0)
        {
            upper = MemoryMarshal.Read<ulong>(fields);
        }

        var checksum = (_bits & HasChecksum) == 0 ? 0 : MemoryMarshal.Read<ulong>(fields[UpperBytes..]);
        return new RecordHeader(new UInt128(upper, lower), checksum, valueBytes, flags);
    }

    private static Span<byte> Put(Span<byte> fields, int number, bool isShort)
    {
        if (isShort)
        {
            MemoryMarshal.Write(fields, (ushort)number);
            return fields[2..];
        }

        MemoryMarshal.Write(fields, number);
        return fields[4..];
    }
}
