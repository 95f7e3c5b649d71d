using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>Decodes replies for an <see cref="OperationEngine"/>.</summary>
internal static class EngineReplies
{
    /// <summary>False when the message is no reply or is malformed.</summary>
    internal static bool TryDispatch(OperationEngine engine, int node, ReadOnlyMemory<byte> message)
    {
        if (message.IsEmpty || node >= engine.Code.Nodes)
        {
            return false;
        }

        engine.Counters.MessagesReceived++;
        engine.Counters.BytesReceived += message.Length;
        switch (message.Span[0])
        {
            case EccTypes.FetchReply when EccFetchReply.TryRead(message, out var reply):
                engine.OnFetchReply(node, reply);
                return true;
            case EccTypes.PreWriteAck when EccPreWriteAck.TryRead(message, out var ack):
                engine.OnPreWriteAck(node, ack);
                return true;
            case EccTypes.ScanReply when EccScanReply.TryRead(message, out var reply):
                engine.OnScanReply(node, reply);
                return true;
            case EccTypes.Refusal when EccRefusal.TryRead(message, out var refusal):
                engine.OnRefusal(node, refusal.OperationId);
                return true;
            default:
                return false;
        }
    }
}
