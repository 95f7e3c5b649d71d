using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// A client of the Raft strategy: finds and follows the leader. Reads, and writes too, are sent again until their
/// deadline whenever an answer is lost: a session makes the cluster apply a write once. A write that was sent and has no
/// answer at its deadline ends <see cref="KvOutcome.Unknown"/>.
/// </summary>
/// <remarks>
/// While no leader is known, every node whose stream is open is asked who leads, which has no side effect;
/// the claim of the highest term wins. Operations wait meanwhile, at most
/// <see cref="RaftClientOptions.MaxInFlight"/>, up to their deadlines.
/// </remarks>
public sealed partial class RaftClientCore : IClientCore
{
    private const int SlotBits = 20;

    /// <summary>Hints followed in a row without an answer from a leader; then everybody is asked.</summary>
    private const int Hops = 2;

    private const long ScanMicros = 2_000;

    private readonly RaftClientOptions _options;
    private readonly SplitMix64 _random;
    private readonly Slot[] _slots;
    private readonly Node[] _nodes;

    /// <summary>
    /// Operations not sent yet, as lists through the slots. Writes that have a number stand before those without: else
    /// these could wait for room in the window that those keep.
    /// </summary>
    private Line _reads = new();
    private Line _writes = new();
    private int _queued;

    private long _now;
    private long _scanDue;
    private ulong _sends;
    private bool _draining;
    private Counters _counters;

    /// <summary>A client that knows no leader yet.</summary>
    public RaftClientCore(RaftClientOptions options)
    {
        options.Validate();
        _options = options;
        _random = new SplitMix64(options.Seed);
        _slots = new Slot[options.MaxInFlight];
        _nodes = new Node[Limits.Nodes];
        _nodes.AsSpan(0, options.Nodes).Fill(new Node { Known = true });
    }

    private enum SlotState : byte
    {
        /// <summary>No operation.</summary>
        Free,

        /// <summary>In the queue.</summary>
        Queued,

        /// <summary>Told Busy; back into the queue at <see cref="Slot.NotBefore"/>.</summary>
        Waiting,

        /// <summary>On its way; the outcome is open.</summary>
        Sent,
    }

    /// <inheritdoc/>
    public void Tick(CoreTime now, IClientOutput output)
    {
        _now = long.Max(_now, now.MonotonicMicros);
        Suspect();
        Search(output);
        if (_now >= _scanDue)
        {
            _scanDue = _now + ScanMicros;
            ExpireAndWake(output);
        }

        Drain(output);
    }

    /// <inheritdoc/>
    public void Submit(int slot, in ClientOperation operation, IClientOutput output)
    {
        ref var it = ref _slots[slot];
        Invariant.Holds(it.State == SlotState.Free, "R12 one operation per slot");
        it = new Slot { Operation = operation };
        if (operation.DeadlineMonotonicMicros <= _now)
        {
            Expire(slot, output);
            return;
        }

        Enqueue(slot);
        Drain(output);
    }

    /// <inheritdoc/>
    public bool Receive(NodeId from, ReadOnlyMemory<byte> message, IClientOutput output)
    {
        if (from.Index >= _nodes.Length || message.IsEmpty)
        {
            return false;
        }

        bool wellFormed;
        if (message.Span[0] == (byte)RaftMessageKind.LeaderInfo)
        {
            wellFormed = RaftMessage.TryRead(message, out var info);
            if (wellFormed)
            {
                OnLeaderInfo(from.Index, info, output);
            }
        }
        else
        {
            wellFormed = KvReply.TryRead(message, out var reply) && OnReply(from.Index, reply, output);
        }

        Drain(output);
        return wellFormed;
    }

    /// <inheritdoc/>
    public void LinkUp(NodeId node, IClientOutput output)
    {
        _nodes[node.Index].Up = true;
        if (Searching)
        {
            Ask(node.Index, output);
        }

        Drain(output);
    }

    /// <inheritdoc/>
    public void LinkDown(NodeId node, IClientOutput output)
    {
        _nodes[node.Index].Up = false;
        _counters.LinkBreaks++;
        if (_target == node.Index)
        {
            ForgetLeader();
        }

        if (_openingAt == node.Index)
        {
            StopOpening();
        }

        for (var slot = 0; slot < _slots.Length && _nodes[node.Index].Outstanding > 0; slot++)
        {
            ref var it = ref _slots[slot];
            if (it.State != SlotState.Sent || it.SentTo != node.Index)
            {
                continue;
            }

            SendAgain(slot);
        }

        Search(output);
        Drain(output);
    }

