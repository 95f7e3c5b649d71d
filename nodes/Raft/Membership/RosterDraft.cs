using Testbed.Wire;

namespace Testbed.Raft.Membership;

/// <summary>A roster under change: what the changes named so far have made of it.</summary>
internal ref struct RosterDraft
{
    private readonly Roster _before;

    /// <summary>By slot.</summary>
    private readonly Span<MemberId> _members;

    private PeerSet _incoming;
    private PeerSet _outgoing;
    private PeerSet _learners;
    private PeerSet _learnersNext;
    private PeerSet _entered;

    /// <param name="before">The roster in force.</param>
    /// <param name="members">Room for all slots; overwritten.</param>
    public RosterDraft(Roster before, Span<MemberId> members)
    {
        _before = before;
        _members = members;
        before.Members.CopyTo(members);
        var from = before.Configuration;
        (_incoming, _outgoing) = (from.Incoming, from.Outgoing);
        (_learners, _learnersNext) = (from.Learners, from.LearnersNext);
    }

    /// <summary>The voters of today become the half that goes, and stay the half that comes.</summary>
    public void Join() => _outgoing = _incoming;

    /// <summary>The outgoing half goes, with those that have no other part.</summary>
    public void Leave()
    {
        _learners |= _learnersNext;
        var gone = _outgoing & ~(_incoming | _learners);
        (_outgoing, _learnersNext) = (default, default);
        Vacate(gone);
    }

    /// <summary>
    /// Applies the changes in their order; a change that has happened already changes nothing.
    /// </summary>
    public ChangeError Apply(ReadOnlySpan<MemberChange> changes)
    {
        foreach (var (kind, member) in changes)
        {
            if (member == MemberId.None)
            {
                continue;
            }

            var error = Apply(kind, member);
            if (error != ChangeError.None)
            {
                return error;
            }
        }

        return _incoming.IsEmpty ? ChangeError.NoVotersLeft : ChangeError.None;
    }

    public readonly Roster Seal(bool autoLeave)
    {
        var configuration = new Configuration
        {
            Incoming = _incoming, Outgoing = _outgoing, Learners = _learners, LearnersNext = _learnersNext,
            AutoLeave = autoLeave,
        };
        return new Roster(configuration, _members, _entered);
    }

    private ChangeError Apply(MemberChangeKind kind, MemberId member)
    {
        var slot = _members.IndexOf(member);
        switch (kind)
        {
            case MemberChangeKind.Annotate:
            case MemberChangeKind.Remove when slot < 0:
                return ChangeError.None;
            case MemberChangeKind.Remove:
                Remove(PeerSet.Of(slot));
                return ChangeError.None;
            case MemberChangeKind.Voter or MemberChangeKind.Learner:
                if (slot < 0 && !TrySeat(member, out slot))
                {
                    return ChangeError.TooManyMembers;
                }

                Place(PeerSet.Of(slot), votes: kind == MemberChangeKind.Voter);
                return ChangeError.None;
            default:
                return ChangeError.UnknownKind;
        }
    }

    /// <summary>
    /// A voter to be demoted that still votes in the outgoing half waits in the next learners, so that it
    /// never has two parts at once (R10).
    /// </summary>
    private void Place(PeerSet one, bool votes)
    {
        var staged = !votes && !(one & _outgoing).IsEmpty;
        Drop(one);
        if (votes)
        {
            _incoming |= one;
        }
        else if (staged)
        {
            _learnersNext |= one;
        }
        else
        {
            _learners |= one;
        }
    }

    private void Remove(PeerSet one)
    {
        Drop(one);
        Vacate(one & ~_outgoing);
    }

    private void Drop(PeerSet one)
    {
        _incoming &= ~one;
        _learners &= ~one;
        _learnersNext &= ~one;
    }

    private void Vacate(PeerSet slots)
    {
        foreach (var slot in slots)
        {
            _members[slot] = MemberId.None;
        }

        _entered &= ~slots;
    }

    /// <summary>
    /// Gives a slot that nobody holds and nobody held before this change: whoever compares the rosters of
    /// before and after by slot compares members. Who left within this change gets its own back.
    /// </summary>
    private bool TrySeat(MemberId member, out int slot)
    {
        slot = _before.SlotOf(member);
        for (var s = 0; slot < 0 && s < PeerSet.Slots; s++)
        {
            slot = _members[s] == MemberId.None && _before[s] == MemberId.None ? s : -1;
        }

        if (slot < 0)
        {
            return false;
        }

        Invariant.Holds(_members[slot] == MemberId.None, "R10 one part per member");
        _members[slot] = member;
        _entered |= PeerSet.Of(slot);
        return true;
    }
}
