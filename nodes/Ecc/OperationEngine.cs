using System.Numerics;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Runs the operation machines of ecc-protocol's client: slots, timers, links, replies. A client drives one
/// for its operations, a node one for thin clients and its own repairs.
/// </summary>
internal sealed class OperationEngine
{
    /// <summary>Gets that scans may have under way, all together.</summary>
    internal const int ScanGetSlots = 64;
    private const int IndexBits = 20;
    private const long TimerGrainMicros = 1_000;
    private const long FirstResendMicros = 250_000;
    private const int MaxResends = 6;

    private readonly IEnginePort _port;
    private readonly OperationSlot?[] _slots;
    private readonly OperationSlot[] _active;
    private readonly Stack<int> _freeScanGets = new(ScanGetSlots);
    private readonly int _outsideSlots;
    private readonly uint[] _known;
    private readonly PutMachine _puts;
    private readonly GetMachine _gets;
    private readonly ScanMachine _scans;
    private int _activeCount;
    private ulong _sequence;
    private long _timersCheckedAt = long.MinValue / 2;

    internal OperationEngine(EccCode code, uint clientId, in EngineOptions options, IEnginePort port)
    {
        var slots = options.Slots;
        ArgumentOutOfRangeException.ThrowIfLessThan(slots, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(slots, (1 << IndexBits) - ScanGetSlots);
        ArgumentOutOfRangeException.ThrowIfNegative(options.LeastHedgeMicros);
        Code = code;
        ClientId = clientId;
        Options = options;
        Health = new PeerHealth(code.Nodes, options.LeastHedgeMicros);
        Counters = new EngineCounters(code.DataElements);
        _port = port;
        _outsideSlots = slots;
        _slots = new OperationSlot?[slots + ScanGetSlots];
        _active = new OperationSlot[_slots.Length];
        _known = new uint[code.Nodes];
        for (var i = ScanGetSlots - 1; i >= 0; i--)
        {
            _freeScanGets.Push(slots + i);
        }

        _puts = new PutMachine(this);
        _gets = new GetMachine(this);
        _scans = new ScanMachine(this);
    }

    internal EccCode Code { get; }

    internal uint ClientId { get; set; }

    internal EngineOptions Options { get; }

    internal bool IsPlanted(EccMutants bug) => (Options.Mutants & bug) != 0;

    internal PeerHealth Health { get; }

    internal TagClock Clock { get; } = new();

    internal EngineCounters Counters { get; }

    internal long NowMicros { get; private set; }

    /// <summary>Called with every incarnation of a node that replies make known.</summary>
    internal Action<int, uint>? OnKnown { get; set; }

    internal int ActiveCount => _activeCount;

    /// <summary>Version the operation that ended last wrote or returned; for tests of E5.</summary>
    internal EccVersion LastVersion { get; private set; }

    internal PutMachine Puts => _puts;

    internal GetMachine Gets => _gets;

    /// <summary>Advances time; checks timers at most once per millisecond.</summary>
    internal void Tick(CoreTime now)
    {
        NowMicros = now.MonotonicMicros;
        Clock.Advance(now.WallMicros);
        if (NowMicros - _timersCheckedAt < TimerGrainMicros)
        {
            return;
        }

        _timersCheckedAt = NowMicros;
        Health.Refresh();

        // Backwards: an operation that ends swaps the last one, already visited or new, into its place.
        for (var i = _activeCount - 1; i >= 0; i--)
        {
            if (i < _activeCount)
            {
                CheckTimers(_active[i]);
            }
        }
    }

    private void CheckTimers(OperationSlot slot)
    {
        if (NowMicros >= slot.DeadlineMicros)
        {
            Expire(slot);
            return;
        }

        var id = slot.Id;
        if (NowMicros >= slot.HedgeAtMicros)
        {
            Hedge(slot);
        }

        if (slot.Id == id && NowMicros >= slot.ResendAtMicros && slot.Resends < MaxResends)
        {
            slot.ResendAtMicros = NowMicros + (ResendMicros << ++slot.Resends);
            Counters.Resends++;
            for (var rest = Health.Up & Unsettled(slot); rest != 0 && slot.Id == id; rest &= rest - 1)
            {
                Resend(slot, BitOperations.TrailingZeroCount(rest));
            }
        }

        if (slot.Id == id && slot.Phase == OperationPhase.ScanGets)
        {
            _scans.Pump(slot);
        }
    }

    private void Expire(OperationSlot slot)
    {
        if (slot.Phase == OperationPhase.PreWrite)
        {
            _puts.Retract(slot);
        }

        var write = slot.IsWrite || slot.IsPutPhase;
        if (write && slot.AnythingSent)
        {
            Counters.UnknownOutcomes++;
            Finish(slot, new ClientResult { Outcome = KvOutcome.Unknown, Reason = "deadline" });
            return;
        }

        Finish(slot, new ClientResult
        {
            Outcome = KvOutcome.Failed,
            Reason = slot.AnythingSent ? "deadline" : "no node reachable",
        });
    }

    private void Hedge(OperationSlot slot)
    {
        slot.HedgeAtMicros = NowMicros + (2 * HedgeMicros(slot));
        var late = slot.Targets & Unsettled(slot);
        for (var rest = late; rest != 0; rest &= rest - 1)
        {
            Health.TimedOut(BitOperations.TrailingZeroCount(rest), NowMicros);
        }

        slot.GaveUp |= late;
        if (slot.IsPutPhase)
        {
            _puts.OnHedge(slot);
        }
        else if (slot.Phase is OperationPhase.Read or OperationPhase.ReadFinalize)
        {
            _gets.OnHedge(slot);
        }
        else if (slot.Phase == OperationPhase.Scan)
        {
            _scans.OnHedge(slot);
        }
    }

    /// <summary>Nodes whose answer to what is asked now is still missing.</summary>
    private uint Unsettled(OperationSlot slot) => slot.Phase switch
    {
        OperationPhase.PreWrite => ~slot.Gens[slot.GenCount - 1].Acked,
        OperationPhase.Finalize => ~slot.FinalizeAcks,
        OperationPhase.Read => ~slot.Votes,
        OperationPhase.ReadFinalize => GetMachine.Unsettled(slot),
        OperationPhase.Scan => ~slot.Answered,
        _ => 0,
    };

    private void Resend(OperationSlot slot, int node)
    {
        switch (slot.Phase)
        {
            case OperationPhase.PreWrite or OperationPhase.Finalize:
                _puts.SendTo(slot, node);
                break;
            case OperationPhase.Read or OperationPhase.ReadFinalize:
                _gets.SendTo(slot, node);
                break;
            case OperationPhase.Scan:
                _scans.SendTo(slot, node);
                break;
            default:
                break;
        }
    }

    /// <summary>Begins an operation in a free slot that the owner chose.</summary>
    internal void Submit(int index, OperationKind kind, in ClientOperation operation)
    {
        var slot = Open(index, kind, operation.Key, operation.DeadlineMonotonicMicros);
        slot.Value = operation.Value;
        slot.ScanLimit = operation.ScanLimit;
        switch (kind)
        {
            case OperationKind.Put or OperationKind.Delete:
                _puts.Begin(slot);
                break;
            case OperationKind.Scan:
                _scans.Begin(slot);
                break;
            default:
                _gets.Begin(slot);
                break;
        }
    }

    /// <summary>A get for a scan; false when all of their slots are busy.</summary>
    internal bool TrySubmitScanGet(OperationSlot parent, int position, ReadOnlyMemory<byte> key)
    {
        if (!_freeScanGets.TryPop(out var index))
        {
            return false;
        }

        var slot = Open(index, OperationKind.ScanGet, key, parent.DeadlineMicros);
        slot.Parent = parent;
        slot.ParentId = parent.Id;
        slot.ParentPosition = position;
        _gets.Begin(slot);
        return true;
    }

    private OperationSlot Open(int index, OperationKind kind, ReadOnlyMemory<byte> key, long deadlineMicros)
    {
        var slot = _slots[index] ??= new OperationSlot(index, Code.Nodes, Code.DataElements);
        Renew(slot);
        slot.Kind = kind;
        slot.Key = key;
        slot.KeyHash = EccCode.HashOf(key.Span);
        slot.DeadlineMicros = deadlineMicros;
        slot.ActiveIndex = _activeCount;
        _active[_activeCount++] = slot;
        Counters.Operations++;
        return slot;
    }

    /// <summary>
    /// Gives the slot a new id: answers to what was asked under the old one are ignored from now on.
    /// </summary>
    internal void Renew(OperationSlot slot) => slot.Id = (++_sequence << IndexBits) | (uint)slot.Index;

    /// <summary>True while the slot holds an operation.</summary>
    internal bool IsBusy(int index) => _slots[index] is { ActiveIndex: >= 0 };

    /// <summary>
    /// Ends an operation. The last thing a machine does with a slot: it may be in use again on return.
    /// </summary>
    internal void Finish(OperationSlot slot, in ClientResult result)
    {
        var last = _active[--_activeCount];
        _active[slot.ActiveIndex] = last;
        last.ActiveIndex = slot.ActiveIndex;
        slot.ActiveIndex = -1;
        slot.Id = 0;
        LastVersion = slot.IsWrite ? slot.Chosen : slot.Target;
        Counters.Rounds += slot.Rounds;
        if (slot.IsWrite && result.Outcome == KvOutcome.Ok)
        {
            Counters.WritesOfWidth[slot.Chosen.Width]++;
        }

        if (result.Degraded && !slot.IsWrite)
        {
            Counters.DegradedReads++;
        }

        if (slot.Kind == OperationKind.ScanGet)
        {
            var parent = slot.Parent!;
            var parentId = slot.ParentId;
            var position = slot.ParentPosition;
            slot.Reset();
            _freeScanGets.Push(slot.Index);
            if (parent.Id == parentId)
            {
                _scans.OnGet(parent, position, result);
            }

            return;
        }

        // The owner reads key and version during Completed, and may submit to the same slot from there: so
        // the fields are cleared first, save those it reads.
        var key = slot.Key;
        var target = slot.Target;
        slot.Reset();
        slot.Key = key;
        slot.Target = target;
        _port.Completed(slot, result);
    }

    /// <summary>Starts a message round: answers and timers begin anew.</summary>
    internal void BeginPhase(OperationSlot slot, OperationPhase phase)
    {
        slot.Phase = phase;
        slot.Rounds = (byte)Math.Min(255, slot.Rounds + 1);
        slot.Targets = slot.Answered = slot.GaveUp = 0;
        slot.SentAtMicros = NowMicros;
        slot.HedgeAtMicros = NowMicros + HedgeMicros(slot);
        slot.ResendAtMicros = NowMicros + ResendMicros;
        slot.Resends = 0;
    }

    private long ResendMicros => FirstResendMicros + Options.LeastHedgeMicros;

    private long HedgeMicros(OperationSlot slot) => slot.Phase switch
    {
        OperationPhase.PreWrite or OperationPhase.Finalize => Health.WriteHedgeMicros,
        OperationPhase.Scan => 4 * Health.WriteHedgeMicros,
        _ => Health.ReadHedgeMicros,
    };

    internal Span<byte> Begin(OperationSlot slot, int node, int maxBytes)
    {
        slot.Targets |= 1u << node;
        slot.AnythingSent = true;
        return _port.Begin(node, maxBytes);
    }

    /// <summary>A message outside the book-keeping of targets.</summary>
    internal Span<byte> BeginAside(int node, int maxBytes) => _port.Begin(node, maxBytes);

    internal void End(int writtenBytes)
    {
        Counters.MessagesSent++;
        Counters.BytesSent += writtenBytes;
        _port.End(writtenBytes);
    }

    internal void LinkUp(int node)
    {
        Health.LinkUp(node);
        for (var i = _activeCount - 1; i >= 0; i--)
        {
            if (i < _activeCount && (Unsettled(_active[i]) & (1u << node)) != 0)
            {
                Resend(_active[i], node);
            }
        }
    }

    internal void LinkDown(int node)
    {
        Health.LinkDown(node);
        for (var i = _activeCount - 1; i >= 0; i--)
        {
            if (i >= _activeCount)
            {
                continue;
            }

            var slot = _active[i];
            switch (slot.Phase)
            {
                case OperationPhase.PreWrite:
                    _puts.OnLinkDown(slot, node);
                    break;
                case OperationPhase.Read when (slot.Targets & ~slot.Answered & (1u << node)) != 0:
                    _gets.OnHedge(slot);
                    break;
                case OperationPhase.Scan when (slot.Targets & ~slot.Answered & (1u << node)) != 0:
                    _scans.OnHedge(slot);
                    break;
                default:
                    break;
            }
        }
    }

    internal void OnPreWriteAck(int node, in EccPreWriteAck ack)
    {
        if (TryTakeReply(node, ack.Head, write: true, out var slot) && slot.Phase == OperationPhase.PreWrite)
        {
            _puts.OnPreWriteAck(slot, node, ack);
        }
    }

    internal void OnFetchReply(int node, in EccFetchReply reply)
    {
        if (!TryTakeReply(node, reply.Head, write: false, out var slot))
        {
            return;
        }

        if (slot.Phase == OperationPhase.Finalize)
        {
            _puts.OnFinalizeAck(slot, node, reply.Head.Fin);
        }
        else if (slot.Phase is OperationPhase.Read or OperationPhase.ReadFinalize)
        {
            _gets.OnReply(slot, node, reply.Element);
        }
    }

    internal void OnScanReply(int node, in EccScanReply reply)
    {
        if (TryTakeReply(node, reply.Head, write: null, out var slot) && slot.Phase == OperationPhase.Scan
            && reply.Head.Ready)
        {
            _scans.OnReply(slot, node, reply);
        }
    }

    /// <summary>Why operations fail while more than f nodes are empty.</summary>
    internal const string Lost = "LOST: more nodes than are tolerated are empty";

    /// <summary>
    /// A node says that more than f are empty. When as many say so that q votes cannot come, the operation has
    /// failed: an un-finalised put for certain, since only its writer would ever finalise it.
    /// </summary>
    internal void OnRefusal(int node, ulong operationId)
    {
        var index = (int)(operationId & ((1u << IndexBits) - 1));
        if (index >= _slots.Length || _slots[index] is not { } slot || slot.Id != operationId
            || slot.Phase == OperationPhase.ScanGets)
        {
            return;
        }

        slot.Refused |= 1u << node;
        if (BitOperations.PopCount(slot.Refused) <= Code.Tolerated)
        {
            return;
        }

        if (slot.Phase == OperationPhase.PreWrite)
        {
            _puts.Retract(slot);
        }

        Finish(slot, new ClientResult
        {
            Outcome = slot.Phase == OperationPhase.Finalize || slot is { IsWrite: false, IsPutPhase: true }
                ? KvOutcome.Unknown
                : KvOutcome.Failed,
            Reason = Lost,
        });
    }

    /// <summary>
    /// Finds the operation a reply belongs to and applies rule CV and the vote to it. <paramref
    /// name="write"/> says which response times it is a sample of; null: of none (a scan's work depends on
    /// its length).
    /// </summary>
    private bool TryTakeReply(int node, in EccReplyHead head, bool? write, out OperationSlot slot)
    {
        slot = null!;
        Clock.See(head.Fin.Hlc);
        MergeKnown(node, head);
        Health.ProbeAnswered(node, head.OperationId, NowMicros);
        var index = (int)(head.OperationId & ((1u << IndexBits) - 1));
        if (index >= _slots.Length || _slots[index] is not { } found || found.Id != head.OperationId)
        {
            return false;
        }

        slot = found;
        if (head.Incarnation < _known[node] && !IsPlanted(EccMutants.CrashVectorIgnored))
        {
            // The node was asked again when its later incarnation became known; what goes on answering so is over, and
            // asking it at once would never end.
            Counters.VoidAcks++;
            return false;
        }

        var bit = 1u << node;
        if (write is { } isWrite && (slot.Answered & slot.Targets & bit) == 0)
        {
            Health.Answered(node, NowMicros - slot.SentAtMicros, isWrite);
        }

        slot.Answered |= bit;
        slot.GaveUp &= ~bit;
        slot.Refused &= ~bit;
        slot.Acks |= bit;
        slot.Votes |= head.Ready ? bit : 0;
        if (head.Fin > slot.Fins[node])
        {
            slot.Fins[node] = head.Fin;
        }

        return true;
    }

    /// <summary>
    /// Rule CV. When an incarnation turns out to be newer than known, whatever the node acked before is
    /// void: all of it came from an older one.
    /// </summary>
    private void MergeKnown(int node, in EccReplyHead head)
    {
        Raise(node, head.Incarnation);
        for (var i = 0; i < Math.Min(head.KnownCount, _known.Length); i++)
        {
            Raise(i, head.KnownOf(i));
        }
    }

    private void Raise(int node, uint incarnation)
    {
        if (incarnation <= _known[node])
        {
            return;
        }

        _known[node] = incarnation;
        OnKnown?.Invoke(node, incarnation);
        if (IsPlanted(EccMutants.CrashVectorIgnored))
        {
            return;
        }

        for (var i = _activeCount - 1; i >= 0; i--)
        {
            if ((_active[i].Acks & (1u << node)) != 0)
            {
                Counters.VoidAcks++;
                _active[i].Void(node);
                _active[i].Scan?.Void(node);
                AskAgain(_active[i], node);
            }
        }
    }

    /// <summary>What a node had answered is void; where a Finalize rested on that, it goes to all once more.</summary>
    private void AskAgain(OperationSlot slot, int node)
    {
        if (_gets.BeginsAgain(slot))
        {
            return;
        }

        var again = 0u;
        if (slot.Phase is OperationPhase.Finalize or OperationPhase.ReadFinalize && slot.EvidenceNode == node)
        {
            // What the nodes say to the one sent before no longer says anything about the version.
            again = Unsettled(slot) & slot.Targets;
            slot.Fenced = 0;
            Renew(slot);
        }

        for (var rest = again | (1u << node); rest != 0; rest &= rest - 1)
        {
            Resend(slot, BitOperations.TrailingZeroCount(rest));
        }
    }

    /// <summary>
    /// What a node acknowledged, as of its latest known incarnation: every ack that counts is of that one.
    /// </summary>
    internal EccEvidence EvidenceOf(int node, bool isWriters) =>
        node < 0 ? new EccEvidence(EccEvidence.NoNode, 0, isWriters) : new EccEvidence(node, _known[node], isWriters);

    /// <summary>Ends everything that is under way: this node's memory is given up.</summary>
    internal void AbandonAll()
    {
        // Scans before their gets, which they would begin again.
        foreach (var scanGets in (ReadOnlySpan<bool>)[false, true])
        {
            for (var i = _activeCount - 1; i >= 0; i--)
            {
                if (i < _activeCount && _active[i].Kind == OperationKind.ScanGet == scanGets)
                {
                    Finish(_active[i], new ClientResult { Outcome = KvOutcome.Unknown, Reason = "the node was reset" });
                }
            }
        }
    }
}
