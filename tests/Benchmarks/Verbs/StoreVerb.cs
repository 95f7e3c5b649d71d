using System.Collections.Concurrent;
using System.Diagnostics;
using Testbed.Benchmarks.Support;
using Testbed.Store;

namespace Testbed.Benchmarks.Verbs;

/// <summary><c>store</c>: bytes per key and time per operation, against ConcurrentDictionary.</summary>
internal static class StoreVerb
{
    private static readonly string[] Columns =
        ["store", "payload B", "bytes/key", "besides key and payload", "heap bytes/key", "insert ns",
        "get ns", "overwrite ns"];

    private static readonly int[] PayloadSizes = [342, 1024];

    public static void Run(TextWriter output, int keys)
    {
        var table = new TextTable(1, Columns);

        // Both once before, so that nothing is compiled while it is measured.
        Store(new TextTable(1, Columns), Math.Min(keys, 20_000), new byte[16]);
        Dictionary(new TextTable(1, Columns), Math.Min(keys, 20_000), new byte[16]);
        foreach (var payloadBytes in PayloadSizes)
        {
            var payload = BenchmarkData.Bytes(payloadBytes);
            Store(table, keys, payload);
            Dictionary(table, keys, payload);
        }

        output.WriteLine(
            $"Store: {TextTable.Number(keys)} keys of {BenchmarkData.KeyBytes} B in random order; " +
            "KvStore keeps keys in order as well; the dictionary does not.");
        output.WriteLine(
            "Bytes/key by the store's own books (the dictionary has none: its heap); heap: the garbage " +
            "collector's, after a full collection.");
        table.Print(output);
    }

    private static void Store(TextTable table, int keys, byte[] payload)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var store = new KvStore();
        var key = new byte[BenchmarkData.KeyBytes];
        var insert = PerKey(keys, i => Put(store, key, i, payload));
        var get = PerKey(keys, i =>
        {
            BenchmarkData.Key(key, Scattered(i, keys));
            _ = store.TryGet(key, out _, out var found) && found.Length == payload.Length
                ? true
                : throw new InvalidOperationException("a key is missing");
        });
        var overwrite = PerKey(keys, i => Put(store, key, Scattered(i, keys), payload));
        var heap = GC.GetTotalMemory(forceFullCollection: true) - before;
        var bytes = store.Bytes;
        AddRow(table, "KvStore", keys, payload.Length, bytes.TotalBytes, heap, (insert, get, overwrite));
        GC.KeepAlive(store);
    }

    private static void Dictionary(TextTable table, int keys, byte[] payload)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var dictionary = new ConcurrentDictionary<byte[], DictionaryEntry>(1, 31, new KeyComparer());
        var insert = PerKey(keys, i =>
            dictionary[BenchmarkData.Key(i)] = new DictionaryEntry(default, payload.ToArray()));
        var key = new byte[BenchmarkData.KeyBytes];
        var get = PerKey(keys, i =>
        {
            BenchmarkData.Key(key, Scattered(i, keys));
            _ = dictionary[key];
        });
        var overwrite = PerKey(keys, i =>
        {
            BenchmarkData.Key(key, Scattered(i, keys));
            dictionary[key] = new DictionaryEntry(default, payload.ToArray());
        });
        var heap = GC.GetTotalMemory(forceFullCollection: true) - before;
        AddRow(table, "ConcurrentDictionary", keys, payload.Length, heap, heap, (insert, get, overwrite));
        GC.KeepAlive(dictionary);
    }

    private static void AddRow(TextTable table, string name, int keys, int payloadBytes, long bytes,
        long heap, (double Insert, double Get, double Overwrite) nanos) =>
        table.Add(name, TextTable.Number(payloadBytes), TextTable.Number((double)bytes / keys, 1),
            TextTable.Number(((double)bytes / keys) - payloadBytes - BenchmarkData.KeyBytes, 1),
            TextTable.Number((double)heap / keys, 1),
            TextTable.Number(nanos.Insert), TextTable.Number(nanos.Get), TextTable.Number(nanos.Overwrite));

    private static void Put(KvStore store, byte[] key, long number, byte[] payload)
    {
        BenchmarkData.Key(key, number);
        store.Put(key, default, payload);
    }

    private static long Scattered(int i, int keys) => i * 7919L % keys;

    private static double PerKey(int keys, Action<int> call)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < keys; i++)
        {
            call(i);
        }

        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / keys;
    }
}
