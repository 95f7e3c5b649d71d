using CsCheck;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Wire;

public sealed class FrameTests
{
    private static readonly Gen<byte[]> Message = Gen.Byte.Array[1, 200];

    [Fact]
    public void Messages_come_out_as_they_went_in() =>
        Message.Array[1, 20].Sample(messages =>
        {
            var frame = Frame(messages);
            Assert.Null(FrameReader.Refusal(frame));
            Assert.Equal(messages, Messages(frame));
        }, iter: 1_000);

    [Fact]
    public void Two_frames_end_to_end_are_one_frame() =>
        Gen.Select(Message.Array[1, 5], Message.Array[1, 5]).Sample((first, second) =>
        {
            byte[] both = [.. Frame(first), .. Frame(second)];
            Assert.Null(FrameReader.Refusal(both));
            Assert.Equal([.. first, .. second], Messages(both));
        }, iter: 500);

    [Fact]
    public void Messages_are_slices_of_the_frame_and_not_copies()
    {
        var frame = Frame([[1, 2, 3]]);
        var reader = new FrameReader(frame);
        Assert.True(reader.TryNext(out var message));
        frame[FrameReader.PrefixBytes] = 9;
        Assert.Equal([9, 2, 3], message.ToArray());
    }

    [Fact]
    public void A_frame_cut_anywhere_but_between_messages_is_refused() =>
        Message.Array[1, 4].Sample(messages =>
        {
            var frame = Frame(messages);
            var ends = new HashSet<int>();
            var end = 0;
            foreach (var message in messages)
            {
                ends.Add(end += FrameReader.PrefixBytes + message.Length);
            }

            for (var length = 0; length < frame.Length; length++)
            {
                Assert.Equal(ends.Contains(length), FrameReader.Refusal(frame.AsSpan(0, length)) is null);
            }
        }, iter: 100);

    [Fact]
    public void Any_bytes_are_refused_or_read_to_their_end() =>
        Gen.OneOf(Gen.Byte.Array[0, 64], Gen.Byte[0, 5].Array[0, 64]).Sample(bytes =>
        {
            var read = Messages(bytes).Sum(message => message.Length + FrameReader.PrefixBytes);
            Assert.Equal(FrameReader.Refusal(bytes) is null, read == bytes.Length && bytes.Length > 0);
        }, iter: 5_000);

    [Fact]
    public void Each_malformation_is_named()
    {
        Assert.Equal("frame without messages", FrameReader.Refusal([]));
        Assert.Equal("frame ends inside a length", FrameReader.Refusal([1, 0, 0]));
        Assert.Equal("message without bytes", FrameReader.Refusal([0, 0, 0, 0]));
        Assert.Equal("frame ends inside a message", FrameReader.Refusal([2, 0, 0, 0, 7]));
        Assert.Equal("message larger than the limit", FrameReader.Refusal([0xFF, 0xFF, 0xFF, 0xFF]));
        Assert.Equal("frame larger than the limit", FrameReader.Refusal(new byte[Limits.FrameBytes + 1]));
    }

    [Fact]
    public void A_message_of_the_largest_size_fits_and_one_byte_more_does_not()
    {
        Assert.Null(FrameReader.Refusal(Frame([new byte[Limits.MessageBytes]])));
        Assert.Equal("message larger than the limit",
            FrameReader.Refusal(Frame([new byte[Limits.MessageBytes + 1]])));
    }

    private static byte[] Frame(byte[][] messages) =>
        [.. messages.SelectMany(message => BitConverter.GetBytes(message.Length).Concat(message))];

    private static List<byte[]> Messages(byte[] frame)
    {
        var list = new List<byte[]>();
        var reader = new FrameReader(frame);
        while (reader.TryNext(out var message))
        {
            list.Add(message.ToArray());
        }

        return list;
    }
}
