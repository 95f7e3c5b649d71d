using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>A client of the ECC strategy: counts votes, hedges, steps widths and decides outcomes.</summary>
public sealed class EccClientCore : IClientCore
{
    private readonly EccClientOptions _options;

    /// <summary>A client that has not reached any node yet.</summary>
    public EccClientCore(EccClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
    }

    /// <inheritdoc/>
    public void Tick(CoreTime now, IClientOutput output)
    {
    }

    /// <inheritdoc/>
    public void Submit(int slot, in ClientOperation operation, IClientOutput output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.Complete(slot, new ClientResult { Outcome = KvOutcome.Failed, Reason = "no node reachable" });
    }

    /// <inheritdoc/>
    public bool Receive(NodeId from, ReadOnlyMemory<byte> message, IClientOutput output) => !message.IsEmpty;

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
        ArgumentNullException.ThrowIfNull(sink);
        sink.Gauge("nodes", _options.Nodes);
    }
}
