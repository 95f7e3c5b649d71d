namespace Testbed.Store;

/// <summary>An in-memory ordered key-value store (single owner, no locks).</summary>
public sealed class KvStore
{
    private readonly SortedSet<Record> _records = new(new ByKey());
    private readonly Record _probe = new();
    private readonly Record _last = new();
    private long _payloadBytes;
    private long _keyBytes;

    /// <summary>Finds a key. The payload span is valid until the next change of the store.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out RecordHeader header, out ReadOnlySpan<byte> payload)
    {
        if (Find(key) is { } record)
        {
            header = record.Header;
            payload = record.Payload;
            return true;
        }

        header = default;
        payload = default;
        return false;
    }

    /// <summary>Sets or replaces a key; key and payload are copied.</summary>
    public void Put(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        if (Find(key) is not { } record)
        {
            record = new Record { Key = key.ToArray() };
            _records.Add(record);
            _keyBytes += key.Length;
        }

        _payloadBytes += payload.Length - record.Payload.Length;
        record.Header = header;
        record.Payload = payload.ToArray();
    }

    /// <summary>Removes a key; false when it was absent.</summary>
    public bool Delete(ReadOnlySpan<byte> key)
    {
        if (Find(key) is not { } record)
        {
            return false;
        }

        _payloadBytes -= record.Payload.Length;
        _keyBytes -= record.Key.Length;
        return _records.Remove(record);
    }

    /// <summary>
    /// Visits keys in byte order from the first that is not below <paramref name="start"/>, until the visitor returns
    /// false. The visitor must not change the store.
    /// </summary>
    public void Scan(ReadOnlySpan<byte> start, ScanVisitor visitor)
    {
        if (_records.Max is not { } max || max.Key.AsSpan().SequenceCompareTo(start) < 0)
        {
            return;
        }

        _last.Key = max.Key;
        _probe.Key = start.ToArray();
        foreach (var record in _records.GetViewBetween(_probe, _last))
        {
            if (!visitor(record.Key, record.Header, record.Payload))
            {
                return;
            }
        }
    }

    /// <summary>Exact bytes held.</summary>
    public StoreBytes Bytes => new(_records.Count, _payloadBytes, _keyBytes, _records.Count * 120L);

    private Record? Find(ReadOnlySpan<byte> key)
    {
        _probe.Key = key.ToArray();
        return _records.TryGetValue(_probe, out var record) ? record : null;
    }

    private sealed class Record
    {
        public byte[] Key { get; set; } = [];

        public RecordHeader Header { get; set; }

        public byte[] Payload { get; set; } = [];
    }

    private sealed class ByKey : IComparer<Record>
    {
        public int Compare(Record? x, Record? y) => x!.Key.AsSpan().SequenceCompareTo(y!.Key);
    }
}

/// <summary>Sees one record of a scan; returns false to stop.</summary>
public delegate bool ScanVisitor(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload);
