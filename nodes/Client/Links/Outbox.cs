using System.Buffers.Binary;
using Testbed.Wire;

namespace Testbed.Client.Links;

/// <summary>Where an <see cref="Outbox"/> sends: one call's request or response stream.</summary>
internal interface IFrameSink
{
    /// <summary>
    /// Sends one frame; the next call comes only after this one has ended. Throws when the stream is broken.
    /// </summary>
    Task WriteAsync(StreamFrame frame);

    /// <summary>
    /// Breaks the stream: the other end does not read. Called by the loop's owner; must not block.
    /// </summary>
    void Abort();
}

/// <summary>
/// Messages on their way to one endpoint. The loop's owner writes messages in place (<see cref="Begin"/>,
/// <see cref="End"/>) and publishes them once per batch; a pump sends what is published whenever the frame
/// before it is gone. So nothing waits when the stream is idle, and frames grow by themselves under load.
/// </summary>
/// <remarks>
/// Ownership: fields under "owner" are touched by the loop's owner only; those under "shared" with
/// <c>_ready</c> locked. One outbox serves one stream and dies with it.
/// </remarks>
internal sealed class Outbox(BufferPool pool, IFrameSink sink, long limitBytes, ByteCounters traffic)
{
    // Who makes answers to what this endpoint sends should pause beyond this; only the limit ends the stream.
    private const long PauseBytes = 1024 * 1024;

    // Owner.
    private readonly Builder _plain = new(pool);
    private Builder? _held;
    private bool _writingHeld;

    // Shared.
    private readonly Queue<Segment> _ready = new();
    private readonly StreamFrame _frame = new();
    private bool _pumping;
    private bool _closed;
    private TaskCompletionSource? _idle;

    /// <summary>True while the owner has messages that it has not published.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Bytes published and not yet sent, held ones included.</summary>
    public ByteGate Waiting { get; } = new(PauseBytes);

    /// <summary>Room for one message, to be followed by <see cref="End"/>.</summary>
    public Span<byte> Begin(int maxBytes, bool held)
    {
        _writingHeld = held;
        return held ? (_held ??= new Builder(pool)).Begin(maxBytes) : _plain.Begin(maxBytes);
    }

    /// <summary>Ends the message begun last; 0 takes it back.</summary>
    public void End(int writtenBytes)
    {
        if (_writingHeld)
        {
            _held!.End(writtenBytes);
        }
        else
        {
            _plain.End(writtenBytes);
        }
    }

    /// <summary>
    /// Makes the plain messages written so far ready and starts the pump when it rests and has something to
    /// send.
    /// </summary>
    public void Publish()
    {
        _plain.Seal();
        if (_plain.Sealed.Count > 0)
        {
            ReleaseAll(_plain.Sealed);
            _plain.Sealed.Clear();
        }

        Kick();
        if (Waiting.Bytes > limitBytes)
        {
            sink.Abort();
        }
    }

    /// <summary>
    /// Hands the held messages written so far over to the caller, who gives them to <see cref="Release"/>
    /// later.
    /// </summary>
    public void TakeHeld(List<Segment> destination)
    {
        if (_held is null)
        {
            return;
        }

        _held.Seal();
        foreach (var segment in _held.Sealed)
        {
            Waiting.Enter(segment.Length);
            destination.Add(segment);
        }

        _held.Sealed.Clear();
    }

    /// <summary>Makes one formerly held segment ready; <see cref="Publish"/> follows.</summary>
    public void Release(Segment segment)
    {
        lock (_ready)
        {
            Waiting.Leave(segment.Length);
            Enqueue(segment);
        }
    }

    private void Kick()
    {
        lock (_ready)
        {
            if (_pumping || _closed || _ready.Count == 0)
            {
                return;
            }

            _pumping = true;
        }

        _ = PumpAsync();
    }

    /// <summary>
    /// Forgets what was not sent and sends no more; ends when the write in flight has ended.
    /// </summary>
    public Task CloseAsync()
    {
        lock (_ready)
        {
            _closed = true;
            DropReady();
            if (!_pumping)
            {
                return Task.CompletedTask;
            }

            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _idle.Task;
        }
    }

    private void ReleaseAll(List<Segment> segments)
    {
        lock (_ready)
        {
            foreach (var segment in segments)
            {
                Enqueue(segment);
            }
        }
    }

    private void Enqueue(Segment segment)
    {
        if (_closed)
        {
            pool.Return(segment.Buffer);
            return;
        }

        Waiting.Enter(segment.Length);
        _ready.Enqueue(segment);
    }

    private async Task PumpAsync()
    {
        try
        {
            while (TakeFrame())
            {
                var bytes = _frame.Bytes;
                await sink.WriteAsync(_frame).ConfigureAwait(false);
                _frame.ReturnTo(pool);
                traffic.AddSent(bytes);
                Waiting.Leave(bytes);
            }
        }
        catch (Exception)
        {
            // Whatever broke the stream also ends its reader, which reports it; here it only ends the
            // sending. The buffers of the broken frame are left to the collector: the transport may still
            // look at them.
            lock (_ready)
            {
                _closed = true;
                _pumping = false;
                DropReady();
                _idle?.TrySetResult();
            }
        }
    }

    // Takes what is ready, up to the target size, as the next frame; false puts the pump to rest.
    private bool TakeFrame()
    {
        lock (_ready)
        {
            if (_closed || _ready.Count == 0)
            {
                _pumping = false;
                _idle?.TrySetResult();
                return false;
            }

            do
            {
                _frame.Add(_ready.Dequeue());
            }
            while (_ready.TryPeek(out var next) && _frame.Bytes + next.Length <= Limits.FrameTargetBytes);
            return true;
        }
    }

    private void DropReady()
    {
        while (_ready.TryDequeue(out var segment))
        {
            pool.Return(segment.Buffer);
        }

        Waiting.Open();
    }

    /// <summary>Lays messages one after another into pooled buffers of about the target size.</summary>
    private sealed class Builder(BufferPool pool)
    {
        private byte[]? _buffer;
        private int _used;
        private int _firstBytes;

        public List<Segment> Sealed { get; } = [];

        public Span<byte> Begin(int maxBytes)
        {
            var needed = FrameReader.PrefixBytes + maxBytes;
            if (_buffer is null || _used + needed > _buffer.Length
                || (_used > 0 && _used + needed > Limits.FrameTargetBytes))
            {
                MakeRoom(needed);
            }

            return _buffer.AsSpan(_used + FrameReader.PrefixBytes, maxBytes);
        }

        public void End(int writtenBytes)
        {
            if (writtenBytes == 0)
            {
                return;
            }

            BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(_used), (uint)writtenBytes);
            _used += FrameReader.PrefixBytes + writtenBytes;
        }

        public void Seal()
        {
            // Remember how much a batch needs, so that the next one does not grow its buffer step by step
            // again.
            _firstBytes = Math.Min(Math.Max(_used, _firstBytes / 2), Limits.FrameTargetBytes);
            SealBuffer();
        }

        private void SealBuffer()
        {
            if (_used > 0)
            {
                Sealed.Add(new Segment(_buffer!, _used));
                _buffer = null;
                _used = 0;
            }
        }

        private void MakeRoom(int needed)
        {
            if (_used > 0 && _used + needed > Limits.FrameTargetBytes)
            {
                SealBuffer();
            }

            var larger = pool.Rent(Math.Max(_used + needed, _firstBytes));
            if (_buffer is not null)
            {
                _buffer.AsSpan(0, _used).CopyTo(larger);
                pool.Return(_buffer);
            }

            _buffer = larger;
        }
    }
}
