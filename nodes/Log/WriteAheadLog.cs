using System.Diagnostics.CodeAnalysis;

namespace Testbed.Log;

/// <summary>
/// An append-only log of typed records in segments, see <see cref="GroupFormat"/>, of which the oldest can be
/// given up. One thread at a time calls it. After an <see cref="IOException"/> from <see cref="Write"/>,
/// <see cref="Sync"/> or <see cref="Release"/> it is not known what the disk holds: every further call throws,
/// and the process must stop.
/// </summary>
public sealed class WriteAheadLog : IDisposable
{
    // A page at a time: larger writes make larger pieces of the page cache on some systems, all of which a small
    // group then counts as written.
    private static readonly byte[] Zeros = new byte[4096];

    private readonly LogOptions _options;
    private readonly SegmentFiles _files;
    private ILogFile _file;
    private long _segment;
    private long _position;
    private ulong _nextSequence;

    // The current file is at least so long, see Prefill.
    private long _filled;

    // The last sequence that is durable at the node's level. Written into each group, see
    // LogOptions.WriteIsDurable.
    private ulong _durable;
    private uint _chain;
    private uint _salt;
    private bool _broken;

    private WriteAheadLog(
        ILogDirectory directory, LogOptions options, SegmentFiles files, LogRecovery recovery)
    {
        _options = options;
        _files = files;
        FirstSequence = recovery.FirstSequence;
        _nextSequence = recovery.NextSequence;
        _chain = recovery.Chain;
        _salt = recovery.Salt;
        _segment = recovery.LastSegment;
        _position = recovery.Position;
        if (_segment == 0)
        {
            Begin(1);
        }
        else
        {
            // What was read may have been in the cache only; it is about to be relied upon.
            _file = directory.Open(SegmentFormat.Name(_segment));
            SyncUnlessWriteIsDurable();
            _files.SyncDirectory();
        }

        _durable = LastSequence;
    }

    /// <summary>
    /// Sequence of the first record that recovery handed over, or of the next one when it found none.
    /// </summary>
    public ulong FirstSequence { get; }

    /// <summary>
    /// Sequence of the last record ever written; 0 when there is none. The first record has 1.
    /// </summary>
    public ulong LastSequence => _nextSequence - 1;

    /// <summary>Bytes in all segments.</summary>
    public long Bytes => _files.Bytes + _position;

    /// <summary>
    /// Opens the log and hands every record found, oldest first, to <paramref name="recovered"/>.
    /// </summary>
    /// <exception cref="LogCorruptException">Something that was durable is damaged or gone.</exception>
    public static WriteAheadLog Open(ILogDirectory directory, Action<byte, ReadOnlyMemory<byte>> recovered) =>
        Open(directory, new LogOptions(), recovered);

    /// <summary>
    /// Opens the log and hands every record found, oldest first, to <paramref name="recovered"/>; payloads
    /// may be kept.
    /// </summary>
    /// <exception cref="LogCorruptException">Something that was durable is damaged or gone.</exception>
    public static WriteAheadLog Open(ILogDirectory directory, LogOptions options,
        Action<byte, ReadOnlyMemory<byte>> recovered)
    {
        options.Validate();
        var files = new SegmentFiles(directory, options);
        var recovery = new LogRecovery(directory, options, files, recovered);
        recovery.Run();
        return new WriteAheadLog(directory, options, files, recovery);
    }

    /// <summary>Writes the group to the operating system.</summary>
    public void Write(LogGroup group)
    {
        ThrowIfBroken();
        if (group.Count == 0)
        {
            return;
        }

        _broken = true;
        if (_position + group.Bytes > _options.SegmentBytes && _position > SegmentFormat.HeaderBytes)
        {
            Roll();
        }

        var bytes = group.Seal(_nextSequence, _durable, _chain, _salt, out var crc);
        Prefill(_position + bytes.Length);
        _file.Write(_position, bytes);
        _position += bytes.Length;
        _nextSequence += (ulong)group.Count;
        _chain = crc;
        if (_options.WriteIsDurable)
        {
            _durable = LastSequence;
        }

        _broken = false;
    }

    /// <summary>Makes everything written durable.</summary>
    public void Sync()
    {
        ThrowIfBroken();
        _broken = true;
        _file.Sync();
        _durable = LastSequence;
        _broken = false;
    }

    /// <summary>
    /// Gives up whole segments whose records all have this sequence or a lower one, oldest first; never the one
    /// that is written. What supersedes them must be durable: everything written has been synced.
    /// </summary>
    public void Release(ulong upTo)
    {
        ThrowIfBroken();
        if (_durable != LastSequence)
        {
            throw new InvalidOperationException("records are released before all that was written is durable");
        }

        _broken = true;
        _files.Release(upTo);
        _broken = false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _broken = true;
        _file.Dispose();
    }

    // The old segment is durable before the new one exists, and the new one's header before its first group:
    // recovery relies on both.
    private void Roll()
    {
        SyncUnlessWriteIsDurable();
        _durable = LastSequence;
        _file.Dispose();
        _files.Add(new Segment(_segment, LastSequence, _position));
        Begin(_segment + 1);
    }

    [MemberNotNull(nameof(_file))]
    private void Begin(long number)
    {
        _file = _files.Begin(number, _nextSequence, _chain, out _salt);
        _segment = number;
        _position = SegmentFormat.HeaderBytes;
        _filled = 0;
    }

    private void SyncUnlessWriteIsDurable()
    {
        if (!_options.WriteIsDurable)
        {
            _file.Sync();
        }
    }

    private void Prefill(long needed)
    {
        if (_options.PrefillBytes == 0 || needed <= _filled)
        {
            return;
        }

        _filled = _file.Length;
        if (needed <= _filled)
        {
            return;
        }

        var end = Math.Max(needed, Math.Min(needed + _options.PrefillBytes, _options.SegmentBytes));
        for (var at = _filled; at < end;)
        {
            var bytes = (int)Math.Min(Zeros.Length, end - at);
            _file.Write(at, Zeros.AsSpan(0, bytes));
            at += bytes;
        }

        _filled = end;
    }

    private void ThrowIfBroken()
    {
        if (_broken)
        {
            throw new InvalidOperationException("the log is closed or a former write or sync failed");
        }
    }
}
