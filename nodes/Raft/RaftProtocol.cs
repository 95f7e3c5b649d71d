using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// The consensus algorithm alone (Ongaro and Ousterhout, "In Search of an Understandable Consensus
/// Algorithm", extended version; sections are those of that paper unless the thesis is named): messages,
/// time and storage completions in; messages, entries to write and a commit index out. It knows neither
/// clients nor the store. Outputs wait until the owner collects them at the end of a batch: first what is to
/// be written, then <see cref="Outbox"/>, then appends.
/// </summary>
internal sealed partial class RaftProtocol
{
    /// <summary>No node.</summary>
    public const int None = -1;

    /// <summary>
    /// Pre-votes in quick succession after the leader's stream broke; then the usual timeout again.
    /// </summary>
    private const int Hurries = 12;

    private readonly RaftOptions _options;
    private readonly SplitMix64 _random;
    private readonly MemberTracker _tracker;
    private readonly MemberTimes[] _times = new MemberTimes[PeerSet.Slots];

    /// <summary>
    /// Log groups on their way to the disk, and the last index each makes durable. Clamped on truncation.
    /// </summary>
    private readonly RingQueue<(long Sequence, ulong LastIndex)> _writing = new();

    private long _now;

    /// <summary>
    /// When a node that is not leader begins a pre-vote. Renewed by leaders and by granted votes (5.2).
    /// </summary>
    private long _electionDeadline;

    /// <summary>
    /// When a follower heard its leader last; within an election timeout of it no vote is given (thesis,
    /// 4.2.3).
    /// </summary>
    private long _leaderContact;

    /// <summary>
    /// The leader seen in this term, kept when its link breaks; None before any was seen. For R1.
    /// </summary>
    private int _termLeader = None;

    /// <summary>Quick pre-votes left.</summary>
    private int _hurry;

    /// <summary>When our disk last made something durable, or was given something after it had nothing.</summary>
    private long _diskProgressMicros;

    public RaftProtocol(RaftOptions options)
    {
        _options = options;
        _random = new SplitMix64(options.Seed ^ ((ulong)(options.Self.Index + 1) * 0xD1B54A32D192ED03UL));
        Log = new EntryLog(options.LogChunkBytes);
        _tracker = new MemberTracker(options.WindowMessages, options.WindowBytes);
        Book = new MemberBook(options.Nodes);
        var founder = options.Self.Index < options.Nodes && !options.Amnesia;
        _founding = new Founding(
            options.Self.Index, options.Nodes, options.Nonce, founder && options.Volatile,
            FoundingPatience * options.ElectionTimeoutMicros, IsPlanted(RaftMutants.FoundByMajority));
        if (founder && (!options.Volatile || IsPlanted(RaftMutants.RejoinAsFounder)))
        {
            TakePart(1);
            Found();
        }
    }

    /// <summary>
    /// Latest term seen; written before anything that depends on it leaves. Never falls (R9).
    /// </summary>
    public ulong Term { get; private set; }

    /// <summary>
    /// Whom this node voted for in <see cref="Term"/>, or nobody. Set at most once per term (R8).
    /// </summary>
    public MemberId Vote { get; private set; }

    /// <summary>
    /// The leader this node follows, itself when it leads, or None. A hint, not part of safety.
    /// </summary>
    public int Leader { get; private set; } = None;

    public RaftRole Role { get; private set; }

    /// <summary>Every entry up to here is committed and in our log. Never falls in a life (R7).</summary>
    public ulong Commit { get; private set; }

    /// <summary>Every entry up to here was applied to the store. At most <see cref="Commit"/>.</summary>
    public ulong Applied { get; private set; }

    /// <summary>
    /// Our log is durable up to here. At most the last index; falls only when entries are overruled.
    /// </summary>
    public ulong Durable { get; private set; }

    /// <summary>First entry not yet handed to the disk.</summary>
    public ulong Unwritten { get; private set; } = 1;

    /// <summary>Every member holds the log durably up to here, as far as we know. Never falls.</summary>
    public ulong Trim { get; private set; }

    /// <summary>The highest commit index any leader told, perhaps beyond our log.</summary>
    public ulong KnownCommit { get; private set; }

