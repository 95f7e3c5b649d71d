using System.Text;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Carries out whole operations for thin clients (unary calls): this node acts as their client.
/// </summary>
internal sealed class Gateway
{
    private static readonly byte[] s_noCompareAndSet = Encoding.UTF8.GetBytes(EccClientCore.NoCompareAndSet);
    private static readonly byte[] s_lost = Encoding.UTF8.GetBytes(OperationEngine.Lost);

    private readonly OperationEngine _engine;
    private readonly NodePort _port;
    private readonly long _timeoutMicros;
    private readonly (Endpoint From, ulong CorrelationId)[] _askers;
    private readonly Stack<int> _free = new();

    internal Gateway(OperationEngine engine, NodePort port, EccOptions options)
    {
        _engine = engine;
        _port = port;
        _timeoutMicros = options.GatewayTimeoutMicros;
        _askers = new (Endpoint, ulong)[options.GatewaySlots];
        for (var i = options.GatewaySlots - 1; i >= 0; i--)
        {
            _free.Push(i);
        }
    }

    /// <summary>
    /// True while this node has no registered incarnation, and never will have one by itself: it cannot take part in
    /// operations, so its own refusal would be missing among the others'.
    /// </summary>
    internal Func<bool>? IsLost { get; set; }

    internal long Requests { get; private set; }

    internal long Refused { get; private set; }

    internal void Submit(Endpoint from, in KvRequest request)
    {
        Requests++;
        if (request.Kind >= KvKind.CompareAndSet)
        {
            // Sessions too: writes under a tag of their own need none.
            Refused++;
            Reply(from, new KvReply(
                request.CorrelationId, KvStatus.Rejected, KvReply.NoLeader, s_noCompareAndSet, default));
            return;
        }

        if (request.Kind == KvKind.Scan && request.ScanLimit == 0)
        {
            Reply(from, KvReply.Plain(request.CorrelationId, KvStatus.Ok));
            return;
        }

        if (IsLost?.Invoke() == true)
        {
            Refused++;
            Reply(from, new KvReply(request.CorrelationId, KvStatus.Busy, KvReply.NoLeader, s_lost, default));
            return;
        }

        if (!_free.TryPop(out var slot))
        {
            Refused++;
            Reply(from, KvReply.Plain(request.CorrelationId, KvStatus.Busy));
            return;
        }

        _askers[slot] = (from, request.CorrelationId);
        var timeoutMicros = request.TimeoutMicros == 0
            ? _timeoutMicros
            : Math.Min(request.TimeoutMicros, _timeoutMicros);
        _engine.Submit(slot, EccClientCore.KindOf(request.Kind), new ClientOperation(
            request.Kind, request.Key, request.Value, request.ScanLimit, _engine.NowMicros + timeoutMicros));
    }

    internal void Completed(OperationSlot slot, in ClientResult result)
    {
        var (from, correlationId) = _askers[slot.Index];
        _free.Push(slot.Index);
        if (result.Outcome == KvOutcome.Ok && result.Entries is { } entries)
        {
            ReplyEntries(from, correlationId, entries);
            return;
        }

        var status = result.Outcome switch
        {
            KvOutcome.Ok => KvStatus.Ok,
            KvOutcome.NotFound => KvStatus.NotFound,
            KvOutcome.Failed => KvStatus.Busy,
            _ => KvStatus.Unknown,
        };
        var value = status == KvStatus.Busy && result.Reason is { } why ? Encoding.UTF8.GetBytes(why) : result.Value;
        Reply(from, new KvReply(correlationId, status, KvReply.NoLeader, value, default));
    }

    private void Reply(Endpoint to, in KvReply reply)
    {
        var span = _port.Begin(to, reply.MaxBytes, false);
        _port.End(reply.Write(span));
    }

    /// <summary>
    /// A scan's answer, cut where the message would become too large; the asker goes on behind the last key.
    /// </summary>
    private void ReplyEntries(Endpoint to, ulong correlationId, IReadOnlyList<KvEntry> entries)
    {
        var bytes = 0;
        var count = 0;
        while (count < entries.Count)
        {
            var more = KvEntryCodec.Bytes(entries[count].Key.Length, entries[count].Value.Length);
            if (bytes + more > Limits.ValueBytes)
            {
                break;
            }

            bytes += more;
            count++;
        }

        var buffer = new byte[bytes];
        var writer = new WireWriter(buffer);
        for (var i = 0; i < count; i++)
        {
            writer.Short(entries[i].Key.Span);
            writer.Long(entries[i].Value.Span);
        }

        Reply(to, new KvReply(correlationId, KvStatus.Ok, KvReply.NoLeader, default, buffer));
    }
}
