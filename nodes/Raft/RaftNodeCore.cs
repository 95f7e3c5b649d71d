using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>A replica of the Raft strategy.</summary>
public sealed class RaftNodeCore : INodeCore
{
    private readonly KvStore _store;

    /// <summary>A replica over an empty store, before recovery.</summary>
    public RaftNodeCore(RaftOptions options, KvStore store)
    {
        options.Validate();
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
    public bool Receive(Endpoint from, ReadOnlyMemory<byte> message, ICoreOutput output)
    {
        if (!KvRequest.TryRead(message, out var request))
        {
            return false;
        }

        var reply = KvReply.Plain(request.CorrelationId, KvStatus.NotLeader);
        output.End(reply.Write(output.Begin(from, reply.MaxBytes)));
        return true;
    }

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
    public void Report(IStatusSink sink) => sink.Gauge("store_keys", _store.Bytes.Keys);
}
