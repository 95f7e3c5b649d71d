using Testbed.Client;

namespace Testbed.Benchmarks.Support;

/// <summary>
/// Fills in requests without allocating: each client walks the keys from a place of its own.
/// </summary>
internal sealed class ClosedLoopKeys
{
    private readonly ReadOnlyMemory<byte>[] _keys;
    private readonly ReadOnlyMemory<byte> _value;

    private ClosedLoopKeys(ReadOnlyMemory<byte>[] keys, ReadOnlyMemory<byte> value)
    {
        _keys = keys;
        _value = value;
    }

    public static ClosedLoopKeys Make(int records, ReadOnlyMemory<byte> value = default) =>
        new([.. Enumerable.Range(0, records).Select(i => (ReadOnlyMemory<byte>)BenchmarkData.Key(i))], value);

    /// <summary>A get of the client's next key.</summary>
    public void PrepareGet(KvOperation operation, int client, long count)
    {
        operation.Kind = OperationKind.Get;
        operation.Key = Next(client, count);
    }

    /// <summary>A put of the client's next key.</summary>
    public void PreparePut(KvOperation operation, int client, long count)
    {
        operation.Kind = OperationKind.Put;
        operation.Key = Next(client, count);
        operation.Value = _value;
    }

    // Strides that are prime to the number of keys keep the clients apart for long.
    private ReadOnlyMemory<byte> Next(int client, long count) =>
        _keys[((client * 7919L) + (count * 31)) % _keys.Length];
}
