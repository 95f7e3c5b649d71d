using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Elements beside the finalised ones in the store: pre-writes that are not finalised, and pinned old
/// versions. Few at any time; keyed by key and version; pooled memory.
/// </summary>
internal sealed class HeldTable
{
    private const int None = -1;

    /// <summary>
    /// Book-keeping charged per entry in the byte accounting: the entry itself and its share of the index.
    /// </summary>
    internal const int EntryOverheadBytes = 80;
    private readonly BufferPool _pool = new();
    private int[] _buckets = new int[64];
    private Entry[] _entries = new Entry[64];
    private int _used;
    private int _free = None;

    internal HeldTable() => Array.Fill(_buckets, None);

    private struct Entry
    {
        internal ulong Hash;
        internal EccVersion Version;
        internal ulong Checksum;
        internal byte[]? Buffer;
        internal int KeyBytes;
        internal int BlobBytes;
        internal int ValueBytes;
        internal int Next;

        /// <summary>When it came here, or got its present version.</summary>
        internal long SinceMicros;

        /// <summary>
        /// 0 for a pre-write; else an old version that is kept for a pinned reader until then.
        /// </summary>
        internal long ExpiresMicros;
    }

    /// <summary>Entries.</summary>
    internal int Count { get; private set; }

    /// <summary>Entries that only pinned readers keep.</summary>
    internal int PinnedCount { get; private set; }

    /// <summary>Bytes of blobs.</summary>
    internal long BlobBytes { get; private set; }

    /// <summary>Bytes of keys.</summary>
    internal long KeyBytes { get; private set; }

    internal long TotalBytes => BlobBytes + KeyBytes + ((long)Count * EntryOverheadBytes);

    /// <summary>The first entry at or after a place, in no order; -1: none.</summary>
    internal int NextUsed(int index)
    {
        while (index < _used && _entries[index].Buffer is null)
        {
            index++;
        }

        return index < _used ? index : None;
    }

    internal ulong HashAt(int index) => _entries[index].Hash;

    internal ReadOnlySpan<byte> KeyAt(int index) => _entries[index].Buffer.AsSpan(0, _entries[index].KeyBytes);

    internal EccVersion VersionAt(int index) => _entries[index].Version;

    internal ReadOnlySpan<byte> BlobAt(int index) =>
        _entries[index].Buffer.AsSpan(_entries[index].KeyBytes, _entries[index].BlobBytes);

    internal int ValueBytesAt(int index) => _entries[index].ValueBytes;

    internal ulong ChecksumAt(int index) => _entries[index].Checksum;

    internal long SinceMicrosAt(int index) => _entries[index].SinceMicros;

    internal bool IsPinnedAt(int index) => _entries[index].ExpiresMicros != 0;

    /// <summary>First entry of a key, or -1.</summary>
    internal int First(ReadOnlySpan<byte> key, ulong hash) => Match(_buckets[BucketOf(hash)], key, hash);

    /// <summary>Next entry of the same key, or -1.</summary>
    internal int Next(int index, ReadOnlySpan<byte> key, ulong hash) =>
        Match(_entries[index].Next, key, hash);

    private int Match(int index, ReadOnlySpan<byte> key, ulong hash)
    {
        while (index != None)
        {
            ref var entry = ref _entries[index];
            if (entry.Hash == hash && key.SequenceEqual(entry.Buffer.AsSpan(0, entry.KeyBytes)))
            {
                return index;
            }

            index = entry.Next;
        }

        return None;
    }

    /// <summary>The entry of a key and version, or -1.</summary>
    internal int Find(ReadOnlySpan<byte> key, ulong hash, EccVersion version)
    {
        for (var i = First(key, hash); i != None; i = Next(i, key, hash))
        {
            if (_entries[i].Version == version)
            {
                return i;
            }
        }

        return None;
    }

    internal void Add(ReadOnlySpan<byte> key, ulong hash, in EccElement element, ReadOnlySpan<byte> blob,
        long sinceMicros, long expiresMicros)
    {
        if (Count == _buckets.Length)
        {
            Grow();
        }

        var index = _free;
        if (index != None)
        {
            _free = _entries[index].Next;
        }
        else
        {
            index = _used++;
        }

        var buffer = _pool.Rent(key.Length + blob.Length);
        key.CopyTo(buffer);
        blob.CopyTo(buffer.AsSpan(key.Length));
        var bucket = BucketOf(hash);
        _entries[index] = new Entry
        {
            Hash = hash,
            Version = element.Version,
            Checksum = element.Checksum,
            Buffer = buffer,
            KeyBytes = key.Length,
            BlobBytes = blob.Length,
            ValueBytes = element.ValueBytes,
            Next = _buckets[bucket],
            SinceMicros = sinceMicros,
            ExpiresMicros = expiresMicros,
        };
        _buckets[bucket] = index;
        Count++;
        PinnedCount += expiresMicros != 0 ? 1 : 0;
        BlobBytes += blob.Length;
        KeyBytes += key.Length;
    }

    /// <summary>Gives the entry another version (retag).</summary>
    internal void Rename(int index, EccVersion version, long nowMicros) =>
        (_entries[index].Version, _entries[index].SinceMicros) = (version, nowMicros);

    /// <summary>The ages of all begin now: they came from a log, which knows none.</summary>
    internal void BeginAges(long nowMicros)
    {
        for (var i = NextUsed(0); i >= 0; i = NextUsed(i + 1))
        {
            _entries[i].SinceMicros = nowMicros;
        }
    }

    /// <summary>Keeps the entry for a pinned reader until then.</summary>
    internal void KeepUntil(int index, long expiresMicros)
    {
        PinnedCount += _entries[index].ExpiresMicros == 0 ? 1 : 0;
        _entries[index].ExpiresMicros = expiresMicros;
    }

    internal void Remove(int index)
    {
        ref var entry = ref _entries[index];
        ref var link = ref _buckets[BucketOf(entry.Hash)];
        while (link != index)
        {
            link = ref _entries[link].Next;
        }

        link = entry.Next;
        Count--;
        PinnedCount -= entry.ExpiresMicros != 0 ? 1 : 0;
        BlobBytes -= entry.BlobBytes;
        KeyBytes -= entry.KeyBytes;
        _pool.Return(entry.Buffer!);
        entry = new Entry { Next = _free };
        _free = index;
    }

    /// <summary>Drops everything.</summary>
    internal void Clear()
    {
        for (var i = NextUsed(0); i >= 0; i = NextUsed(i + 1))
        {
            Remove(i);
        }
    }

    /// <summary>Drops what was kept for pinned readers long enough.</summary>
    internal void Expire(long nowMicros)
    {
        for (var i = 0; i < _used && PinnedCount > 0; i++)
        {
            if (_entries[i].Buffer is not null && _entries[i].ExpiresMicros != 0
                && _entries[i].ExpiresMicros <= nowMicros)
            {
                Remove(i);
            }
        }
    }

    private int BucketOf(ulong hash) => (int)(hash >> 16) & (_buckets.Length - 1);

    private void Grow()
    {
        Array.Resize(ref _entries, _entries.Length * 2);
        _buckets = new int[_buckets.Length * 2];
        Array.Fill(_buckets, None);
        for (var i = 0; i < _used; i++)
        {
            if (_entries[i].Buffer is not null)
            {
                var bucket = BucketOf(_entries[i].Hash);
                _entries[i].Next = _buckets[bucket];
                _buckets[bucket] = i;
            }
        }
    }
}
