namespace Testbed.Store;

/// <content>Visits in the order of key hashes: for who divides the keys by their hash.</content>
public sealed partial class KvStore
{
    /// <summary>
    /// Visits records in the order of the leading 31 bits of their keys' XXH3, until the visitor returns
    /// false; those that share them come in any order. Begins with the first record whose bits are not below
    /// those of <paramref name="firstHash"/>. The visitor must not change the store.
    /// </summary>
    public void ScanHashes(ulong firstHash, ScanVisitor visitor)
    {
        ArgumentNullException.ThrowIfNull(visitor);
        var first = (uint)(firstHash >> (64 - HashIndex.HashBits));
        for (var place = _index.Home(first); (place = _index.NextUsed(place)) >= 0; place++)
        {
            if (_index.HashAt(place) < first)
            {
                continue;
            }

            var key = _records.Read(_index[place], out var header, out var payload);
            if (!visitor(key, in header, payload))
            {
                return;
            }
        }
    }
}
