namespace Testbed.Log;

/// <summary>
/// The files of a log besides the one that is written: the segments before it, oldest first, and the files that
/// wait for their next use. Segments go oldest first, each durably before the next, and a file gets its next
/// number only when the segment before it is complete: so whatever a crash leaves, the segments present are a
/// run of numbers without a gap, and of the last alone the header may be torn.
/// </summary>
internal sealed class SegmentFiles(ILogDirectory directory, LogOptions options)
{
    private readonly Queue<Segment> _closed = new();
    private readonly Queue<string> _spares = new();

    /// <summary>Bytes of groups and headers in the segments.</summary>
    public long Bytes { get; private set; }

    /// <summary>
    /// Begins a segment: its header is durable when this returns. No group a used file still holds can be taken
    /// for one of this segment.
    /// </summary>
    public ILogFile Begin(long number, ulong firstSequence, uint chain, out uint salt)
    {
        var name = SegmentFormat.Name(number);
        if (_spares.TryDequeue(out var spare))
        {
            directory.Rename(spare, name);
        }

        var file = directory.Open(name);
        Span<byte> header = stackalloc byte[SegmentFormat.HeaderBytes];
        salt = SegmentFormat.Write(header, number, firstSequence, chain);
        file.Write(0, header);
        if (!options.WriteIsDurable)
        {
            file.Sync();
        }

        SyncDirectory();
        return file;
    }

    /// <summary>Adds a segment that is complete and durable; a newer one is begun.</summary>
    public void Add(Segment segment)
    {
        _closed.Enqueue(segment);
        Bytes += segment.Bytes;
    }

    /// <summary>Adds a file that waits for its next use; one too many is deleted.</summary>
    public void AddSpare(string name)
    {
        if (_spares.Count < options.SpareSegments)
        {
            _spares.Enqueue(name);
        }
        else
        {
            directory.Delete(name);
        }
    }

    /// <summary>Gives up the segments that end with this sequence or before.</summary>
    public void Release(ulong upTo)
    {
        while (_closed.TryPeek(out var oldest) && oldest.LastSequence <= upTo)
        {
            _closed.Dequeue();
            Bytes -= oldest.Bytes;
            var name = SegmentFormat.Name(oldest.Number);

            // What one large group made longer is not kept.
            if (_spares.Count < options.SpareSegments && oldest.Bytes <= options.SegmentBytes)
            {
                var spare = SegmentFormat.SpareName(oldest.Number);
                directory.Rename(name, spare);
                _spares.Enqueue(spare);
            }
            else
            {
                directory.Delete(name);
            }

            SyncDirectory();
        }
    }

    /// <summary>
    /// Makes names durable, where they must outlive the machine: the process finds them in any case.
    /// </summary>
    public void SyncDirectory()
    {
        if (!options.WriteIsDurable)
        {
            directory.Sync();
        }
    }
}

/// <summary>A segment that is complete.</summary>
/// <param name="Number">Its number.</param>
/// <param name="LastSequence">Sequence of its last record.</param>
/// <param name="Bytes">Bytes of its header and groups.</param>
internal readonly record struct Segment(long Number, ulong LastSequence, long Bytes);