    /// <summary>Term, vote or both changed since they were written.</summary>
    public bool HardStateDirty { get; private set; }

    /// <summary>
    /// The commit index when this node last stopped leading: what it had proposed beyond is undecided.
    /// </summary>
    public ulong CommitAtStepDown { get; private set; }

    /// <summary>A planted bug.</summary>
    public bool ForgetsVotes => IsPlanted(RaftMutants.VoteNotPersisted);

    /// <summary>The entries.</summary>
    public EntryLog Log { get; }

    /// <summary>Messages other than appends, in order of creation.</summary>
    public List<Outgoing> Outbox { get; } = new(64);

    /// <summary>Elections this node began (real ones).</summary>
    public long Elections { get; private set; }

    /// <summary>Pre-votes this node began.</summary>
    public long PreVotes { get; private set; }

    /// <summary>
    /// Before this time a tick changes nothing, whatever else comes; check-quorum apart, which is looked at
    /// with the heartbeats at the latest.
    /// </summary>
    public long NextDueMicros =>
        Role == RaftRole.Leader ? _heartbeatDue : Incarnation == 0 ? _joinDue : _electionDeadline;

    private int Self => _options.Self.Index;

    /// <summary>Takes back incarnation, term and vote (5.1: on stable storage).</summary>
    public void RecoverHardState(ulong term, MemberId vote, uint incarnation)
    {
        Invariant.Holds(term >= Term, "R9 term never falls");
        (Term, Vote) = (term, IsPlanted(RaftMutants.VoteTwiceAfterRestart) ? MemberId.None : vote);
        Incarnation = incarnation;
        _self = Roster.SlotOf(Me);
        if (incarnation == 1 && Roster.Configuration.Members.IsEmpty)
        {
            Found();
        }
        else if (incarnation == 0)
        {
            // It lost its memory earlier and was not welcomed yet.
            _tracker.Restore(Roster.Empty, 1);
        }
    }

    /// <summary>Takes back entries; they replace everything from their first index on.</summary>
    public void RecoverEntries(ReadOnlySpan<byte> entries, ulong commitHint, ulong trimHint)
    {
        var first = true;
        while (!entries.IsEmpty)
        {
            var readable = RaftEntryCodec.TryRead(entries, out var entry);
            if (readable && (entry.Index > Log.LastIndex + 1 || (!IsAnchored && entry.Index <= Log.BaseIndex)))
            {
                // What came before was released: a checkpoint that follows tells what it amounted to. Entries that
                // were overruled later may come first.
                Log.Restart(entry.Index - 1);
                IsAnchored = false;
            }

            Invariant.Holds(readable && entry.Index <= Log.LastIndex + 1, "R3 log matching");
            NoteConfiguration(entry);
            if (first && entry.Index <= Log.LastIndex)
            {
                Invariant.Holds(entry.Index > Commit, "R4 leader completeness");
                Log.TruncateFrom(entry.Index);
            }

            Log.AddCopy(entry.Term, entries[..entry.Bytes]);
            entries = entries[entry.Bytes..];
            first = false;
        }

        Durable = Log.LastIndex;
        Unwritten = Log.LastIndex + 1;
        Trim = ulong.Max(Trim, trimHint);
        Advance(ulong.Min(commitHint, Log.LastIndex));
    }

    /// <summary>
    /// Begins after recovery. A node that hears no leader asks soon: a pre-vote harms nobody.
    /// </summary>
    public void Start(long nowMicros)
    {
        _now = nowMicros;
        _leaderContact = nowMicros - _options.ElectionTimeoutMicros;
        KnownCommit = Commit;
        HardStateDirty |= _options.Amnesia && Incarnation == 0;
        Invariant.Holds(IsAnchored, "R3 log matching");
        Invariant.Holds(Log.LastTerm <= Term, "R9 term never falls");
        BeginPromise();
        Hurry();
        if (Incarnation == 0 && _founding.Consider())
        {
            TakeFoundersPart();
        }
    }

    /// <summary>Advances time: election timeouts, heartbeats, check-quorum.</summary>
    public void Tick(long nowMicros)
    {
        ForgiveStall(nowMicros - _now);
        _now = long.Max(_now, nowMicros);
        _promise.Tick(_now);
        if (Role == RaftRole.Leader)
        {
            TickLeader();
        }
        else if (Incarnation == 0)
        {
            TickJoining();
        }
        else if (_now >= _electionDeadline)
        {
            BeginPreVoteUnlessPromised();
        }
    }

