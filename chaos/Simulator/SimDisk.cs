using Testbed.Log;

namespace Testbed.Simulator;

/// <summary>
/// A node's disk: the log room's disk in memory, which keeps cache and durable image apart, and a record of
/// what became durable when, by which acknowledgements are judged.
/// </summary>
internal sealed class SimDisk(bool fsync, SimRandom random, Action<byte, ReadOnlyMemory<byte>> durable)
    : ILogDirectory
{
    private readonly MemoryLogDirectory _disk = new();
    private (string Name, byte[] Content)? _beforeCorruption;
    private byte[] _read = [];

    /// <summary>Times of this disk are so many times the usual.</summary>
    public int Slowness { get; set; } = 1;

    /// <summary>A bit that was durable is wrong: the node must not start.</summary>
    public bool IsCorrupt => _beforeCorruption is not null;

    /// <summary>Sequence of the last record that became durable; recovery may find torn ones behind it.</summary>
    public ulong DurableSequence { get; set; }

    /// <summary>
    /// The last record that the core released durably, by what it wrote before: up to here records may be
    /// missing.
    /// </summary>
    public ulong Released { get; set; }

    /// <summary>Groups that were written.</summary>
    public long Groups { get; private set; }

    /// <summary>Syncs fail while true.</summary>
    public bool FailSyncs
    {
        get => _disk.FailSyncs;
        set => _disk.FailSyncs = value;
    }

    public IReadOnlyList<string> List() => _disk.List();

    public ILogFile Open(string name) => new SimDiskFile(this, _disk.Open(name), fsync);

    public void Delete(string name) => _disk.Delete(name);

    public void Rename(string name, string newName) => _disk.Rename(name, newName);

    public void Sync() => _disk.Sync();

    /// <summary>No further byte fits, or as many as one likes.</summary>
    public void SetFull(bool full)
    {
        var bytes = 0L;
        foreach (var name in _disk.List())
        {
            bytes += _disk.Content(name).Length;
        }

        _disk.CapacityBytes = full ? bytes + random.Below(200) : long.MaxValue;
    }

    /// <summary>Another, empty disk is in its place.</summary>
    public void Wipe()
    {
        FailSyncs = false;
        _disk.Kill();
        foreach (var name in _disk.List())
        {
            _disk.Delete(name);
        }

        _disk.Sync();
        (DurableSequence, Released) = (0, 0);
        _beforeCorruption = null;
    }

    /// <summary>The process is gone.</summary>
    public void Kill() => _disk.Kill();

    /// <summary>
    /// The machine is gone: of what was not synced nothing, everything up to some sector, or any sectors have
    /// reached the disk.
    /// </summary>
    public void LosePower()
    {
        var way = random.Below(4);
        var left = random.Below(40);
        _disk.Crash(() => way switch
        {
            0 => false,
            1 => left-- > 0,
            2 => random.OneIn(2),
            _ => !random.OneIn(6),
        });
    }

    /// <summary>
    /// Flips a durable bit before the last group of the log, where a later group proves that it was whole;
    /// false when the log is too short for that.
    /// </summary>
    public bool Corrupt()
    {
        var names = _disk.List().Where(name => SegmentFormat.TryNumber(name, out _)).ToList();
        if (IsCorrupt || names.Count == 0)
        {
            return false;
        }

        var name = names[(int)random.Below(names.Count)];
        var content = _disk.Content(name);
        var (last, behind) = LastGroup(content);
        var end = name == names[^1] ? last : behind;
        if (last <= SegmentFormat.HeaderBytes)
        {
            return false;
        }

        _beforeCorruption = (name, content.ToArray());
        var at = SegmentFormat.HeaderBytes + (int)random.Below(end - SegmentFormat.HeaderBytes);
        content[at] ^= (byte)(1 << (int)random.Below(8));
        _disk.SetContent(name, content);
        return true;
    }

    /// <summary>The operator puts the file back from a copy.</summary>
    public void Restore()
    {
        if (_beforeCorruption is { } before)
        {
            _disk.SetContent(before.Name, before.Content);
            _beforeCorruption = null;
        }
    }

    // Where the last whole group of a segment begins and ends; 0 when there is none.
    private static (int Start, int End) LastGroup(ReadOnlySpan<byte> content)
    {
        var (last, at) = (0, SegmentFormat.HeaderBytes);
        while (at < content.Length)
        {
            if (!GroupFormat.TryRead(content[at..], out var header) || header.Bytes > content.Length - at
                || !GroupFormat.CrcHolds(header, content.Slice(at, header.Bytes), SegmentFormat.Salt(content)))
            {
                break;
            }

            last = at;
            at += header.Bytes;
        }

        return (last, last == 0 ? 0 : at);
    }

    private void Announce(ILogFile file, long offset, int bytesWritten)
    {
        _read = _read.Length < bytesWritten ? new byte[2 * bytesWritten] : _read;
        file.Read(offset, _read.AsSpan(0, bytesWritten));
        ReadOnlyMemory<byte> written = _read.AsMemory(0, bytesWritten);
        if (!GroupFormat.TryRead(written.Span, out var header) || header.Bytes != written.Length)
        {
            return;
        }

        Groups++;
        DurableSequence = header.FirstSequence + (ulong)header.Records - 1;
        var at = GroupFormat.HeaderBytes;
        for (var record = 0; record < header.Records; record++)
        {
            var bytes = BitConverter.ToInt32(written.Span[at..]);
            var type = written.Span[at + 4];
            at += GroupFormat.RecordHeaderBytes;
            durable(type, written.Slice(at, bytes));
            at += GroupFormat.Aligned(bytes);
        }
    }

    private sealed class SimDiskFile(SimDisk disk, ILogFile file, bool fsync) : ILogFile
    {
        private readonly List<(long Offset, int Bytes)> _unsynced = [];

        public long Length => file.Length;

        public int Read(long offset, Span<byte> buffer) => file.Read(offset, buffer);

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            file.Write(offset, bytes);
            _unsynced.Add((offset, bytes.Length));
            if (!fsync)
            {
                // Nothing takes the cache away at this level: the system may write it back at once.
                Sync();
            }
        }

        public void Truncate(long length) => file.Truncate(length);

        public void Sync()
        {
            file.Sync();
            foreach (var (offset, bytes) in _unsynced)
            {
                disk.Announce(file, offset, bytes);
            }

            _unsynced.Clear();
        }

        public void Dispose() => file.Dispose();
    }
}
