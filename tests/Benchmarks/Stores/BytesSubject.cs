using System.Collections.Concurrent;
using Testbed.Benchmarks.Support;
using Testbed.Store;

namespace Testbed.Benchmarks.Stores;

/// <summary>A dictionary by byte array that keeps what a node has to keep: header and payload.</summary>
internal sealed class BytesSubject : StoreSubject
{
    private readonly ConcurrentDictionary<byte[], DictionaryEntry> _entries = new(1, 31, new KeyComparer());

    public override string Name => "dictionary, byte[] -> entry";

    public override void Put(long number, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        BenchmarkData.Key(Key, number);
        var entry = new DictionaryEntry(header, payload.ToArray());

        // A key that is there already needs no array of its own.
        if (_entries.TryGetValue(Key, out var old))
        {
            _entries.TryUpdate(Key, entry, old);
        }
        else
        {
            _entries[Key.ToArray()] = entry;
        }
    }

    public override int Get(long number)
    {
        BenchmarkData.Key(Key, number);
        return _entries.TryGetValue(Key, out var entry) ? entry.Payload.Length : -1;
    }
}