    /// <summary>Handles a message from a peer; the codec has checked its form.</summary>
    public void Step(int from, in RaftMessage message)
    {
        if (!message.IsBetweenMembers || message.Kind == RaftMessageKind.Welcome)
        {
            StepOutside(from, message);
            return;
        }

        // What was meant for a former life is none of this one's business.
        if (Incarnation == 0 || (message.To != Incarnation && !IsPlanted(RaftMutants.StaleIncarnation)))
        {
            return;
        }

        if (message.Kind is RaftMessageKind.VoteReply or RaftMessageKind.PreVoteReply)
        {
            LearnCommit(message);
        }

        if (message.Term > Term && !MeetHigherTerm(from, message))
        {
            return;
        }

        if (message.Term < Term && !TakesOldVote(message))
        {
            RefuseLowerTerm(from, message);
            return;
        }

        switch (message.Kind)
        {
            case RaftMessageKind.Append:
                FollowOrStop(from);
                OnAppend(from, message);
                break;
            case RaftMessageKind.Heartbeat:
                FollowOrStop(from);
                OnHeartbeat(from, message);
                break;
            case RaftMessageKind.SnapshotChunk:
                FollowOrStop(from);
                break;
            case RaftMessageKind.AppendReply
                when Role == RaftRole.Leader && SlotOf(from, message) is >= 0 and var slot:
                OnAppendReply(slot, message);
                break;
            case RaftMessageKind.SnapshotReply
                when Role == RaftRole.Leader && SlotOf(from, message) is >= 0 and var slot:
                _times[slot].HeardMicros = _now;
                break;
            case RaftMessageKind.HeartbeatReply
                when Role == RaftRole.Leader && SlotOf(from, message) is >= 0 and var slot:
                OnHeartbeatReply(slot, message);
                break;
            case RaftMessageKind.TimeoutNow when Leader == from:
                OnTimeoutNow();
                break;
            case RaftMessageKind.Vote or RaftMessageKind.PreVote:
                OnVoteRequest(from, message);
                break;
            case RaftMessageKind.VoteReply when Role == RaftRole.Candidate:
            case RaftMessageKind.PreVoteReply when Role == RaftRole.PreCandidate
                && (!message.Yes || message.Term == Term + 1):
                OnVoteReply(SlotOf(from, message), message.Yes);
                break;
            default:
                break;
        }
    }

    /// <summary>The stream to a peer can carry messages.</summary>
    public void LinkUp(int peer)
    {
        _cutOff &= ~(1u << peer);
        if (Incarnation == 0)
        {
            Send(peer, _founding.Join);
        }
        else if (Role == RaftRole.Leader)
        {
            ProbeNode(peer, wait: false);
        }
        else if (Leader == None && Role != RaftRole.Candidate)
        {
            Hurry();
        }
    }

    /// <summary>The stream to a peer broke; what was sent may be lost.</summary>
    public void LinkDown(int peer)
    {
        _cutOff |= 1u << peer;
        if (Role == RaftRole.Leader)
        {
            ProbeNode(peer, wait: true);
        }
        else if (Leader == peer)
        {
            // The leader's process is probably gone: its followers need not wait for the whole timeout. The
            // lease that makes them refuse pre-votes ends too; a leader that lives keeps the others'
            // refusal.
            Leader = None;
            _leaderContact = _now - _options.ElectionTimeoutMicros;
            Hurry();
        }
    }

    /// <summary>Term and vote are written once more: the record that holds them is to go.</summary>
    public void RewriteHardState() => HardStateDirty = true;

    /// <summary>Everything not yet written was handed to the log under this sequence.</summary>
    public void Written(LogSequence sequence)
    {
        HardStateDirty = false;
        if (_selfVote == SelfVote.Wanted)
        {
            (_selfVote, _selfVoteSequence) = (SelfVote.Writing, sequence.Value);
        }

        if (Unwritten <= Log.LastIndex)
        {
            Unwritten = Log.LastIndex + 1;
            if (_writing.Count == 0)
            {
                _diskProgressMicros = _now;
            }

            _writing.Add() = (sequence.Value, Log.LastIndex);
        }
    }

