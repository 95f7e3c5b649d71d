using System.Buffers;
using CsCheck;
using Google.Protobuf;
using Grpc.Core;
using Testbed.Client.Links;
using Testbed.Protos.V1;

namespace Testbed.Tests.Unit.Client;

public sealed class StreamFrameTests
{
    private static readonly byte[] OneMessage = [3, 0, 0, 0, 1, 2, 3];

    [Fact]
    public void The_marshaller_writes_the_protobuf_message_that_the_proto_file_declares() =>
        Gen.Byte.Array[0, 400].Array[0, 4].Sample(parts =>
        {
            var frame = new StreamFrame();
            foreach (var part in parts)
            {
                frame.Add(new Segment([.. part, 77, 77], part.Length));
            }

            var written = Frame.Parser.ParseFrom(Written(frame));
            Assert.Equal(parts.SelectMany(part => part).ToArray(), written.Payload.ToByteArray());
        }, iter: 500);

    [Fact]
    public void The_marshaller_reads_what_any_protobuf_library_writes_in_any_pieces() =>
        Gen.Int[1, 30].Sample(pieceBytes =>
        {
            var message = new Frame { Payload = ByteString.CopyFrom(OneMessage) }.ToByteArray();
            var frame = Read(Pieces(message, pieceBytes));
            Assert.Null(frame.Refusal);
            Assert.Equal(OneMessage, frame.Payload.ToArray());
        }, iter: 30);

    [Fact]
    public void Unknown_fields_are_skipped()
    {
        byte[] message = [0x10, 0x96, 0x01, 0x0A, 7, .. OneMessage, 0x1A, 2, 9, 9, 0x25, 1, 2, 3, 4];
        Assert.Equal(OneMessage, Read(new ReadOnlySequence<byte>(message)).Payload.ToArray());
    }

    [Fact]
    public void Any_bytes_are_read_or_refused_without_an_exception() =>
        Gen.Byte.Array[0, 60].Sample(bytes =>
        {
            var frame = Read(new ReadOnlySequence<byte>(bytes));
            Assert.Equal(frame.Refusal is not null, frame.Payload.IsEmpty);
        }, iter: 5_000);

    [Fact]
    public void A_truncated_message_is_refused()
    {
        var message = new Frame { Payload = ByteString.CopyFrom(OneMessage) }.ToByteArray();
        for (var length = 0; length < message.Length; length++)
        {
            Assert.NotNull(Read(new ReadOnlySequence<byte>(message, 0, length)).Refusal);
        }
    }

    private static byte[] Written(StreamFrame frame)
    {
        var context = new WriteContext();
        StreamFrame.Method.RequestMarshaller.ContextualSerializer(frame, context);
        Assert.Equal(context.Announced, context.Writer.WrittenCount);
        return context.Writer.WrittenSpan.ToArray();
    }

    private static StreamFrame Read(ReadOnlySequence<byte> message) =>
        StreamFrame.Method.RequestMarshaller.ContextualDeserializer(new ReadContext(message));

    private static ReadOnlySequence<byte> Pieces(byte[] bytes, int pieceBytes)
    {
        var first = new Piece(bytes.AsMemory(0, Math.Min(pieceBytes, bytes.Length)));
        var last = first;
        for (var at = pieceBytes; at < bytes.Length; at += pieceBytes)
        {
            last = last.Append(bytes.AsMemory(at, Math.Min(pieceBytes, bytes.Length - at)));
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory) => Memory = memory;

        public Piece Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Piece(memory) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }

    private sealed class WriteContext : SerializationContext
    {
        public ArrayBufferWriter<byte> Writer { get; } = new();

        public int Announced { get; private set; }

        public override void SetPayloadLength(int payloadLength) => Announced = payloadLength;

        public override IBufferWriter<byte> GetBufferWriter() => Writer;

        public override void Complete()
        {
        }
    }

    private sealed class ReadContext(ReadOnlySequence<byte> payload) : DeserializationContext
    {
        public override int PayloadLength => (int)payload.Length;

        public override byte[] PayloadAsNewBuffer() => payload.ToArray();

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => payload;
    }
}
