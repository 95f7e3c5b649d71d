using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>A client of the Raft strategy.</summary>
public sealed class RaftClientCore : IClientCore
{
    /// <summary>A client that knows no leader yet.</summary>
    public RaftClientCore(RaftClientOptions options) => options.Validate();

    /// <inheritdoc/>
    public void Tick(CoreTime now, IClientOutput output)
    {
    }

    /// <inheritdoc/>
    public void Submit(int slot, in ClientOperation operation, IClientOutput output) =>
        output.Complete(slot, new ClientResult { Outcome = KvOutcome.Failed, Reason = "no leader" });

    /// <inheritdoc/>
    public bool Receive(NodeId from, ReadOnlyMemory<byte> message, IClientOutput output) =>
        KvReply.TryRead(message, out _);

    /// <inheritdoc/>
    public void LinkUp(NodeId node, IClientOutput output)
    {
    }

    /// <inheritdoc/>
    public void LinkDown(NodeId node, IClientOutput output)
    {
    }

    /// <inheritdoc/>
    public void Report(IStatusSink sink)
    {
    }
}