    /// <summary>
    /// Records up to this sequence are durable: our own vote and our own match count only now.
    /// </summary>
    public void StorageDone(LogSequence upTo)
    {
        while (_writing.Count > 0 && _writing[0].Sequence <= upTo.Value)
        {
            Durable = ulong.Max(Durable, _writing[0].LastIndex);
            _writing.RemoveFront();
            _diskProgressMicros = _now;
        }

        if (_selfVote == SelfVote.Writing && _selfVoteSequence <= upTo.Value)
        {
            _selfVote = SelfVote.Counted;
            OnVoteReply(_self, granted: true);
        }

        if (Role == RaftRole.Leader)
        {
            AdvanceByQuorum();
        }
    }

    /// <summary>The next committed entry was applied.</summary>
    public void AppliedNext()
    {
        Invariant.Holds(Applied < Commit, "R5 state machine safety");
        Applied++;
    }

    /// <summary>Drops entries nobody needs, and beyond the memory bound the oldest applied ones.</summary>
    public void DropUnneeded()
    {
        if (!IsAnchored)
        {
            return;
        }

        var free = ulong.Min(Applied, Durable);
        Log.DropTo(ulong.Min(Trim, free));
        var kept = _options.RetainedLogBytes;
        while (Log.Bytes > kept && Log.BaseIndex < free)
        {
            // What follows a snapshot under way is kept as long as it can be: else the next one is needed at once.
            if (Log.BaseIndex >= NeededFrom && Log.Bytes <= SnapshotKeepFactor * kept)
            {
                break;
            }

            Log.DropTo(Log.BaseIndex + 1);
        }
    }

    /// <summary>
    /// Messages of a term that is over are pointless, and their promises may no longer be on the disk.
    /// </summary>
    public bool IsCurrent(in Outgoing outgoing) => outgoing.Message.Term >= Term;

    /// <summary>
    /// Time in which this process did not run is not held against others: their messages may wait unread.
    /// Without this a busy machine elects leader after leader. Check-quorum and timeouts concern liveness
    /// only, so the delay is harmless.
    /// </summary>
    private void ForgiveStall(long gapMicros)
    {
        if (gapMicros <= _options.HeartbeatMicros)
        {
            return;
        }

        // A heartbeat's worth of every gap counts: else a process that only runs in slices would never elect.
        gapMicros -= _options.HeartbeatMicros;
        _electionDeadline += gapMicros;
        _leaderContact += gapMicros;
        _diskProgressMicros += gapMicros;
        for (var i = 0; i < _times.Length; i++)
        {
            _times[i].HeardMicros += gapMicros;
        }
    }

    private bool IsPlanted(RaftMutants bug) => (_options.Mutants & bug) != 0;

    private bool TakesOldVote(in RaftMessage message) =>
        IsPlanted(RaftMutants.VoteOfEarlierTerm) && message.Kind == RaftMessageKind.VoteReply && message.Yes;

    private void Advance(ulong commit)
    {
        if (commit > Commit)
        {
            Invariant.Holds(commit <= Log.LastIndex, "R7 commit monotone and within the log");
            Commit = commit;
            KnownCommit = ulong.Max(KnownCommit, commit);
        }
    }

    /// <summary>Answers a member, or tells somebody outside.</summary>
    private void Send(int to, in RaftMessage message, bool afterDurable = false) =>
        Outbox.Add(new Outgoing((byte)to, afterDurable, message with { From = Incarnation }));

    private void Reply(int to, in RaftMessage question, in RaftMessage answer, bool afterDurable = false) =>
        Send(to, answer with { To = question.From }, afterDurable);

    private void SendToSlot(int slot, in RaftMessage message, bool afterDurable = false)
    {
        var member = _tracker.Roster[slot];
        Send(member.Node.Index, message with { To = member.Incarnation }, afterDurable);
    }

    private void SendAll(PeerSet slots, in RaftMessage message, bool afterDurable = false)
    {
        foreach (var slot in slots)
        {
            if (slot != _self)
            {
                SendToSlot(slot, message, afterDurable);
            }
        }
    }
}
