using Testbed.Benchmarks.Support;
using Testbed.Store;

namespace Testbed.Benchmarks.Stores;

/// <summary>The nodes' own store.</summary>
internal sealed class SlabSubject : StoreSubject
{
    private readonly KvStore _store = new();

    public override string Name => "KvStore";

    public override long? OwnBytes => _store.Bytes.TotalBytes;

    public override void Put(long number, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        BenchmarkData.Key(Key, number);
        _store.Put(Key, header, payload);
    }

    public override int Get(long number)
    {
        BenchmarkData.Key(Key, number);
        return _store.TryGet(Key, out _, out var payload) ? payload.Length : -1;
    }
}
