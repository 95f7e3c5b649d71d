namespace Testbed.Log;

/// <summary>
/// A disk in memory that keeps what was written apart from what is durable. <see cref="Kill"/> ends the
/// process: the cache survives. <see cref="Crash(Func{bool})"/> ends the machine: of what was not synced, any
/// sectors of any write, in the order of writing, may have reached the disk, and any creations and removals
/// of files. One owner.
/// </summary>
public sealed class MemoryLogDirectory : ILogDirectory
{
    /// <summary>What a disk writes whole or not at all.</summary>
    public const int SectorBytes = 512;

    private readonly SortedDictionary<string, MemoryLogFile> _cached = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, MemoryLogFile> _durable = new(StringComparer.Ordinal);
    private readonly List<(string Name, MemoryLogFile? File)> _changes = [];

    /// <summary>Every write throws <see cref="IOException"/> while true.</summary>
    public bool FailWrites { get; set; }

    /// <summary>
    /// Every sync throws <see cref="IOException"/> while true; nothing becomes durable by it.
    /// </summary>
    public bool FailSyncs { get; set; }

    /// <summary>
    /// Bytes of all files beyond which a write throws <see cref="IOException"/>: the disk is full.
    /// </summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>Writes so far.</summary>
    public long Writes { get; internal set; }

    /// <summary>Syncs of files and of the directory so far.</summary>
    public long Syncs { get; internal set; }

    /// <summary>
    /// Grows with each <see cref="Kill"/> and <see cref="Crash(Func{bool})"/>: files opened before are
    /// closed.
    /// </summary>
    internal long Life { get; private set; }

    /// <inheritdoc/>
    public IReadOnlyList<string> List() => [.. _cached.Keys];

    /// <inheritdoc/>
    public ILogFile Open(string name)
    {
        if (!_cached.TryGetValue(name, out var file))
        {
            ThrowIfFailing(FailWrites);
            file = new MemoryLogFile();
            _cached.Add(name, file);
            _changes.Add((name, file));
        }

        return new MemoryLogHandle(this, file);
    }

    /// <inheritdoc/>
    public void Delete(string name)
    {
        ThrowIfFailing(FailWrites);
        if (_cached.Remove(name))
        {
            _changes.Add((name, null));
        }
    }

    /// <inheritdoc/>
    public void Sync()
    {
        ThrowIfFailing(FailSyncs);
        Syncs++;
        foreach (var change in _changes)
        {
            Apply(change.Name, change.File);
        }

        _changes.Clear();
    }

    /// <summary>The process ends; what it wrote stays in the cache.</summary>
    public void Kill() => Life++;

    /// <summary>The machine ends; nothing that was not synced reached the disk.</summary>
    public void Crash() => Crash(static () => false);

    /// <summary>
    /// The machine ends. <paramref name="keep"/> is asked for each unsynced change, sector by sector, whether
    /// it reached the disk; pass a seeded generator's bits.
    /// </summary>
    public void Crash(Func<bool> keep)
    {
        Life++;
        foreach (var change in _changes)
        {
            if (keep())
            {
                Apply(change.Name, change.File);
            }
        }

        _changes.Clear();
        _cached.Clear();
        foreach (var (name, file) in _durable)
        {
            file.Crash(keep);
            _cached.Add(name, file);
        }
    }

    /// <summary>A file's bytes as a reader sees them now.</summary>
    public byte[] Content(string name) => _cached[name].Cached.ToArray();

    /// <summary>Sets a file's bytes, cached and durable: for tests that damage it.</summary>
    public void SetContent(string name, ReadOnlySpan<byte> bytes)
    {
        var file = new MemoryLogFile();
        file.Write(0, bytes);
        file.Sync();
        _cached[name] = file;
        _durable[name] = file;
        _changes.RemoveAll(change => change.Name == name);
    }

    internal void ThrowIfFailing(bool failing)
    {
        if (failing)
        {
            throw new IOException("the simulated disk fails");
        }
    }

    internal void ThrowIfFull(long moreBytes)
    {
        if (CapacityBytes == long.MaxValue)
        {
            return;
        }

        var bytes = moreBytes;
        foreach (var (_, file) in _cached)
        {
            bytes += file.Cached.Length;
        }

        if (bytes > CapacityBytes)
        {
            throw new IOException("the simulated disk is full");
        }
    }

    private void Apply(string name, MemoryLogFile? file)
    {
        if (file is null)
        {
            _durable.Remove(name);
        }
        else
        {
            _durable[name] = file;
        }
    }
}
