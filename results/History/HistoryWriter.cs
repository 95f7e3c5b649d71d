using System.IO.Compression;
using Testbed.Checker;

namespace Testbed.Results;

/// <summary>
/// Streams a history to <c>history.jsonl.gz</c>. Any thread may add; the events of one process must come from
/// one thread at a time, so that their lines stay in order. A thread of its own formats and compresses.
/// </summary>
/// <remarks>
/// At most <see cref="QueueLength"/> events wait. When the queue is full the producer waits until there is
/// room: nothing is dropped, but the load then runs late, which shows as schedule lag; <see cref="Waits"/>
/// counts how often.
/// </remarks>
public sealed class HistoryWriter : IDisposable
{
    /// <summary>Events that may wait.</summary>
    public const int QueueLength = 1 << 16;

    private static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    private readonly Lock _gate = new();
    private readonly AutoResetEvent _work = new(false);
    private readonly ManualResetEventSlim _room = new(true);
    private readonly IHistoryWatch? _watch;
    private readonly PartialFile _file;
    private readonly GZipStream _zip;
    private readonly Thread _thread;
    private readonly byte[] _buffer = new byte[1 << 18];
    private HistoryEvent[] _filling = new HistoryEvent[QueueLength];
    private HistoryEvent[] _writing = new HistoryEvent[QueueLength];
    private int _count;
    private bool _closing;
    private bool _disposed;
    private long _written;
    private Exception? _failure;

    /// <summary>
    /// Begins the file; throws <see cref="ResultsException"/> when it cannot be created. A watch sees every
    /// event within about 50 ms.
    /// </summary>
    public HistoryWriter(string path, IHistoryWatch? watch = null)
    {
        _watch = watch;
        _file = new PartialFile(path);
        _zip = new GZipStream(_file.Stream, CompressionLevel.Fastest, leaveOpen: true);
        _zip.Write(HistoryLine.Header);
        _thread = new Thread(Run) { IsBackground = true, Name = "history writer" };
        _thread.Start();
    }

    /// <summary>Events written to the file so far.</summary>
    public long Written => Volatile.Read(ref _written);

    /// <summary>How often a producer had to wait for room.</summary>
    public long Waits { get; private set; }

    /// <summary>
    /// Adds an event. Throws <see cref="ResultsException"/> once the file could not be written (disk full): a
    /// run without its history cannot be judged.
    /// </summary>
    public void Add(in HistoryEvent e) => Add(e, default, both: false);

    /// <summary>Adds the invocation and the completion of an operation that has ended.</summary>
    public void Add(in HistoryOperation operation) =>
        Add(HistoryEvent.Invocation(operation), HistoryEvent.Completion(operation), both: true);

    private void Add(in HistoryEvent first, in HistoryEvent second, bool both)
    {
        var needed = both ? 2 : 1;
        while (true)
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_closing, this);
                ThrowIfFailed();
                if (_count + needed <= QueueLength)
                {
                    var before = _count;
                    _filling[_count++] = first;
                    if (both)
                    {
                        _filling[_count++] = second;
                    }

                    if (before < QueueLength / 2 && _count >= QueueLength / 2)
                    {
                        // Below this the writer comes by itself: waking it for every event would cost more
                        // than the event.
                        _work.Set();
                    }

                    return;
                }

                Waits++;
                _room.Reset();
            }

            _room.Wait();
        }
    }

    /// <summary>Writes what is left, ends the file and gives it its name.</summary>
    public void Complete()
    {
        Stop();
        ThrowIfFailed();
        _file.Complete();
    }

    /// <summary>Writes what is left; unless completed the file stays partial.</summary>
    public void Dispose()
    {
        Stop();
        if (!_disposed)
        {
            _disposed = true;
            _file.Dispose();
            _work.Dispose();
            _room.Dispose();
        }
    }

    private void Stop()
    {
        lock (_gate)
        {
            if (_closing)
            {
                return;
            }

            _closing = true;
            _work.Set();
        }

        _thread.Join();
    }

    private void ThrowIfFailed()
    {
        if (_failure is { } failure)
        {
            throw new ResultsException($"Cannot write the history: {failure.Message}", failure);
        }
    }

    private void Run()
    {
        try
        {
            var lastFlush = Environment.TickCount64;
            var dirty = true;
            while (TakeBatch(out var batch))
            {
                Write(batch);
                _watch?.Take(batch);
                dirty |= batch.Length > 0;
                if (dirty && Environment.TickCount64 - lastFlush >= (long)FlushInterval.TotalMilliseconds)
                {
                    // A block ends here, so that a reader gets this far even when the harness is killed.
                    _zip.Flush();
                    _file.Stream.Flush();
                    lastFlush = Environment.TickCount64;
                    dirty = false;
                }
            }

            _zip.Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            lock (_gate)
            {
                _failure = e;
                _count = 0;
                _room.Set();
            }
        }
    }

    private bool TakeBatch(out ReadOnlySpan<HistoryEvent> batch)
    {
        _work.WaitOne(PollInterval);
        lock (_gate)
        {
            batch = _filling.AsSpan(0, _count);
            (_filling, _writing) = (_writing, _filling);
            _count = 0;
            _room.Set();
            return batch.Length > 0 || !_closing;
        }
    }

    private void Write(ReadOnlySpan<HistoryEvent> batch)
    {
        var at = 0;
        foreach (ref readonly var e in batch)
        {
            if (_buffer.Length - at < HistoryLine.MaxBytes)
            {
                _zip.Write(_buffer.AsSpan(0, at));
                at = 0;
            }

            at += HistoryLine.Write(_buffer.AsSpan(at), e);
        }

        _zip.Write(_buffer.AsSpan(0, at));
        Volatile.Write(ref _written, _written + batch.Length);
    }
}
