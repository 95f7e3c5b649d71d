using System.Threading.Channels;
using CsCheck;
using Testbed.Client.Links;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Client;

public sealed class OutboxTests
{
    private readonly BufferPool _pool = new();
    private readonly SlowSink _sink = new();
    private readonly ByteCounters _traffic = new();

    [Fact]
    public void A_message_leaves_at_once_when_the_stream_is_idle()
    {
        var outbox = Make();
        Write(outbox, [1]);
        outbox.Publish();
        Assert.Equal([[1]], _sink.Taken());
    }

    [Fact]
    public void What_is_published_during_a_write_leaves_together_with_the_next()
    {
        var outbox = Make();
        Write(outbox, [1]);
        outbox.Publish();
        Write(outbox, [2]);
        outbox.Publish();
        Write(outbox, [3]);
        Write(outbox, [4]);
        outbox.Publish();
        Assert.Equal([[1]], _sink.Taken());
        _sink.EndWrite();
        Assert.Equal([[2], [3], [4]], _sink.Taken());
    }

    [Fact]
    public void A_message_taken_back_leaves_no_trace()
    {
        var outbox = Make();
        outbox.Begin(100, held: false);
        outbox.End(0);
        outbox.Publish();
        Assert.Empty(_sink.Taken());
        Write(outbox, [5]);
        outbox.Publish();
        Assert.Equal([[5]], _sink.Taken());
    }

    [Fact]
    public void Held_messages_leave_when_they_are_released_and_plain_ones_overtake_them()
    {
        var outbox = Make();
        Write(outbox, [1], held: true);
        Write(outbox, [2]);
        var held = new List<Segment>();
        outbox.TakeHeld(held);
        outbox.Publish();
        Assert.Equal([[2]], _sink.Taken());
        _sink.EndWrite();
        Assert.Empty(_sink.Taken());
        outbox.Release(Assert.Single(held));
        outbox.Publish();
        Assert.Equal([[1]], _sink.Taken());
    }

    [Fact]
    public void Messages_of_any_sizes_arrive_whole_and_in_order_whenever_writes_end() =>
        Gen.Select(Gen.Int[1, 9_000], Gen.Bool, Gen.Bool).Array[1, 60].Sample(steps =>
        {
            var sink = new SlowSink();
            var outbox = new Outbox(_pool, sink, long.MaxValue, _traffic);
            var sent = new List<byte[]>();
            var taken = new List<byte[]>();
            foreach (var (bytes, publish, end) in steps)
            {
                var message = new byte[bytes];
                Array.Fill(message, (byte)sent.Count);
                sent.Add(message);
                Write(outbox, message, extraRoom: bytes % 50);
                if (publish)
                {
                    outbox.Publish();
                }

                if (end)
                {
                    taken.AddRange(sink.Taken());
                    sink.EndWrite();
                }
            }

            outbox.Publish();
            taken.AddRange(sink.Taken());
            while (sink.EndWrite())
            {
                taken.AddRange(sink.Taken());
            }

            Assert.Equal(sent, taken);
            Assert.Equal(0, outbox.Waiting.Bytes);
        }, iter: 100, threads: 1);

    [Fact]
    public void Frames_stay_below_the_target_unless_one_message_is_larger()
    {
        var outbox = Make();
        Write(outbox, new byte[200_000]);
        for (var i = 0; i < 200; i++)
        {
            Write(outbox, new byte[1000]);
        }

        outbox.Publish();
        var sizes = new List<int>();
        do
        {
            sizes.Add(_sink.FrameBytes);
        }
        while (_sink.EndWrite());
        Assert.Equal(200_004, sizes[0]);
        Assert.All(sizes.Skip(1), bytes => Assert.InRange(bytes, 1, Limits.FrameTargetBytes));
    }

    [Fact]
    public void Too_much_that_is_not_read_aborts_the_stream()
    {
        var outbox = Make(limitBytes: 1000);
        Write(outbox, new byte[900]);
        outbox.Publish();
        Assert.False(_sink.IsAborted);
        Write(outbox, new byte[900]);
        outbox.Publish();
        Assert.True(_sink.IsAborted);
    }

    [Fact]
    public async Task Closing_waits_for_the_write_in_flight_and_forgets_the_rest()
    {
        var outbox = Make();
        Write(outbox, [1]);
        outbox.Publish();
        Write(outbox, [2]);
        outbox.Publish();
        var closed = outbox.CloseAsync();
        Assert.False(closed.IsCompleted);
        Assert.Equal([[1]], _sink.Taken());
        _sink.EndWrite();
        await closed.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Write(outbox, [3]);
        outbox.Publish();
        Assert.Empty(_sink.Taken());
    }

    private static void Write(Outbox outbox, byte[] message, bool held = false, int extraRoom = 0)
    {
        message.CopyTo(outbox.Begin(message.Length + extraRoom, held));
        outbox.End(message.Length);
    }

    private Outbox Make(long limitBytes = long.MaxValue) => new(_pool, _sink, limitBytes, _traffic);

    /// <summary>A stream whose writes end when the test says so.</summary>
    private sealed class SlowSink : IFrameSink
    {
        private readonly Channel<byte[]> _messages = Channel.CreateUnbounded<byte[]>();
        private TaskCompletionSource? _write;

        public int FrameBytes { get; private set; }

        public bool IsAborted { get; private set; }

        public Task WriteAsync(StreamFrame frame)
        {
            Assert.Null(_write);
            FrameBytes = frame.Bytes;
            foreach (var segment in frame.Segments)
            {
                var reader = new FrameReader(segment.Buffer.AsMemory(0, segment.Length));
                while (reader.TryNext(out var message))
                {
                    Assert.True(_messages.Writer.TryWrite(message.ToArray()));
                }
            }

            _write = new TaskCompletionSource();
            return _write.Task;
        }

        public void Abort() => IsAborted = true;

        public bool EndWrite()
        {
            var write = _write;
            _write = null;
            write?.SetResult();
            return write is not null;
        }

        public List<byte[]> Taken()
        {
            var list = new List<byte[]>();
            while (_messages.Reader.TryRead(out var message))
            {
                list.Add(message);
            }

            return list;
        }
    }
}
