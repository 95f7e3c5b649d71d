namespace Testbed.Log;

/// <summary>
/// An append-only log of typed records in segments, see <see cref="GroupFormat"/>. One thread at a time calls
/// it. After an <see cref="IOException"/> from <see cref="Write"/> or <see cref="Sync"/> it is not known what
/// the disk holds: every further call throws, and the process must stop.
/// </summary>
public sealed class WriteAheadLog : IDisposable
{
    private static readonly byte[] Zeros = new byte[64 * 1024];

    private readonly ILogDirectory _directory;
    private readonly LogOptions _options;
    private ILogFile _file;
    private long _segment;
    private long _position;
    private long _bytesBefore;
    private ulong _nextSequence;

    // The last sequence that is durable at the node's level. Written into each group, see
    // LogOptions.WriteIsDurable.
    private ulong _durable;
    private uint _chain;
    private bool _broken;

    private WriteAheadLog(ILogDirectory directory, LogOptions options, LogRecovery recovery)
    {
        _directory = directory;
        _options = options;
        _nextSequence = recovery.NextSequence;
        _chain = recovery.Chain;
        _bytesBefore = recovery.BytesBefore;
        _segment = recovery.LastSegment;
        _position = recovery.Position;
        if (_segment == 0)
        {
            _file = Begin(1);
        }
        else
        {
            // What was read may have been in the cache only; it is about to be relied upon.
            _file = directory.Open(SegmentFormat.Name(_segment));
            SyncUnlessWriteIsDurable();
            _directory.Sync();
        }

        _durable = LastSequence;
    }

    /// <summary>Sequence of the last record written; 0 when there is none. The first record has 1.</summary>
    public ulong LastSequence => _nextSequence - 1;

    /// <summary>Bytes in all segments.</summary>
    public long Bytes => _bytesBefore + _position;

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
        var recovery = new LogRecovery(directory, options, recovered);
        recovery.Run();
        return new WriteAheadLog(directory, options, recovery);
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

        var bytes = group.Seal(_nextSequence, _durable, _chain, out var crc);
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
        _bytesBefore += _position;
        _file = Begin(_segment + 1);
    }

    // A file that is already there under this name is used as it is: no group in it can be taken for one of
    // this segment.
    private ILogFile Begin(long number)
    {
        var file = _directory.Open(SegmentFormat.Name(number));
        Span<byte> header = stackalloc byte[SegmentFormat.HeaderBytes];
        SegmentFormat.Write(header, number, _nextSequence, _chain);
        file.Write(0, header);
        if (!_options.WriteIsDurable)
        {
            file.Sync();
        }

        _directory.Sync();
        _segment = number;
        _position = header.Length;
        return file;
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
        var length = _file.Length;
        if (_options.PrefillBytes == 0 || needed <= length)
        {
            return;
        }

        var end = Math.Max(needed, Math.Min(needed + _options.PrefillBytes, _options.SegmentBytes));
        for (var at = length; at < end;)
        {
            var bytes = (int)Math.Min(Zeros.Length, end - at);
            _file.Write(at, Zeros.AsSpan(0, bytes));
            at += bytes;
        }
    }

    private void ThrowIfBroken()
    {
        if (_broken)
        {
            throw new InvalidOperationException("the log is closed or a former write or sync failed");
        }
    }
}
