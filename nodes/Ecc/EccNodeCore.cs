using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>A replica of the ECC strategy.</summary>
public sealed class EccNodeCore : INodeCore
{
    private readonly EccOptions _options;
    private readonly KvStore _store;

    /// <summary>A node over its store, which must be empty.</summary>
    public EccNodeCore(EccOptions options, KvStore store)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(store);
        _options = options;
        _store = store;
    }

    /// <inheritdoc/>
    public void Recover(byte recordType, ReadOnlyMemory<byte> payload)
    {
    }

    /// <inheritdoc/>
    public void Start(CoreTime now, ICoreOutput output)
    {
    }

    /// <inheritdoc/>
    public void Tick(CoreTime now, ICoreOutput output)
    {
    }

    /// <inheritdoc/>
    public bool Receive(Endpoint from, ReadOnlyMemory<byte> message, ICoreOutput output) => !message.IsEmpty;

    /// <inheritdoc/>
    public void LinkUp(Endpoint endpoint, ICoreOutput output)
    {
    }

    /// <inheritdoc/>
    public void LinkDown(Endpoint endpoint, ICoreOutput output)
    {
    }

    /// <inheritdoc/>
    public void StorageDone(LogSequence upTo, ICoreOutput output)
    {
    }

    /// <inheritdoc/>
    public void Flush(ICoreOutput output)
    {
    }

    /// <inheritdoc/>
    public void Report(IStatusSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        sink.Text("role", _options.Nodes > 0 ? "replica" : "");
        sink.Gauge("store_total_bytes", _store.Bytes.TotalBytes);
    }
}
