using System.Buffers;
using System.IO.Pipelines;
using Testbed.Client.Links;

namespace Testbed.Node.Server;

/// <summary>An accepted connection whose bytes are counted on their way between socket and HTTP.</summary>
internal sealed class CountingTransport(IDuplexPipe inner, ByteCounters counters) : IDuplexPipe
{
    public PipeReader Input { get; } = new CountingReader(inner.Input, counters);

    public PipeWriter Output { get; } = new CountingWriter(inner.Output, counters);

    private sealed class CountingReader(PipeReader inner, ByteCounters counters) : PipeReader
    {
        private ReadOnlySequence<byte> _seen;

        public override bool TryRead(out ReadResult result)
        {
            var read = inner.TryRead(out result);
            _seen = result.Buffer;
            return read;
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            var reading = inner.ReadAsync(cancellationToken);
            if (!reading.IsCompletedSuccessfully)
            {
                return AwaitAsync(reading);
            }

            var result = reading.Result;
            _seen = result.Buffer;
            return new ValueTask<ReadResult>(result);
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            if (!_seen.IsEmpty)
            {
                counters.AddReceived(_seen.Slice(0, consumed).Length);
            }

            _seen = default;
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) =>
            inner.CompleteAsync(exception);

        private async ValueTask<ReadResult> AwaitAsync(ValueTask<ReadResult> reading)
        {
            var result = await reading.ConfigureAwait(false);
            _seen = result.Buffer;
            return result;
        }
    }

    private sealed class CountingWriter(PipeWriter inner, ByteCounters counters) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes)
        {
            counters.AddSent(bytes);
            inner.Advance(bytes);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
            inner.FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) =>
            inner.CompleteAsync(exception);
    }
}
