using Testbed.Benchmarks.Support;
using Testbed.Store;

namespace Testbed.Benchmarks.Stores;

/// <summary>A store as the benchmark sees it: keys are numbers, made into bytes by each call.</summary>
internal abstract class StoreSubject
{
    /// <summary>The caller's buffer; holds the key of the call under way.</summary>
    protected byte[] Key { get; } = new byte[BenchmarkData.KeyBytes];

    /// <summary>What the tables call it.</summary>
    public abstract string Name { get; }

    /// <summary>Bytes by the store's own books; null when it keeps none.</summary>
    public virtual long? OwnBytes => null;

    /// <summary>Sets a key.</summary>
    public abstract void Put(long number, in RecordHeader header, ReadOnlySpan<byte> payload);

    /// <summary>Reads a key's header and payload; bytes of the payload, -1: absent.</summary>
    public abstract int Get(long number);
}
