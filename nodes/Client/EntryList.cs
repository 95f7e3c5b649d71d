using System.Collections;
using Testbed.Wire;

namespace Testbed.Client;

/// <summary>A scan's answer in this room's terms, without copying it.</summary>
internal sealed class EntryList(IReadOnlyList<KvEntry> entries) : IReadOnlyList<KeyValue>
{
    public int Count => entries.Count;

    public KeyValue this[int index] => new(entries[index].Key, entries[index].Value);

    public IEnumerator<KeyValue> GetEnumerator() =>
        entries.Select(entry => new KeyValue(entry.Key, entry.Value)).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
