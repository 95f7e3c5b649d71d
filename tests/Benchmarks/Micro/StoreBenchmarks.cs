using System.Collections.Concurrent;
using BenchmarkDotNet.Attributes;
using Testbed.Benchmarks.Support;
using Testbed.Store;

namespace Testbed.Benchmarks.Micro;

/// <summary>
/// One operation on a store of 20,000 keys against ConcurrentDictionary with byte array keys.
/// </summary>
[MemoryDiagnoser]
public class StoreBenchmarks
{
    private const int Keys = 20_000;

    private readonly byte[] _key = new byte[BenchmarkData.KeyBytes];
    private readonly ConcurrentDictionary<byte[], DictionaryEntry> _dictionary = new(new KeyComparer());
    private KvStore _store = null!;
    private byte[] _payload = [];
    private long _turn;

    [Params(342, 1024)]
    public int PayloadBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _store = new KvStore();
        _payload = BenchmarkData.Bytes(PayloadBytes);
        for (var i = 0; i < Keys; i++)
        {
            var key = BenchmarkData.Key(i);
            _store.Put(key, default, _payload);
            _dictionary[key] = new DictionaryEntry(default, _payload.ToArray());
        }
    }

    [Benchmark]
    public int Get()
    {
        NextKey();
        return _store.TryGet(_key, out _, out var payload)
            ? payload[^1] : throw new InvalidOperationException();
    }

    [Benchmark]
    public void Overwrite()
    {
        NextKey();
        _store.Put(_key, default, _payload);
    }

    [Benchmark]
    public void DeleteAndInsert()
    {
        NextKey();
        _store.Delete(_key);
        _store.Put(_key, default, _payload);
    }

    [Benchmark]
    public int ScanOf50()
    {
        NextKey();
        var count = 0;
        _store.Scan(_key, (_, in _, payload) => (count += Math.Sign(payload.Length)) < 50);
        return count;
    }

    [Benchmark]
    public int DictionaryGet()
    {
        NextKey();
        return _dictionary.TryGetValue(_key, out var entry)
            ? entry.Payload[^1] : throw new InvalidOperationException();
    }

    [Benchmark]
    public void DictionaryOverwrite()
    {
        NextKey();
        _dictionary[_key] = new DictionaryEntry(default, _payload.ToArray());
    }

    private void NextKey() => BenchmarkData.Key(_key, _turn++ * 7919 % Keys);
}
