using System.Buffers.Binary;

namespace Testbed.Log;

/// <summary>
/// Finds where a log ends and hands over its records. What does not validate is the torn tail of the last
/// writes when nothing behind it proves otherwise: it is cut. When a later group knew these bytes to be
/// durable, they were lost afterwards: <see cref="LogCorruptException"/>.
/// </summary>
internal sealed class LogRecovery(
    ILogDirectory directory, LogOptions options, SegmentFiles files, Action<byte, ReadOnlyMemory<byte>> recovered)
{
    // Of the segment that is read.
    private uint _salt;

    // Behind the last group stands the beginning of one that was to follow.
    private bool _tailIsTorn;

    /// <summary>Sequence of the first record that is there; of the next when there is none.</summary>
    public ulong FirstSequence { get; private set; } = 1;

    /// <summary>The sequence the next record will have.</summary>
    public ulong NextSequence { get; private set; } = 1;

    /// <summary>The crc of the last group.</summary>
    public uint Chain { get; private set; } = SegmentFormat.FirstChain;

    /// <summary>Number of the segment to continue; 0 when there is none.</summary>
    public long LastSegment { get; private set; }

    /// <summary>Where the next group goes in it.</summary>
    public long Position { get; private set; }

    /// <summary>The salt of the last segment.</summary>
    public uint Salt => _salt;

    /// <summary>Reads everything, cuts the torn tail.</summary>
    public void Run()
    {
        var numbers = SegmentNumbers();
        for (var i = 0; i < numbers.Count; i++)
        {
            using var file = directory.Open(SegmentFormat.Name(numbers[i]));
            var reader = new SegmentReader(file);
            var before = new Segment(LastSegment, NextSequence - 1, Position);
            if (!ReadHeader(reader, numbers[i], isFirst: i == 0))
            {
                DropTornSegment(reader, numbers, i);
                break;
            }

            if (i > 0)
            {
                files.Add(before);
            }

            LastSegment = numbers[i];
            Position = ReadGroups(reader, SegmentFormat.HeaderBytes);
            SearchBehind(reader, Position, headerHolds: true);
        }

        if (_tailIsTorn)
        {
            CutTail();
        }
    }

    private List<long> SegmentNumbers()
    {
        var numbers = new List<long>();
        var spares = new List<string>();
        foreach (var name in directory.List())
        {
            if (SegmentFormat.IsSpare(name))
            {
                spares.Add(name);
            }

            if (!SegmentFormat.TryNumber(name, out var number))
            {
                continue;
            }

            if (numbers.Count > 0 && number != numbers[^1] + 1)
            {
                throw new LogCorruptException(SegmentFormat.Name(numbers[^1] + 1), 0,
                    "the segment is missing");
            }

            numbers.Add(number);
        }

        if (numbers.Count == 0 && spares.Count > 0)
        {
            throw new LogCorruptException(spares[^1], 0, "a segment was released, but none is left");
        }

        spares.ForEach(files.AddSpare);
        return numbers;
    }

    // False: the header is not intact. A header that is must continue where the segment before ended: that
    // one was made durable before this one was begun.
    private bool ReadHeader(SegmentReader reader, long number, bool isFirst)
    {
        var header = reader.Read(0, SegmentFormat.HeaderBytes).Span;
        if (!SegmentFormat.TryRead(header, number, out var firstSequence, out var chain))
        {
            return false;
        }

        if (isFirst)
        {
            FirstSequence = firstSequence;
            NextSequence = firstSequence;
            Chain = chain;
        }
        else if (firstSequence != NextSequence || chain != Chain)
        {
            throw new LogCorruptException(SegmentFormat.Name(LastSegment), Position,
                $"it ends before sequence {NextSequence}, the next segment begins with {firstSequence}");
        }

        _salt = SegmentFormat.Salt(header);
        _tailIsTorn = false;
        return true;
    }

    // A segment whose creation was cut short holds no group of its own, because its header is durable before
    // the first, and nothing comes after it. Groups of the header that should be there prove that it once was.
    private void DropTornSegment(SegmentReader reader, List<long> numbers, int place)
    {
        var name = SegmentFormat.Name(numbers[place]);
        if (place < numbers.Count - 1 || (place == 0 && numbers[0] != 1))
        {
            throw new LogCorruptException(name, 0, "its header is not intact");
        }

        Span<byte> header = stackalloc byte[SegmentFormat.HeaderBytes];
        var salt = _salt;
        _salt = SegmentFormat.Write(header, numbers[place], NextSequence, Chain);
        SearchBehind(reader, 0, headerHolds: false);
        _salt = salt;
        directory.Delete(name);
        files.SyncDirectory();
    }

    private long ReadGroups(SegmentReader reader, long position)
    {
        while (true)
        {
            var start = reader.Read(position, GroupFormat.HeaderBytes);
            if (!GroupFormat.TryRead(start.Span, out var header)
                || header.FirstSequence != NextSequence || header.Chain != Chain
                || header.Bytes > reader.Length - position)
            {
                return position;
            }

            var group = reader.Read(position, header.Bytes);
            if (!GroupFormat.CrcHolds(header, group.Span, _salt) && !options.TestAcceptTornTail)
            {
                return position;
            }

            HandOver(header, group, position);
            NextSequence += (ulong)header.Records;
            Chain = header.Crc;
            position += header.Bytes;
        }
    }

    private void HandOver(in GroupHeader header, ReadOnlyMemory<byte> group, long position)
    {
        var at = GroupFormat.HeaderBytes;
        for (var i = 0; i < header.Records; i++)
        {
            var payloadBytes = group.Length - at < GroupFormat.RecordHeaderBytes
                ? -1
                : BinaryPrimitives.ReadInt32LittleEndian(group.Span[at..]);
            if (payloadBytes < 0 || payloadBytes > group.Length - at - GroupFormat.RecordHeaderBytes)
            {
                // The crc holds, so this was written: by another program, or by a bug.
                throw new LogCorruptException(SegmentFormat.Name(LastSegment), position + at,
                    "a record leaves its group");
            }

            var type = group.Span[at + 4];
            at += GroupFormat.RecordHeaderBytes;
            recovered(type, group.Slice(at, payloadBytes));
            at += GroupFormat.Aligned(payloadBytes);
        }
    }

    // Looks behind the last valid group for one that was written when NextSequence was already durable; where
    // not even the header holds, for any. Stale groups have lower sequences.
    private void SearchBehind(SegmentReader reader, long position, bool headerHolds)
    {
        const int windowBytes = 64 * 1024;
        Span<byte> magic = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(magic, GroupFormat.Magic);
        for (var at = position; at < reader.Length; at += windowBytes)
        {
            // Groups begin at multiples of 8, windows too: no magic lies across two windows.
            var window = reader.Read(at, windowBytes).Span;
            for (var from = 0; from < window.Length;)
            {
                var found = window[from..].IndexOf(magic);
                if (found < 0)
                {
                    break;
                }

                var offset = from + found;
                if (offset % GroupFormat.Alignment == 0)
                {
                    Judge(reader, position, at + offset, headerHolds);
                }

                from = offset + 1;
            }
        }
    }

    private void Judge(SegmentReader reader, long position, long candidate, bool headerHolds)
    {
        if (!GroupFormat.TryRead(reader.Read(candidate, GroupFormat.HeaderBytes).Span, out var header)
            || header.FirstSequence < NextSequence)
        {
            return;
        }

        _tailIsTorn |= headerHolds;
        if ((header.DurableBefore >= NextSequence || !headerHolds)
            && header.Bytes <= reader.Length - candidate
            && GroupFormat.CrcHolds(header, reader.Read(candidate, header.Bytes).Span, _salt))
        {
            var segment = headerHolds ? LastSegment : LastSegment + 1;
            throw new LogCorruptException(SegmentFormat.Name(segment), position,
                $"sequence {NextSequence} is not intact, but was durable before " +
                $"sequence {header.FirstSequence}");
        }
    }

    // A torn tail must not be found again behind the groups that will be written over its beginning: the group
    // before it may be written again as it was, and what followed would follow once more.
    private void CutTail()
    {
        using var file = directory.Open(SegmentFormat.Name(LastSegment));
        file.Truncate(Position);
        file.Sync();
    }
}
