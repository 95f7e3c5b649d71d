using System.Text;
using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>Events as lines for people.</summary>
internal static class TraceText
{
    private const int MostMessages = 6;

    /// <summary>One event.</summary>
    public static string Of(SimCluster cluster, in SimEvent happened)
    {
        switch (happened.Kind)
        {
            case EventKind.Frame:
                var stream = cluster.Network.Streams[happened.A];
                return $"{Name(cluster, stream.To(happened.B))} <- {Name(cluster, stream.From(happened.B))}: "
                    + Messages((byte[])happened.Subject!);
            case EventKind.Unpark or EventKind.Attempt or EventKind.Accept or EventKind.Welcome
                or EventKind.AttemptFailed or EventKind.LostAtOpener or EventKind.LostAtTarget
                or EventKind.KeepAlive:
                var about = cluster.Network.Streams[happened.A];
                return $"{Name(cluster, about.Opener)} -> {Name(cluster, about.Target)}: {happened.Kind} "
                    + $"of stream {happened.C}";
            case EventKind.FaultBegin or EventKind.FaultEnd or EventKind.Hunt or EventKind.Phase:
                return happened.Kind.ToString();
            default:
                return $"{Name(cluster, happened.A)}: {happened.Kind}";
        }
    }

    private static string Name(SimCluster cluster, int process) =>
        process < cluster.Shape.Nodes ? $"n{process}" : $"c{process - cluster.Shape.Nodes}";

    private static string Messages(byte[] frame)
    {
        var text = new StringBuilder();
        var messages = new FrameReader(frame);
        for (var i = 0; messages.TryNext(out var message); i++)
        {
            if (i == MostMessages)
            {
                text.Append(", ...");
                break;
            }

            text.Append(i > 0 ? ", " : "").Append(Message(message));
        }

        return text.ToString();
    }

    private static string Message(ReadOnlyMemory<byte> message)
    {
        var type = message.Span[0];
        if (type == MessageTypes.KvRequest && KvRequest.TryRead(message, out var request))
        {
            return $"{request.Kind} {Encoding.ASCII.GetString(request.Key.Span)} #{request.CorrelationId}";
        }

        if (type == MessageTypes.KvReply && KvReply.TryRead(message, out var reply))
        {
            return $"{reply.Status} #{reply.CorrelationId}";
        }

        if (type is >= MessageTypes.RaftFirst and < MessageTypes.EccFirst && RaftMessage.TryRead(message, out var raft))
        {
            return $"{raft.Kind} t{raft.Term} i{raft.Index} c{raft.Commit} r{raft.Round} "
                + $"{(raft.Yes ? "yes " : "")}{(raft.Hint != 0 ? $"h{raft.Hint} " : "")}"
                + $"{raft.From}>{raft.To} {raft.Entries.Length + raft.Payload.Length}B";
        }

        return EccMessage(type, message);
    }

    private static string EccMessage(byte type, ReadOnlyMemory<byte> message)
    {
        if (EccPreWrite.TryRead(message, out var preWrite))
        {
            return $"PreWrite {Encoding.ASCII.GetString(preWrite.Key.Span)} {preWrite.Element.Version}"
                + (preWrite.From.IsNone ? "" : $" from {preWrite.From}");
        }

        if (EccPreWriteAck.TryRead(message, out var ack))
        {
            return $"PreWriteAck {ack.Version} {ack.Status} fin {ack.Head.Fin}";
        }

        if (EccFetch.TryRead(message, out var fetch))
        {
            return $"Fetch {Encoding.ASCII.GetString(fetch.Key.Span)} {fetch.Version}";
        }

        if (EccFetchReply.TryRead(message, out var fetched))
        {
            return $"FetchReply fin {fetched.Head.Fin} element {fetched.Element.Version}";
        }

        if (EccRegisterReply.TryRead(message, out var registered))
        {
            return $"RegisterReply {registered.Asked} {registered.Own.Incarnation} {registered.Standing}"
                + (registered.Fresh ? " fresh" : "");
        }

        if (EccSlotScanReply.TryRead(message, out var shown))
        {
            return $"SlotScanReply {shown.Head.Incarnation}{(shown.Head.Ready ? " ready" : "")} up to {shown.Next:x}";
        }

        return EccRegister.TryRead(message, out var register) ? register.ToString()
            : EccSlotScan.TryRead(message, out var scan) ? scan.ToString()
            : $"type {type}, {message.Length}B";
    }
}
