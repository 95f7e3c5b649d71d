using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>The ways of an operation between queue, node and completion.</summary>
public sealed partial class RaftClientCore
{
    private const int MaxRefusals = 16;

    /// <summary>
    /// Sends what is queued while a leader is believed in. Completions inside may submit; they do not nest.
    /// </summary>
    private void Drain(IClientOutput output)
    {
        if (_draining)
        {
            return;
        }

        _draining = true;
        while (_queued > 0 && _target != NoTarget && !_suspected && _nodes[_target].Up)
        {
            var slot = _reads.Head >= 0 ? _reads.Head : MayWrite(output) ? _writes.Head : -1;
            if (slot < 0)
            {
                break;
            }

            Unlink(slot);
            Send(slot, output);
        }

        _draining = false;
    }

    private void Send(int slot, IClientOutput output)
    {
        ref var it = ref _slots[slot];
        var left = it.Operation.DeadlineMonotonicMicros - _now;
        if (left <= 0)
        {
            Expire(slot, output);
            return;
        }

        if (!it.IsRead && !Number(slot, output))
        {
            return;
        }

        _counters.Resends += it.Rounds > 0 ? 1 : 0;
        it.State = SlotState.Sent;
        it.SentTo = it.IsRead ? ReadFrom() : _target;
        it.CorrelationId = (++_sends << SlotBits) | (uint)slot;
        it.Rounds += it.Rounds < byte.MaxValue ? (byte)1 : (byte)0;
        Expect(it.SentTo);
        var hasValue = it.Operation.Kind is KvKind.Put or KvKind.CompareAndSet;
        var request = new KvRequest(
            it.CorrelationId, it.Operation.Kind, it.Operation.Key,
            hasValue ? it.Operation.Value : default, it.Operation.ScanLimit,
            (uint)long.Min(left, uint.MaxValue))
        {
            Stamp = it.IsRead ? default : new SessionStamp(_session, it.Sequence, _firstUnanswered),
            ExpectsValue = it.Operation.ExpectsValue,
            Expected = it.Operation.Expected,
        };
        output.End(request.Write(output.Begin(new NodeId((byte)it.SentTo), request.MaxBytes)));
    }

    /// <summary>An answer of the node is due.</summary>
    private void Expect(int node)
    {
        if (_nodes[node].Outstanding++ == 0)
        {
            _heardMicros = _now;
        }
    }

    /// <summary>The leader; with a planted bug any node, in turn.</summary>
    private int ReadFrom()
    {
        if ((_options.Mutants & RaftMutants.FollowerRead) != 0)
        {
            var node = (int)(_sends % (ulong)_nodes.Length);
            return _nodes[node].Up ? node : _target;
        }

        return _target;
    }

    /// <summary>
    /// Ends what is past its deadline, and puts back into the queue what has waited long enough.
    /// </summary>
    private void ExpireAndWake(IClientOutput output)
    {
        for (var slot = 0; slot < _slots.Length; slot++)
        {
            ref var it = ref _slots[slot];
            if (it.State == SlotState.Free)
            {
                continue;
            }

            if (it.Operation.DeadlineMonotonicMicros <= _now)
            {
                Expire(slot, output);
            }
            else if (it.State == SlotState.Waiting && it.NotBefore <= _now)
            {
                Enqueue(slot);
            }
        }
    }

    /// <summary>Only a write that was sent, and not refused each time, may have had an effect.</summary>
    private void Expire(int slot, IClientOutput output)
    {
        ref var it = ref _slots[slot];
        if (it.State != SlotState.Sent && !it.IsDoubtful)
        {
            Complete(slot, KvOutcome.Failed, "no leader took it before the deadline", output);
        }
        else if (it.IsRead)
        {
            Complete(slot, KvOutcome.Failed, "no answer before the deadline; a read has no effect", output);
        }
        else
        {
            Complete(slot, KvOutcome.Unknown, "no answer before the deadline", output);
        }
    }

    /// <summary>Back into the queue: it may be sent again.</summary>
    private void Requeue(int slot)
    {
        Leave(slot);
        Enqueue(slot);
    }

    private void BackOff(int slot)
    {
        Leave(slot);
        ref var it = ref _slots[slot];
        var wait = long.Min(_options.BusyMinMicros << it.Refusals, _options.BusyMaxMicros);
        it.Refusals += it.Refusals < MaxRefusals ? (byte)1 : (byte)0;
        it.NotBefore = _now + wait / 2 + _random.Below(wait / 2 + 1);
        it.State = SlotState.Waiting;
    }

    private void Complete(int slot, KvOutcome outcome, string reason, IClientOutput output) =>
        Complete(
            slot, new ClientResult { Outcome = outcome, Reason = reason, Rounds = _slots[slot].Rounds }, output);

    private void Complete(int slot, in ClientResult result, IClientOutput output)
    {
        Leave(slot);
        Answered(_slots[slot]);
        _slots[slot] = default;
        output.Complete(slot, result);
    }

    /// <summary>Takes the slot out of whatever it is in.</summary>
    private void Leave(int slot)
    {
        ref var it = ref _slots[slot];
        if (it.State == SlotState.Queued)
        {
            Unlink(slot);
        }
        else if (it.State == SlotState.Sent)
        {
            _nodes[it.SentTo].Outstanding--;
        }
    }

    private ref Line LineOf(int slot) => ref _slots[slot].IsRead ? ref _reads : ref _writes;

    private void Enqueue(int slot)
    {
        ref var it = ref _slots[slot];
        ref var line = ref LineOf(slot);
        var first = IsOfSession(it);
        (it.State, it.Next, it.Previous) = (SlotState.Queued, first ? line.Head : -1, first ? -1 : line.Tail);
        Link(ref line, it.Previous, slot, before: false);
        Link(ref line, it.Next, slot, before: true);
        _queued++;
    }

    private void Unlink(int slot)
    {
        ref var it = ref _slots[slot];
        ref var line = ref LineOf(slot);
        Link(ref line, it.Previous, it.Next, before: false);
        Link(ref line, it.Next, it.Previous, before: true);
        it.State = SlotState.Free;
        _queued--;
    }

    /// <summary>Makes a slot another's neighbour on one side; at the end of the line the line's own.</summary>
    private void Link(ref Line line, int slot, int neighbour, bool before)
    {
        if (before)
        {
            (slot < 0 ? ref line.Tail : ref _slots[slot].Previous) = neighbour;
        }
        else
        {
            (slot < 0 ? ref line.Head : ref _slots[slot].Next) = neighbour;
        }
    }
}