    /// <inheritdoc/>
    public void Report(IStatusSink sink)
    {
        sink.Text("leader", _target < 0 ? "" : new NodeId((byte)_target).ToString());
        sink.Gauge("queued_operations", _queued);
        sink.Counter("sends", (long)_sends);
        sink.Counter("resends", _counters.Resends);
        sink.Counter("not_leader_replies", _counters.NotLeader);
        sink.Counter("busy_replies", _counters.Busy);
        sink.Counter("leader_queries", _counters.Queries);
        sink.Counter("leader_changes", _counters.LeaderChanges);
        sink.Counter("leader_suspicions", _counters.Suspicions);
        sink.Counter("link_breaks", _counters.LinkBreaks);
        sink.Counter("sessions_opened", _counters.Sessions);
        sink.Counter("sessions_expired", _counters.SessionsExpired);
    }

    /// <summary>False: the answer is malformed, and nothing was changed.</summary>
    private bool OnReply(int from, in KvReply reply, IClientOutput output)
    {
        var slot = (int)(reply.CorrelationId & ((1UL << SlotBits) - 1));
        if (slot == SessionSlot)
        {
            return OnSessionReply(from, reply, output);
        }

        if (slot >= _slots.Length || _slots[slot].State != SlotState.Sent
            || _slots[slot].CorrelationId != reply.CorrelationId || _slots[slot].SentTo != from)
        {
            Heard(from);
            return true;
        }

        ref var it = ref _slots[slot];
        var kind = it.Operation.Kind;
        var scanned = kind == KvKind.Scan && reply.Status == KvStatus.Ok;
        var entries = scanned ? KvEntryCodec.TryRead(reply.Entries) : null;
        if (scanned && entries is null)
        {
            return false;
        }

        Heard(from);
        switch (reply.Status)
        {
            case KvStatus.Ok:
            case KvStatus.NotFound:
                Trust(from);
                var missing = kind == KvKind.Get && reply.Status == KvStatus.NotFound;
                Complete(
                    slot,
                    new ClientResult
                    {
                        Outcome = missing ? KvOutcome.NotFound : KvOutcome.Ok, Value = reply.Value,
                        Entries = entries, Rounds = it.Rounds,
                    },
                    output);
                break;
            case KvStatus.NotLeader:
                _counters.NotLeader++;
                Requeue(slot);
                FollowHint(from, reply.LeaderHint);
                Search(output);
                break;
            case KvStatus.PreconditionFailed:
                Trust(from);
                Complete(slot, KvOutcome.PreconditionFailed, "the key holds another value than expected", output);
                break;
            case KvStatus.Rejected:
                Complete(slot, it.IsDoubtful ? KvOutcome.Unknown : KvOutcome.Failed, "the node rejected it", output);
                break;
            case KvStatus.SessionExpired:
                OnSessionExpired(slot, output);
                break;
            case KvStatus.Unknown when !it.IsRead:
                // Leadership was lost after the write was appended.
                SendAgain(slot);
                FollowHint(from, reply.LeaderHint);
                Search(output);
                break;
            default:
                _counters.Busy++;
                BackOff(slot);
                break;
        }

        return true;
    }

    private struct Slot
    {
        public ClientOperation Operation;
        public SlotState State;

        /// <summary>Number of the last send and this slot; answers to earlier ones are ignored.</summary>
        public ulong CorrelationId;
        public int SentTo;
        public long NotBefore;
        public byte Rounds;
        public byte Refusals;

        /// <summary>A write's number, and the session it is of; 0: none yet.</summary>
        public ulong Sequence;
        public ulong Session;

        /// <summary>A sending of it got no answer: it may have been applied.</summary>
        public bool IsDoubtful;

        /// <summary>Neighbours in the queue while queued.</summary>
        public int Next;
        public int Previous;

        public readonly bool IsRead => Operation.Kind is KvKind.Get or KvKind.Scan;
    }

    /// <summary>A list through the slots; -1 ends it.</summary>
    private struct Line()
    {
        public int Head = -1;
        public int Tail = -1;
    }

    private struct Node
    {
        /// <summary>The host has it, from the start or because a leader that was added later was named.</summary>
        public bool Known;
        public bool Up;
        public int Outstanding;
    }

    private struct Counters
    {
        public long Resends;
        public long NotLeader;
        public long Busy;
        public long Queries;
        public long LeaderChanges;
        public long Suspicions;
        public long LinkBreaks;
        public long Sessions;
        public long SessionsExpired;
    }
}
