using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// Who belongs to the cluster: section 6, the thesis, chapter 4, and joint changes that leave by themselves. A
/// change is in force on a node once that node has applied it; the next one is proposed only then.
/// </summary>
internal sealed partial class RaftProtocol
{
    /// <summary>Election timeouts after which a promise that others contradict is forgotten.</summary>
    private const int FoundingPatience = 2;

    private readonly Founding _founding;

    /// <summary>Our slot in the roster; -1 while we are no member. Derived from it.</summary>
    private int _self = -1;

    private long _joinDue;

    /// <summary>
    /// No change is proposed before this entry is applied: it may be an earlier one (R11). Leader only.
    /// </summary>
    private ulong _pendingConfiguration;

    /// <summary>
    /// The last entry of ours that changes the members, or later; entries that were overruled may stand here.
    /// </summary>
    private ulong _lastConfiguration;

    /// <summary>Whom the leadership is being handed to, a slot, or None. No writes are taken meanwhile.</summary>
    private int _transferTo = None;
    private long _transferDeadline;
    private bool _transferAsked;

    /// <summary>The read round that ends our leadership after we were removed; 0: none.</summary>
    private ulong _leaveRound;

    /// <summary>
    /// Which life of this node we are; 0 while we have no part in a cluster. Set once (R8: a node without memory
    /// never takes up the part of its former life).
    /// </summary>
    public uint Incarnation { get; private set; }

    /// <summary>The members in force.</summary>
    public Roster Roster => _tracker.Roster;

    /// <summary>What the log says of nodes besides.</summary>
    public MemberBook Book { get; private set; }

    /// <summary>False while a log is taken back whose beginning was released, until its checkpoint is.</summary>
    public bool IsAnchored { get; private set; } = true;

    /// <summary>The leadership is being handed over: writes are refused meanwhile.</summary>
    public bool IsTransferring => _transferTo != None;

    /// <summary>Elections this node began because the leader asked it to.</summary>
    public long Transfers { get; private set; }

    /// <summary>Times this node gave up leading because its disk stood still.</summary>
    public long StuckDisks { get; private set; }

    /// <summary>Members that were replaced by a later life of their node, as leader.</summary>
    public long Replacements { get; private set; }

    /// <summary>True when a change of the members is under way.</summary>
    public bool IsChanging => Roster.Configuration.IsJoint || _pendingConfiguration > Applied;

    /// <summary>A voter that has applied every change it knows to be committed.</summary>
    private bool MayCampaign => _self >= 0 && Roster.Configuration.Voters.Contains(_self)
        && Applied >= ulong.Min(Commit, _lastConfiguration);

    /// <summary>
    /// Proposes a change of the members; false when one is under way or this one cannot be made now. It must be
    /// proposed again by whoever still wants it later.
    /// </summary>
    public bool TryChangeMembers(in MembershipEntry entry)
    {
        var leaves = entry.Change.LeavesJoint && !IsNoteOnly(entry);
        var early = (leaves ? _pendingConfiguration > Applied : IsChanging)
            && !IsPlanted(RaftMutants.ConfigurationTwice);
        if (Role != RaftRole.Leader || IsTransferring || Applied < _termStart || early
            || (!IsNoteOnly(entry) && ConfigurationChanger.Apply(Roster, entry.Change, out _) != ChangeError.None))
        {
            return false;
        }

        var content = new byte[entry.Bytes];
        entry.Write(content);
        _pendingConfiguration = Propose(RaftEntryKind.Configuration, default, content);
        _lastConfiguration = _pendingConfiguration;
        return true;
    }

    /// <summary>
    /// False when a change would leave so few voters who are heard that nothing could be decided any more, not
    /// even its undoing; as leader.
    /// </summary>
    public bool WouldDecide(in ConfigurationChange change)
    {
        if (ConfigurationChanger.Apply(Roster, change, out var next) != ChangeError.None)
        {
            return true;
        }

        var heard = default(PeerSet);
        foreach (var slot in next.Configuration.Voters)
        {
            heard |= slot == _self || _now - _times[slot].HeardMicros <= _options.ElectionTimeoutMicros
                ? PeerSet.Of(slot)
                : default;
        }

        return next.Configuration.Quorum.Result(heard, ~heard) == VoteResult.Won;
    }

