namespace Testbed.Store;

/// <summary>An in-memory ordered key-value store (single owner, no locks).</summary>
public sealed class KvStore
{
    /// <summary>Finds a key. The payload span is valid until the next change of the store.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out RecordHeader header, out ReadOnlySpan<byte> payload) =>
        throw new NotImplementedException();

    /// <summary>Sets or replaces a key; key and payload are copied.</summary>
    public void Put(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload) =>
        throw new NotImplementedException();

    /// <summary>Removes a key; false when it was absent.</summary>
    public bool Delete(ReadOnlySpan<byte> key) => throw new NotImplementedException();

    /// <summary>
    /// Visits keys in byte order from the first that is not below <paramref name="start"/>, until the visitor returns
    /// false. The visitor must not change the store.
    /// </summary>
    public void Scan(ReadOnlySpan<byte> start, ScanVisitor visitor) => throw new NotImplementedException();

    /// <summary>Exact bytes held.</summary>
    public StoreBytes Bytes => throw new NotImplementedException();
}

/// <summary>Sees one record of a scan; returns false to stop.</summary>
public delegate bool ScanVisitor(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload);
