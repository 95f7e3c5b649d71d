using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// A node's way out: to endpoints through the host, to itself through a queue that is emptied at the end of
/// each call, so that a node is one of its own peers without special cases.
/// </summary>
internal sealed class NodePort(NodeId self, DurabilityGate gate, bool ackBeforeDurable)
    : IEnginePort, IReplicaLog
{
    private readonly Queue<ReadOnlyMemory<byte>> _plain = new();
    private readonly Queue<(ReadOnlyMemory<byte> Message, long After)> _gated = new();
    private ICoreOutput? _output;
    private byte[]? _local;
    private bool _localGated;
    private long _appended;

    /// <summary>What happens when an operation ends.</summary>
    internal Action<OperationSlot, ClientResult>? OnCompleted { get; set; }

    internal long BytesSent { get; private set; }

    internal long MessagesSent { get; private set; }

    /// <summary>Bytes of records appended.</summary>
    internal long AppendedBytes { get; private set; }

    /// <summary>The record appended last in this life.</summary>
    internal LogSequence LastAppended => new(_appended);

    /// <summary>Records up to that one are no longer needed.</summary>
    internal void Release(LogSequence upTo) => _output!.Release(upTo);

    internal void Use(ICoreOutput output) => _output = output;

    public Span<byte> Begin(int node, int maxBytes) =>
        Begin(Endpoint.Peer(new NodeId((byte)node)), maxBytes, false);

    /// <summary>
    /// Room for a message that, when asked so, leaves only after all records so far are durable.
    /// </summary>
    internal Span<byte> Begin(Endpoint to, int maxBytes, bool afterDurable)
    {
        afterDurable &= !ackBeforeDurable;
        if (to == Endpoint.Peer(self))
        {
            _local = new byte[maxBytes];
            _localGated = afterDurable;
            return _local;
        }

        return afterDurable ? _output!.BeginAfterDurable(to, maxBytes) : _output!.Begin(to, maxBytes);
    }

    public void End(int writtenBytes)
    {
        if (_local is null)
        {
            MessagesSent++;
            BytesSent += writtenBytes;
            _output!.End(writtenBytes);
            return;
        }

        var message = _local.AsMemory(0, writtenBytes);
        _local = null;
        if (_localGated && _appended > gate.Durable.Value)
        {
            _gated.Enqueue((message, _appended));
        }
        else
        {
            _plain.Enqueue(message);
        }
    }

    /// <summary>The next message to this node itself that may be handled now.</summary>
    internal bool TryTakeLocal(out ReadOnlyMemory<byte> message)
    {
        if (_plain.TryDequeue(out message))
        {
            return true;
        }

        if (_gated.TryPeek(out var first) && first.After <= gate.Durable.Value)
        {
            message = _gated.Dequeue().Message;
            return true;
        }

        return false;
    }

    public LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        var sequence = _output!.Append(recordType, head, body);
        _appended = sequence.Value;
        AppendedBytes += head.Length + body.Length;
        return sequence;
    }

    public void Completed(OperationSlot slot, in ClientResult result) => OnCompleted?.Invoke(slot, result);
}
