namespace Testbed.Log;

/// <summary>
/// The two states of a simulated file: cached, and durable with the changes since the last sync.
/// </summary>
internal sealed class MemoryLogFile
{
    private readonly List<Change> _changes = [];
    private Image _cached = new();
    private Image _durable = new();

    /// <summary>What a reader sees.</summary>
    public ReadOnlySpan<byte> Cached => _cached.Bytes;

    /// <summary>Writes into the cache.</summary>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        _cached.Write(offset, bytes);
        _changes.Add(new Change(offset, bytes.ToArray()));
    }

    /// <summary>Cuts the cached file.</summary>
    public void Truncate(long length)
    {
        _cached.SetLength(length);
        _changes.Add(new Change(length, null));
    }

    /// <summary>Makes the cache durable.</summary>
    public void Sync()
    {
        foreach (var change in _changes)
        {
            if (change.Bytes is null)
            {
                _durable.SetLength(change.Offset);
            }
            else
            {
                _durable.Write(change.Offset, change.Bytes);
            }
        }

        _changes.Clear();
    }

    /// <summary>Loses the cache; of the changes, those sectors remain that are kept.</summary>
    public void Crash(Func<bool> keep)
    {
        Settle(keep);
        _cached = _durable.Clone();
    }

    private void Settle(Func<bool> keep)
    {
        foreach (var change in _changes)
        {
            if (change.Bytes is null)
            {
                if (keep())
                {
                    _durable.SetLength(change.Offset);
                }

                continue;
            }

            for (var at = 0; at < change.Bytes.Length;)
            {
                const int sector = MemoryLogDirectory.SectorBytes;
                var sectorEnd = (((change.Offset + at) / sector) + 1) * sector;
                var bytes = (int)Math.Min(sectorEnd - change.Offset - at, change.Bytes.Length - at);
                if (keep())
                {
                    _durable.Write(change.Offset + at, change.Bytes.AsSpan(at, bytes));
                }

                at += bytes;
            }
        }

        _changes.Clear();
    }

    // Bytes null: the file was cut to Offset.
    private readonly record struct Change(long Offset, byte[]? Bytes);

    private sealed class Image
    {
        private byte[] _bytes = [];
        private int _length;

        public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            if (offset + bytes.Length > _length)
            {
                SetLength(offset + bytes.Length);
            }

            bytes.CopyTo(_bytes.AsSpan((int)offset));
        }

        public void SetLength(long length)
        {
            if (length > _bytes.Length)
            {
                Array.Resize(ref _bytes,
                    (int)Math.Max(length, Math.Min(_bytes.Length * 2L, Array.MaxLength)));
            }

            // A file that shrank and grows again shows zeros in between.
            if (length < _length)
            {
                _bytes.AsSpan((int)length, _length - (int)length).Clear();
            }

            _length = (int)length;
        }

        public Image Clone() => new() { _bytes = Bytes.ToArray(), _length = _length };
    }
}

/// <summary>One opening of a simulated file; closed by the end of the process that opened it.</summary>
internal sealed class MemoryLogHandle(MemoryLogDirectory directory, MemoryLogFile file) : ILogFile
{
    private readonly long _life = directory.Life;
    private bool _disposed;

    /// <inheritdoc/>
    public long Length
    {
        get
        {
            ThrowIfClosed();
            return file.Cached.Length;
        }
    }

    /// <inheritdoc/>
    public int Read(long offset, Span<byte> buffer)
    {
        ThrowIfClosed();
        var from = (int)Math.Min(offset, file.Cached.Length);
        var bytes = Math.Min(buffer.Length, file.Cached.Length - from);
        file.Cached.Slice(from, bytes).CopyTo(buffer);
        return bytes;
    }

    /// <inheritdoc/>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        ThrowIfClosed();
        directory.ThrowIfFailing(directory.FailWrites);
        directory.ThrowIfFull(Math.Max(0, offset + bytes.Length - file.Cached.Length));
        directory.Writes++;
        file.Write(offset, bytes);
    }

    /// <inheritdoc/>
    public void Truncate(long length)
    {
        ThrowIfClosed();
        directory.ThrowIfFailing(directory.FailWrites);
        file.Truncate(length);
    }

    /// <inheritdoc/>
    public void Sync()
    {
        ThrowIfClosed();
        directory.ThrowIfFailing(directory.FailSyncs);
        directory.Syncs++;
        file.Sync();
    }

    /// <inheritdoc/>
    public void Dispose() => _disposed = true;

    private void ThrowIfClosed() =>
        ObjectDisposedException.ThrowIf(_disposed || _life != directory.Life, this);
}
