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
internal sealed class LogWriter
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

    // Under the lock: the group that the thread has, the one that is free, and what the handed group ends
    // with.
    private LogGroup? _handed;
    private LogGroup? _spare = new();
    private long _handedUpTo;
    private bool _stopping;

    private long _durable;
    private long _logBytes;
    private int _openBytes;

    /// <summary>
    /// A writer that goes on where recovery ended. <paramref name="advanced"/> is called on the thread after
    /// each group,
    /// <paramref name="failed"/> once, when the disk refuses: nothing is durable from then on.
    /// </summary>
    public LogWriter(WriteAheadLog log, long recovered, bool sync, Action advanced, Action<Exception> failed)
    {
        _log = log;
        _sync = sync;
        _advanced = advanced;
        _failed = failed;
        _appended = recovered;
        _durable = recovered;
        _logBytes = log.Bytes;
        _thread = new Thread(Main) { IsBackground = true, Name = "testbed log" };
        _thread.Start();
    }

    /// <summary>The last record appended. Owner only.</summary>
    public LogSequence Appended => new(_appended);

    /// <summary>The last record that is durable at the node's level. Any thread.</summary>
    public LogSequence Durable => new(Volatile.Read(ref _durable));

    /// <summary>True when the disk is so far behind that no more input should be taken. Any thread.</summary>
    public bool IsFull => Volatile.Read(ref _openBytes) > FullBytes;

    /// <summary>Bytes in all segments. Any thread.</summary>
    public long LogBytes => Volatile.Read(ref _logBytes);

    /// <summary>How long writing a group took, the sync included. Any thread may read it.</summary>
    public TimeBuckets WriteTimes { get; } = new();

    /// <summary>Appends one record to the open group. Owner only.</summary>
    public LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        _open.Add(recordType, head, body);
        Volatile.Write(ref _openBytes, _open.Bytes);
        return new LogSequence(++_appended);
    }

    /// <summary>Records up to this one are no longer needed. Owner only.</summary>
    public void Release(LogSequence upTo)
    {
        // A hint: this log keeps everything.
    }

    /// <summary>Gives the open group to the thread, if it has none. Owner only, after each batch.</summary>
    public void HandOver()
    {
        if (_open.Count == 0)
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
            _open = empty;
            _spare = null;
            Volatile.Write(ref _openBytes, 0);
            Monitor.Pulse(_lock);
        }
    }

    /// <summary>
    /// Writes everything appended, syncs at level fsync and ends. The caller is the loop's owner for good.
    /// </summary>
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
        while (true)
        {
            LogGroup group;
            long upTo;
            lock (_lock)
            {
                while (_handed is null && !_stopping)
                {
                    Monitor.Wait(_lock);
                }

                if (_handed is null)
                {
                    return;
                }

                group = _handed;
                upTo = _handedUpTo;
            }

            try
            {
                Write(group);
            }
            catch (Exception refused)
            {
                // After a failed write or sync nobody knows what the disk holds: the group is never
                // announced.
                _failed(refused);
                return;
            }

            lock (_lock)
            {
                _handed = null;
                _spare = group;
            }

            Volatile.Write(ref _durable, upTo);
            _advanced();
        }
    }

    private void Write(LogGroup group)
    {
        var begun = Stopwatch.GetTimestamp();
        _log.Write(group);
        if (_sync)
        {
            _log.Sync();
        }

        WriteTimes.Record((long)Stopwatch.GetElapsedTime(begun).TotalMicroseconds);
        Volatile.Write(ref _logBytes, _log.Bytes);
        group.Clear();
    }
}
