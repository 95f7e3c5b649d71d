using System.Buffers;
using Grpc.Core;
using Testbed.Wire;

namespace Testbed.Client.Links;

/// <summary>A part of a frame: the first bytes of a pooled buffer.</summary>
internal readonly record struct Segment(byte[] Buffer, int Length);

/// <summary>
/// The message of the stream method, on the wire the protobuf message <c>Frame</c>. Incoming: <see
/// cref="Payload"/>, a buffer of its own. Outgoing: segments that are copied straight into the transport's
/// buffer.
/// </summary>
internal sealed class StreamFrame
{
    /// <summary>
    /// Largest protobuf form: the payload, its tag and length, and room for unknown fields.
    /// </summary>
    public const int MaxMessageBytes = Limits.FrameBytes + 64;

    private const byte PayloadTag = (1 << 3) | 2;

    private readonly List<Segment> _segments = [];
    private int _bytes;

    /// <summary>
    /// The stream method of service KvStore with this class in place of the generated message.
    /// </summary>
    public static Method<StreamFrame, StreamFrame> Method { get; } = new(
        MethodType.DuplexStreaming, "testbed.v1.KvStore", "Stream",
        new Marshaller<StreamFrame>(Serialize, Deserialize),
        new Marshaller<StreamFrame>(Serialize, Deserialize));

    /// <summary>The bytes received; empty when <see cref="Refusal"/> says why.</summary>
    public ReadOnlyMemory<byte> Payload { get; private init; }

    /// <summary>Why the message is not a well-formed frame; null when it is.</summary>
    public string? Refusal { get; private init; }

    /// <summary>What was added, in order.</summary>
    public IReadOnlyList<Segment> Segments => _segments;

    /// <summary>Bytes of the segments added.</summary>
    public int Bytes => _bytes;

    /// <summary>A frame to send that lies in one array.</summary>
    public static StreamFrame Of(byte[] payload)
    {
        var frame = new StreamFrame();
        frame.Add(new Segment(payload, payload.Length));
        return frame;
    }

    /// <summary>Lays one more piece of whole messages at the end.</summary>
    public void Add(Segment segment)
    {
        _segments.Add(segment);
        _bytes += segment.Length;
    }

    /// <summary>Empties the frame and gives its buffers back.</summary>
    public void ReturnTo(BufferPool pool)
    {
        foreach (var segment in _segments)
        {
            pool.Return(segment.Buffer);
        }

        _segments.Clear();
        _bytes = 0;
    }

    private static void Serialize(StreamFrame frame, SerializationContext context)
    {
        Span<byte> header = stackalloc byte[6];
        header[0] = PayloadTag;
        var headerBytes = 1;
        var rest = (uint)frame._bytes;
        for (; rest >= 0x80; rest >>= 7)
        {
            header[headerBytes++] = (byte)(rest | 0x80);
        }

        header[headerBytes++] = (byte)rest;
        context.SetPayloadLength(headerBytes + frame._bytes);
        var writer = context.GetBufferWriter();
        writer.Write(header[..headerBytes]);
        foreach (var segment in frame._segments)
        {
            writer.Write(segment.Buffer.AsSpan(0, segment.Length));
        }

        context.Complete();
    }

    private static StreamFrame Deserialize(DeserializationContext context)
    {
        var reader = new SequenceReader<byte>(context.PayloadAsReadOnlySequence());
        ReadOnlySequence<byte> payload = default;
        while (!reader.End)
        {
            if (!TryReadField(ref reader, ref payload))
            {
                return new StreamFrame { Refusal = "not a protobuf Frame message" };
            }
        }

        // One copy into an array of exactly the size: cores keep slices of it for as long as they like.
        var bytes = GC.AllocateUninitializedArray<byte>((int)payload.Length);
        payload.CopyTo(bytes);
        return FrameReader.Refusal(bytes) is { } refusal
            ? new StreamFrame { Refusal = refusal }
            : new StreamFrame { Payload = bytes };
    }

    // As protobuf asks: fields of other numbers are skipped, the last payload counts.
    private static bool TryReadField(ref SequenceReader<byte> reader, ref ReadOnlySequence<byte> payload)
    {
        if (!TryReadVarint(ref reader, out var tag) || tag >> 3 == 0)
        {
            return false;
        }

        switch (tag & 7)
        {
            case 0:
                return TryReadVarint(ref reader, out _);
            case 1:
                return TrySkip(ref reader, 8);
            case 5:
                return TrySkip(ref reader, 4);
            case 2:
                if (!TryReadVarint(ref reader, out var length) || length > (ulong)reader.Remaining)
                {
                    return false;
                }

                if (tag == PayloadTag)
                {
                    payload = reader.UnreadSequence.Slice(0, (long)length);
                }

                reader.Advance((long)length);
                return true;
            default:
                return false;
        }
    }

    private static bool TrySkip(ref SequenceReader<byte> reader, int bytes)
    {
        if (reader.Remaining < bytes)
        {
            return false;
        }

        reader.Advance(bytes);
        return true;
    }

    private static bool TryReadVarint(ref SequenceReader<byte> reader, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (!reader.TryRead(out var next))
            {
                return false;
            }

            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return true;
            }
        }

        return false;
    }
}
