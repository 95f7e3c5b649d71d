using System.Diagnostics;
using Testbed.Log;
using Testbed.Node.Server;
using Testbed.Wire;

namespace Testbed.Node.Disk;

/// <summary>
/// The thread that writes the log. The loop's owner appends to an open group and hands it over when the
/// thread has none: so whatever arrived during one write and sync is the next group, and nobody waits for a
/// timer.
/// </summary>
internal sealed class LogWriter : INodeLog
{
    // Beyond this the loop takes no more input until the disk has caught up.
    private const int FullBytes = 64 * 1024 * 1024;

    private readonly WriteAheadLog _log;
    private readonly bool _sync;
    private readonly Action _advanced;
    private readonly Action<Exception> _failed;
    private readonly Thread _thread;
    private readonly object _lock = new();

    // Owner only.
    private LogGroup _open = new();
    private long _appended;
    private long _released;

    // Under the lock: the group that the thread has, the one that is free, and what the handed group ends
    // with.
    private LogGroup? _handed;
    private LogGroup? _spare = new();
    private long _handedUpTo;
    private long _handedRelease;
    private bool _stopping;

    private long _durable;
    private long _logBytes;
    private int _openBytes;

    /// <summary>
    /// A writer that goes on where recovery ended. <paramref name="advanced"/> is called on the thread after
    /// each group, <paramref name="failed"/> once, when the disk refuses: nothing is durable from then on.
    /// </summary>
    public LogWriter(WriteAheadLog log, bool sync, Action advanced, Action<Exception> failed)
    {
        _log = log;
        _sync = sync;
        _advanced = advanced;
        _failed = failed;
        _appended = (long)log.LastSequence;
        _durable = _appended;
        _logBytes = log.Bytes;
        _thread = new Thread(Main) { IsBackground = true, Name = "testbed log" };
        _thread.Start();
    }

    public bool IsVolatile => false;

    public LogSequence Appended => new(_appended);

    public LogSequence Durable => new(Volatile.Read(ref _durable));

    public bool IsFull => Volatile.Read(ref _openBytes) > FullBytes;

    public long LogBytes => Volatile.Read(ref _logBytes);

    public TimeBuckets WriteTimes { get; } = new();

    public LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        _open.Add(recordType, head, body);
        Volatile.Write(ref _openBytes, _open.Bytes);
        return new LogSequence(++_appended);
    }

    public void Release(LogSequence upTo) => _released = Math.Max(_released, upTo.Value);

    // The release goes with the group, or, where nothing was appended since, with an empty one: so it follows
    // everything that was appended before it.
    public void HandOver()
    {
        // Only the owner writes this field.
        if (_open.Count == 0 && _released == _handedRelease)
        {
            return;
        }

        lock (_lock)
        {
            if (_spare is not { } empty)
            {
                return;
            }

            _handed = _open;
            _handedUpTo = _appended;
            _handedRelease = _released;
            _open = empty;
            _spare = null;
            Volatile.Write(ref _openBytes, 0);
            Monitor.Pulse(_lock);
        }
    }

    public void Stop()
    {
        lock (_lock)
        {
            _stopping = true;
            Monitor.Pulse(_lock);
        }

        _thread.Join();
        try
        {
            if (_open.Count > 0)
            {
                Write(_open);
            }
        }
        catch (Exception refused)
        {
            _failed(refused);
        }

        _log.Dispose();
    }

    private void Main()
    {
        try
        {
            while (Take() is { } handed)
            {
                Write(handed.Group);
                lock (_lock)
                {
                    _handed = null;
                    _spare = handed.Group;
                }

                Volatile.Write(ref _durable, handed.UpTo);
                _advanced();
                _log.Release((ulong)handed.Release);
                Volatile.Write(ref _logBytes, _log.Bytes);
            }
        }
        catch (Exception refused)
        {
            // After a failed write or sync nobody knows what the disk holds: the group is never announced.
            _failed(refused);
        }
    }

    // Waits for the next group; null: the writer stops.
    private (LogGroup Group, long UpTo, long Release)? Take()
    {
        lock (_lock)
        {
            while (_handed is null && !_stopping)
            {
                Monitor.Wait(_lock);
            }

            return _handed is { } group ? (group, _handedUpTo, _handedRelease) : null;
        }
    }

    private void Write(LogGroup group)
    {
        if (group.Count == 0)
        {
            return;
        }

        var begun = Stopwatch.GetTimestamp();
        _log.Write(group);
        if (_sync)
        {
            _log.Sync();
        }

        WriteTimes.Record((long)Stopwatch.GetElapsedTime(begun).TotalMicroseconds);
        group.Clear();
    }
}
