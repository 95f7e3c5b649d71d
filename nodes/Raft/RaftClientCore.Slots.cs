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
        while (_queueHead >= 0 && _target != NoTarget && !_suspected && _nodes[_target].Up)
        {
            var slot = _queueHead;
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

        _counters.Resends += it.Rounds > 0 ? 1 : 0;
        it.State = SlotState.Sent;
        it.SentTo = it.IsRead ? ReadFrom() : _target;
        it.CorrelationId = (++_sends << SlotBits) | (uint)slot;
        it.Rounds += it.Rounds < byte.MaxValue ? (byte)1 : (byte)0;
        if (_nodes[it.SentTo].Outstanding++ == 0)
        {
            _heardMicros = _now;
        }

        var request = new KvRequest(
            it.CorrelationId, it.Operation.Kind, it.Operation.Key,
            it.Operation.Kind == KvKind.Put ? it.Operation.Value : default, it.Operation.ScanLimit,
            (uint)long.Min(left, uint.MaxValue));
        output.End(request.Write(output.Begin(new NodeId((byte)it.SentTo), request.MaxBytes)));
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

    /// <summary>Only a write that was sent and not refused may have had an effect.</summary>
    private void Expire(int slot, IClientOutput output)
    {
        ref var it = ref _slots[slot];
        if (it.State != SlotState.Sent && !(SendsTwice && it.Rounds > 0))
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

    /// <summary>Certainly without effect, or a read: it may be sent again.</summary>
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

    private void Enqueue(int slot)
    {
        ref var it = ref _slots[slot];
        (it.State, it.Next, it.Previous) = (SlotState.Queued, -1, _queueTail);
        if (_queueTail < 0)
        {
            _queueHead = slot;
        }
        else
        {
            _slots[_queueTail].Next = slot;
        }

        _queueTail = slot;
        _queued++;
    }

    private void Unlink(int slot)
    {
        ref var it = ref _slots[slot];
        if (it.Previous < 0)
        {
            _queueHead = it.Next;
        }
        else
        {
            _slots[it.Previous].Next = it.Next;
        }

        if (it.Next < 0)
        {
            _queueTail = it.Previous;
        }
        else
        {
            _slots[it.Next].Previous = it.Previous;
        }

        it.State = SlotState.Free;
        _queued--;
    }
}
