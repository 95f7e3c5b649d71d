using System.Buffers.Binary;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// The client's session (Ongaro's thesis, 6.3): opened before the first write, and again when the cluster has forgotten
/// it. A write keeps its number however often it is sent; the cluster applies it once.
/// </summary>
/// <remarks>
/// A write of a forgotten session is refused. One that was sent only once then certainly had no effect and goes on in
/// the next session; one whose earlier fate is open ends <see cref="KvOutcome.Unknown"/>.
/// </remarks>
public sealed partial class RaftClientCore
{
    /// <summary>In the place of a slot's number: the answer belongs to the session.</summary>
    private const int SessionSlot = (1 << SlotBits) - 1;

    /// <summary>So many times the time after which a silent leader is suspected, a session is asked for anew.</summary>
    private const int OpenPatience = 2;

    /// <summary>Which numbers from the first unanswered on are answered, as a ring.</summary>
    private readonly bool[] _answered = new bool[Limits.SessionWindow];

    private readonly byte[] _nonce = new byte[KvRequest.NonceBytes];

    /// <summary>The open session; 0: none.</summary>
    private ulong _session;

    /// <summary>Number of the next write.</summary>
    private ulong _nextSequence = 1;

    /// <summary>The lowest number whose answer is still waited for, or the next one.</summary>
    private ulong _firstUnanswered = 1;

    /// <summary>The request for a session that is under way, and where; 0: none.</summary>
    private ulong _opening;
    private int _openingAt;
    private long _openingMicros;
    private long _openNotBefore;

    private bool IsOfSession(in Slot slot) => slot.Sequence != 0 && slot.Session == _session;

    /// <summary>Whether the first write of the queue may be sent; sees to a session.</summary>
    private bool MayWrite(IClientOutput output)
    {
        if (_session == 0)
        {
            OpenSession(output);
            return false;
        }

        return IsOfSession(_slots[_writes.Head]) || _nextSequence - _firstUnanswered < Limits.SessionWindow;
    }

    private void OpenSession(IClientOutput output)
    {
        if ((_opening != 0 && _now - _openingMicros < OpenPatience * _options.SuspicionMicros) || _now < _openNotBefore)
        {
            return;
        }

        // One that nobody answers has no deadline of its own: its node may have lost it, and lead again.
        StopOpening();
        (_opening, _openingAt, _openingMicros) = ((++_sends << SlotBits) | SessionSlot, _target, _now);
        Expect(_target);
        BinaryPrimitives.WriteUInt64LittleEndian(_nonce, _random.Next());
        var request = new KvRequest(_opening, KvKind.OpenSession, default, _nonce, 0, 0);
        output.End(request.Write(output.Begin(new NodeId((byte)_openingAt), request.MaxBytes)));
    }

    /// <summary>False: the answer is malformed.</summary>
    private bool OnSessionReply(int from, in KvReply reply, IClientOutput output)
    {
        Heard(from);
        if (reply.CorrelationId != _opening || from != _openingAt)
        {
            return true;
        }

        var opened = reply.Status == KvStatus.Ok;
        if (opened && reply.Value.Length != sizeof(ulong))
        {
            return false;
        }

        StopOpening();
        if (opened)
        {
            _session = BinaryPrimitives.ReadUInt64LittleEndian(reply.Value.Span);
            (_nextSequence, _firstUnanswered) = (1, 1);
            Array.Clear(_answered);
            _counters.Sessions++;
            Trust(from);
        }
        else if (reply.Status is KvStatus.NotLeader or KvStatus.Unknown)
        {
            FollowHint(from, reply.LeaderHint);
            Search(output);
        }
        else
        {
            _openNotBefore = _now + _options.BusyMinMicros + _random.Below(_options.BusyMinMicros + 1);
        }

        return true;
    }

    /// <summary>The request for a session has its answer, or will get none.</summary>
    private void StopOpening()
    {
        if (_opening != 0)
        {
            _opening = 0;
            _nodes[_openingAt].Outstanding--;
        }
    }

    /// <summary>
    /// The number and session of a write about to be sent. False: it ended, for what became of an earlier sending will
    /// never be known.
    /// </summary>
    private bool Number(int slot, IClientOutput output)
    {
        ref var it = ref _slots[slot];
        if (IsOfSession(it))
        {
            return true;
        }

        if (it.IsDoubtful)
        {
            Complete(slot, KvOutcome.Unknown, "its session expired after it had been sent", output);
            return false;
        }

        (it.Session, it.Sequence) = (_session, _nextSequence++);
        return true;
    }

    /// <summary>Nobody waits for the write any more.</summary>
    private void Answered(in Slot slot)
    {
        if (!IsOfSession(slot))
        {
            return;
        }

        _answered[slot.Sequence % Limits.SessionWindow] = true;
        while (_firstUnanswered < _nextSequence && _answered[_firstUnanswered % Limits.SessionWindow])
        {
            _answered[_firstUnanswered++ % Limits.SessionWindow] = false;
        }
    }

    private void OnSessionExpired(int slot, IClientOutput output)
    {
        ref var it = ref _slots[slot];
        if (IsOfSession(it))
        {
            _session = 0;
            _counters.SessionsExpired++;
        }

        if (it.IsDoubtful)
        {
            Complete(slot, KvOutcome.Unknown, "its session expired after it had been sent", output);
            return;
        }

        it.Sequence = 0;
        Requeue(slot);
    }

    /// <summary>What a write's sending came to is not known: it is sent again, under its number.</summary>
    private void SendAgain(int slot)
    {
        _slots[slot].IsDoubtful |= !_slots[slot].IsRead;
        Requeue(slot);
    }
}
