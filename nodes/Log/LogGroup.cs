using System.Buffers.Binary;

namespace Testbed.Log;

/// <summary>
/// A group of records that is written with one write, made durable with one sync, and recovered whole or not
/// at all. Groups are independent of each other and of the log until they are written: one can be filled
/// while another is being written.
/// </summary>
public sealed class LogGroup
{
    /// <summary>Most bytes of a group.</summary>
    public const int MaxBytes = 256 * 1024 * 1024;

    // A buffer that one burst made larger than this is not kept.
    private const int KeptBytes = 8 * 1024 * 1024;
    private const int FirstBytes = 16 * 1024;

    private byte[] _buffer = new byte[FirstBytes];

    /// <summary>Bytes of the group so far, headers included.</summary>
    public int Bytes { get; private set; } = GroupFormat.HeaderBytes;

    /// <summary>Records of the group so far.</summary>
    public int Count { get; private set; }

    /// <summary>Appends a record: head followed by body, both copied.</summary>
    public void Add(byte type, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        var payloadBytes = (long)head.Length + body.Length;
        var end = Bytes + GroupFormat.RecordHeaderBytes + payloadBytes + GroupFormat.Alignment - 1;
        if (end > MaxBytes)
        {
            throw new InvalidOperationException($"a log group holds at most {MaxBytes} bytes");
        }

        if (end > _buffer.Length)
        {
            Array.Resize(ref _buffer, (int)Math.Max(end, Math.Min(_buffer.Length * 2L, MaxBytes)));
        }

        var bytes = GroupFormat.RecordHeaderBytes + (int)payloadBytes;
        var record = _buffer.AsSpan(Bytes, GroupFormat.Aligned(bytes));
        BinaryPrimitives.WriteInt32LittleEndian(record, (int)payloadBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], type);
        head.CopyTo(record[GroupFormat.RecordHeaderBytes..]);
        body.CopyTo(record[(GroupFormat.RecordHeaderBytes + head.Length)..]);
        record[bytes..].Clear();
        Bytes += record.Length;
        Count++;
    }

    /// <summary>Empties the group for the next use; the buffer is kept.</summary>
    public void Clear()
    {
        if (_buffer.Length > KeptBytes)
        {
            _buffer = new byte[FirstBytes];
        }

        Bytes = GroupFormat.HeaderBytes;
        Count = 0;
    }

    /// <summary>The group as it goes to disk, and its crc, which the next group's chain continues.</summary>
    internal ReadOnlySpan<byte> Seal(ulong firstSequence, ulong durableBefore, uint chain, uint salt, out uint crc)
    {
        var group = _buffer.AsSpan(0, Bytes);
        crc = GroupFormat.Seal(group, Count, firstSequence, durableBefore, chain, salt);
        return group;
    }
}