    /// <summary>Puts a committed change in force; every node refuses the same ones.</summary>
    public void ApplyConfiguration(ReadOnlySpan<byte> content)
    {
        var readable = MembershipEntry.TryRead(content, out var entry);
        Invariant.Holds(readable, "R5 state machine safety");
        Book.Apply(entry);

        // That it is committed outlives us: who was removed may be gone when we ask for votes next.
        HardStateDirty = true;
        if (!IsNoteOnly(entry) && ConfigurationChanger.Apply(Roster, entry.Change, out var next) == ChangeError.None)
        {
            Adopt(next);
        }
    }

    /// <summary>
    /// Takes the state that a snapshot or checkpoint says (section 7): the store as of an index, and the members
    /// then. False when ours is as new. Whoever calls replaces the store.
    /// </summary>
    public bool Restore(ulong index, ulong term, Roster roster, MemberBook book)
    {
        // While a log is taken back, an old snapshot may be left whose following entries are not: a later one is.
        if (IsAnchored ? Applied >= index : index < Log.BaseIndex)
        {
            return false;
        }

        Invariant.Holds(index >= Log.BaseIndex, "R3 log matching");
        var agrees = index <= Log.LastIndex && (index == Log.BaseIndex || Log.Term(index) == term);
        Invariant.Holds(agrees || index > Commit || !IsAnchored, "R4 leader completeness");
        if (agrees)
        {
            Log.DropTo(index);
            Log.Reanchor(term);
            Unwritten = ulong.Max(Unwritten, index + 1);
        }
        else
        {
            // What lies behind the commit index was overruled: neither it nor the snapshot is durable yet.
            Log.Reset(index, term);
            Unwritten = index + 1;
            Durable = ulong.Min(Durable, Commit);
            for (var i = 0; i < _writing.Count; i++)
            {
                _writing[i].LastIndex = ulong.Min(_writing[i].LastIndex, Commit);
            }
        }

        (Applied, IsAnchored, Book) = (index, true, book);
        Commit = ulong.Max(Commit, index);
        KnownCommit = ulong.Max(KnownCommit, index);
        Trim = ulong.Max(Trim, index);
        _tracker.Restore(roster, Log.LastIndex + 1);
        _self = Roster.SlotOf(Me);
        return true;
    }

    /// <summary>The snapshot that was restored is on its way to the disk under this sequence.</summary>
    public void RestoredUnder(LogSequence sequence) => _writing.Add() = (sequence.Value, Log.BaseIndex);

    /// <summary>The snapshot restored last is durable.</summary>
    public void AcknowledgeSnapshot(int to, uint incarnation, ulong index) => Acknowledge(to, incarnation, index);

    /// <summary>
    /// Hands the leadership over to a node (thesis, 3.10); false when that node is no voter we hear.
    /// </summary>
    public bool TryTransfer(NodeId node)
    {
        var slot = VoterOn(node);
        if (Role != RaftRole.Leader || slot < 0 || slot == _self || IsTransferring
            || _now - _times[slot].HeardMicros > _options.ElectionTimeoutMicros)
        {
            return Role == RaftRole.Leader && slot >= 0 && slot == _self;
        }

        (_transferTo, _transferAsked) = (slot, false);
        _transferDeadline = _now + _options.ElectionTimeoutMicros;
        ContinueTransfer(slot);
        return true;
    }

    /// <summary>
    /// Once a batch, as leader: leaves a joint configuration, replaces former lives that have caught up, and steps
    /// down when it has no vote any more.
    /// </summary>
    public void TendMembers()
    {
        if (Role != RaftRole.Leader)
        {
            return;
        }

        var configuration = Roster.Configuration;
        if (configuration is { IsJoint: true, AutoLeave: true } && _pendingConfiguration <= Applied)
        {
            TryChangeMembers(new MembershipEntry(ConfigurationChange.LeaveJoint, null));
        }
        else if (!configuration.IsJoint && !configuration.Voters.Contains(_self) && _pendingConfiguration <= Applied)
        {
            Leave();
        }
        else if (!IsChanging && !configuration.Learners.IsEmpty)
        {
            ReplaceFormerLives();
        }
    }

    /// <summary>The last entry that may change the members; for tests.</summary>
    internal ulong LastConfiguration => _lastConfiguration;

    /// <summary>What this process has promised while nobody knew anything; for tests.</summary>
    internal ulong FoundersPromise => _founding.Promise;

