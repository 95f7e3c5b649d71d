using System.Buffers.Binary;

namespace Testbed.Wire;

/// <summary>
/// Walks the messages of one frame. A frame is one or more messages, each behind a four-byte little-endian
/// length, so two frames laid end to end are a frame again: that is how writers batch.
/// </summary>
public ref struct FrameReader(ReadOnlyMemory<byte> frame)
{
    /// <summary>Bytes before every message.</summary>
    public const int PrefixBytes = 4;

    private readonly ReadOnlyMemory<byte> _frame = frame;
    private int _position;

    /// <summary>
    /// Why the frame must be refused, as a constant phrase; null when it is well formed. Checked before the
    /// first message is handled, so a malformed frame has no effect at all.
    /// </summary>
    public static string? Refusal(ReadOnlySpan<byte> frame)
    {
        if (frame.IsEmpty)
        {
            return "frame without messages";
        }

        if (frame.Length > Limits.FrameBytes)
        {
            return "frame larger than the limit";
        }

        while (!frame.IsEmpty)
        {
            if (frame.Length < PrefixBytes)
            {
                return "frame ends inside a length";
            }

            var length = BinaryPrimitives.ReadUInt32LittleEndian(frame);
            frame = frame[PrefixBytes..];
            if (length == 0)
            {
                return "message without bytes";
            }

            if (length > Limits.MessageBytes)
            {
                return "message larger than the limit";
            }

            if (length > (uint)frame.Length)
            {
                return "frame ends inside a message";
            }

            frame = frame[(int)length..];
        }

        return null;
    }

    /// <summary>
    /// The next message as a slice of the frame; false at the end, and at the first malformed byte if the
    /// frame was not checked with <see cref="Refusal"/>.
    /// </summary>
    public bool TryNext(out ReadOnlyMemory<byte> message)
    {
        message = default;
        var left = _frame.Length - _position;
        if (left < PrefixBytes)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt32LittleEndian(_frame.Span[_position..]);
        if (length is 0 or > Limits.MessageBytes || length > (uint)(left - PrefixBytes))
        {
            return false;
        }

        message = _frame.Slice(_position + PrefixBytes, (int)length);
        _position += PrefixBytes + (int)length;
        return true;
    }
}
