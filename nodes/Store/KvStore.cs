using System.IO.Hashing;

namespace Testbed.Store;

/// <summary>
/// An in-memory ordered key-value store (single owner, no locks). Records lie in slab memory; a hash index
/// finds them, an ordered index scans them. Reading and overwriting allocate nothing; every byte held is in
/// <see cref="Bytes"/>.
/// </summary>
public sealed partial class KvStore
{
    // Each block given back may be one too many; to free a slab that is up to half full takes as many moves as
    // it has blocks left over. Twice that, because the slab that is emptied may be fuller than most.
    private const int MovesPerChange = 2;

    private RecordMemory _records = new();
    private HashIndex _index = new();
    private OrderedIndex _ordered;
    private long _payloadBytes;
    private long _keyBytes;

    /// <summary>An empty store.</summary>
    public KvStore() => _ordered = new OrderedIndex(_records);

    /// <summary>Number of keys.</summary>
    public int Count => _index.Count;

    /// <summary>Exact bytes held.</summary>
    public StoreBytes Bytes => new(_index.Count, _payloadBytes, _keyBytes,
        _records.AllocatedBytes + _index.AllocatedBytes
            + _ordered.AllocatedBytes - _payloadBytes - _keyBytes);

    /// <summary>Finds a key. The payload span is valid until the next change of the store.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out RecordHeader header, out ReadOnlySpan<byte> payload)
    {
        var place = Find(key, Hash(key));
        if (place < 0)
        {
            header = default;
            payload = default;
            return false;
        }

        _records.Read(_index[place], out header, out payload);
        return true;
    }

    /// <summary>Sets or replaces a key; key and payload are copied.</summary>
    public void Put(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, RecordMemory.MostKeyBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, RecordMemory.MostPayloadBytes);
        var hash = Hash(key);
        var place = Find(key, hash);
        if (place < 0)
        {
            var added = _records.Add(key, header, payload);
            _index.Add(hash, added);
            _ordered.Add(key, added);
            _keyBytes += key.Length;
            _payloadBytes += payload.Length;
            return;
        }

        GiveBeforeChange(place);
        var old = _index[place];
        if (!_records.TryReplace(old, header, payload, out var oldPayloadBytes))
        {
            var moved = _records.Add(key, header, payload);
            _index[place] = moved;
            _ordered.Replace(key, old, moved);
            _records.Remove(old);
            Compact();
        }

        _payloadBytes += payload.Length - oldPayloadBytes;
    }

    /// <summary>Removes a key; false when it was absent.</summary>
    public bool Delete(ReadOnlySpan<byte> key)
    {
        var place = Find(key, Hash(key));
        if (place < 0)
        {
            return false;
        }

        GiveBeforeChange(place);
        var reference = _index[place];
        _records.Read(reference, out _, out var payload);
        _keyBytes -= key.Length;
        _payloadBytes -= payload.Length;
        _index.RemoveAt(place);
        _ordered.Remove(key, reference);
        _records.Remove(reference);
        Compact();
        return true;
    }

    /// <summary>Removes every key and gives the memory back; ends a snapshot as unfinished.</summary>
    public void Clear()
    {
        _snapshotSink = null;
        _records = new RecordMemory();
        _index = new HashIndex();
        _ordered = new OrderedIndex(_records);
        _payloadBytes = 0;
        _keyBytes = 0;
    }

    /// <summary>
    /// Visits keys in byte order from the first that is not below <paramref name="start"/>, until the visitor
    /// returns false. The visitor must not change the store.
    /// </summary>
    public void Scan(ReadOnlySpan<byte> start, ScanVisitor visitor) => _ordered.Scan(start, visitor);

    /// <summary>
    /// Compares both indexes and all sums with a recount of the records; throws when they differ. For tests.
    /// </summary>
    internal void Verify()
    {
        long keys = 0, keyBytes = 0, payloadBytes = 0;
        Scan([], (key, in _, payload) =>
        {
            keys++;
            keyBytes += key.Length;
            payloadBytes += payload.Length;
            return Find(key, Hash(key)) >= 0;
        });
        if ((keys, keys, keyBytes, payloadBytes)
            != (_index.Count, _ordered.Verify(), _keyBytes, _payloadBytes)
            || _records.AllocatedBytes != _records.Recount())
        {
            throw new InvalidOperationException("a recount of the store gives other sums");
        }
    }

    /// <summary>Where the index has a key; for tests too.</summary>
    internal static uint Hash(ReadOnlySpan<byte> key) =>
        (uint)(XxHash3.HashToUInt64(key) >> (64 - HashIndex.HashBits));

    // What was freed may have left slabs sparsely filled.
    private void Compact()
    {
        for (var moves = 0; moves < MovesPerChange && _records.NextToMove() is var old && old != 0; moves++)
        {
            var copy = _records.Copy(old);
            var key = _records.Key(copy);
            var hash = Hash(key);
            var place = _index.Find(hash, _index.Home(hash));
            while (_index[place] != old)
            {
                place = _index.Find(hash, place + 1);
            }

            _index[place] = copy;
            _ordered.Replace(key, old, copy);
            _records.Remove(old);
        }
    }

    private int Find(ReadOnlySpan<byte> key, uint hash)
    {
        var place = _index.Find(hash, _index.Home(hash));
        while (place >= 0 && !_records.Key(_index[place]).SequenceEqual(key))
        {
            place = _index.Find(hash, place + 1);
        }

        return place;
    }
}