    /// <summary>
    /// Our part has ended: we lead on until those that stay know it to be committed. Else they would still need
    /// our vote, and we may be gone for good.
    /// </summary>
    private void Leave()
    {
        if (_leaveRound == 0 && _tracker.CommittedIndex() >= _pendingConfiguration)
        {
            _leaveRound = BeginReadRound();
        }

        if (_leaveRound > 0 && ConfirmedRound >= _leaveRound)
        {
            BecomeFollower(Term, None);
        }
    }

    private MemberId Me => new(new NodeId((byte)Self), Incarnation);

    private static bool IsNoteOnly(in MembershipEntry entry) =>
        entry is { Note: not null, Change: { Transition: Transition.Automatic, Changes.IsEmpty: true } };

    private ulong CommittedByQuorum()
    {
        Span<ulong> acknowledged = stackalloc ulong[PeerSet.Slots];
        var configuration = Roster.Configuration;
        if (!IsPlanted(RaftMutants.JointIgnored) || !configuration.IsJoint)
        {
            return _tracker.CommittedIndex();
        }

        foreach (var slot in configuration.Incoming)
        {
            acknowledged[slot] = _tracker[slot].Match;
        }

        return new MajorityQuorum(configuration.Incoming).CommittedIndex(acknowledged);
    }

    private int SlotOf(int from, in RaftMessage message)
    {
        var node = new NodeId((byte)from);
        return IsPlanted(RaftMutants.StaleIncarnation) && VoterOn(node) is >= 0 and var voter
            ? voter
            : Roster.SlotOf(new MemberId(node, message.From));
    }

    private int VoterOn(NodeId node)
    {
        foreach (var slot in Roster.Configuration.Incoming)
        {
            if (Roster[slot].Node == node)
            {
                return slot;
            }
        }

        return -1;
    }

    private void Adopt(Roster next)
    {
        _tracker.Adopt(next, Log.LastIndex + 1);
        foreach (var slot in next.Entered)
        {
            BeginProgress(slot);
        }

        _self = Roster.SlotOf(Me);
        if (_transferTo != None && !Roster.Configuration.Voters.Contains(_transferTo))
        {
            _transferTo = None;
        }

        if (Role == RaftRole.Leader)
        {
            // The others put it in force as soon as they can: until then they could not do without who left.
            AdvanceByQuorum();
            SendHeartbeats();
            ConfirmRounds();
        }
    }

    private void NoteConfiguration(in RaftEntryView entry)
    {
        if (entry.Kind == RaftEntryKind.Configuration)
        {
            _lastConfiguration = ulong.Max(_lastConfiguration, entry.Index);
        }
    }

    /// <summary>Replaces all former lives at once whose successors have caught up.</summary>
    private void ReplaceFormerLives()
    {
        List<MemberChange>? changes = null;
        foreach (var slot in Roster.Configuration.Learners)
        {
            var learner = Roster[slot];
            var former = VoterOn(learner.Node);
            if (former >= 0 && HasCaughtUp(slot))
            {
                changes ??= [];
                changes.Add(new MemberChange(MemberChangeKind.Remove, Roster[former]));
                changes.Add(new MemberChange(MemberChangeKind.Voter, learner));
            }
        }

        if (changes is not null && TryChangeMembers(new MembershipEntry(
            new ConfigurationChange(Transition.JointAutoLeave, changes.ToArray()), null)))
        {
            Replacements += changes.Count / 2;
        }
    }

    /// <summary>Whether a learner could vote without holding the others up; as leader.</summary>
    public bool HasCaughtUp(MemberId member) => Roster.SlotOf(member) is >= 0 and var slot && HasCaughtUp(slot);

    private bool HasCaughtUp(int slot) =>
        _tracker[slot].Match >= ulong.Max(1, Log.BaseIndex)
        && _now - _times[slot].HeardMicros <= _options.ElectionTimeoutMicros
        && Log.BytesBetween(_tracker[slot].Match, Log.LastIndex) <= _options.CaughtUpBytes;

    private void TickTransfer()
    {
        if (_transferTo != None && _now >= _transferDeadline)
        {
            _transferTo = None;
        }
    }

    /// <summary>Once the successor holds all we have it may stand; its vote then goes past our lease.</summary>
    private void ContinueTransfer(int slot)
    {
        if (slot == _transferTo && !_transferAsked && _tracker[slot].Match == Log.LastIndex)
        {
            _transferAsked = true;
            SendToSlot(slot, new RaftMessage { Kind = RaftMessageKind.TimeoutNow, Term = Term });
        }
    }
}
