using Testbed.Wire;

namespace Testbed.Raft.Membership;

/// <summary>
/// The configuration in force with what a leader or candidate knows of its members, by slot. Has one owner;
/// nothing allocates after <see cref="Adopt"/>.
/// </summary>
internal sealed class MemberTracker(int windowMessages, long windowBytes)
{
    private readonly ReplicaProgress[] _progress = new ReplicaProgress[PeerSet.Slots];

    /// <summary>Slots whose window was made; kept for their next holder.</summary>
    private PeerSet _made;

    /// <summary>Members that granted, and that refused, the vote under way. Disjoint.</summary>
    private PeerSet _granted;
    private PeerSet _refused;

    /// <summary>The configuration in force: that of the latest applied change.</summary>
    public Roster Roster { get; private set; } = Roster.Empty;

    /// <summary>True when this member decides alone.</summary>
    public bool IsSingleton =>
        Roster.Configuration is { IsJoint: false, Incoming.Count: 1 };

    /// <summary>What is known of the member in a slot; meaningful for members only.</summary>
    public ref ReplicaProgress this[int slot] => ref _progress[slot];

    /// <summary>
    /// Puts a change in force; members that enter are asked first at <paramref name="next"/>.
    /// </summary>
    public void Adopt(Roster roster, ulong next)
    {
        var (from, to) = (Roster.Configuration, roster.Configuration);
        if (!from.Members.IsEmpty)
        {
            from.CheckNext(to);
        }

        foreach (var slot in from.Members & to.Members)
        {
            Invariant.Holds(Roster[slot] == roster[slot], "R11 successive quorums meet");
        }

        Invariant.Holds((from.Members | roster.Entered).Contains(to.Members), "R11 successive quorums meet");
        Enter(roster, next);
    }

    /// <summary>Replaces everything by what a snapshot says.</summary>
    public void Restore(Roster roster, ulong next)
    {
        Roster = Roster.Empty;
        ResetVotes();
        Invariant.Holds(roster.Entered == roster.Configuration.Members, "R10 one part per member");
        Enter(roster, next);
    }

    /// <summary>The highest index that the quorums have acknowledged.</summary>
    public ulong CommittedIndex()
    {
        var configuration = Roster.Configuration;
        Span<ulong> acknowledged = stackalloc ulong[PeerSet.Slots];
        foreach (var slot in configuration.Voters)
        {
            acknowledged[slot] = _progress[slot].Match;
        }

        return configuration.Quorum.CommittedIndex(acknowledged);
    }

    /// <summary>Whether the voters heard recently are a quorum; for check-quorum (thesis, 6.2).</summary>
    public bool QuorumIsActive()
    {
        var active = default(PeerSet);
        foreach (var slot in Roster.Configuration.Voters)
        {
            active |= _progress[slot].RecentlyActive ? PeerSet.Of(slot) : default;
        }

        return Roster.Configuration.Quorum.Result(active, ~active) == VoteResult.Won;
    }

    public void ResetVotes() => (_granted, _refused) = (default, default);

    /// <summary>Takes a member's answer; its first one counts.</summary>
    public void RecordVote(int slot, bool granted)
    {
        var one = PeerSet.Of(slot) & ~(_granted | _refused);
        if (granted)
        {
            _granted |= one;
        }
        else
        {
            _refused |= one;
        }
    }

    /// <summary>How the vote stands in the configuration in force, and how many voters said what.</summary>
    public VoteResult TallyVotes(out int granted, out int refused)
    {
        var configuration = Roster.Configuration;
        granted = (_granted & configuration.Voters).Count;
        refused = (_refused & configuration.Voters).Count;
        return configuration.Quorum.Result(_granted, _refused);
    }

    private void Enter(Roster roster, ulong next)
    {
        foreach (var slot in roster.Entered & ~_made)
        {
            _progress[slot] = new ReplicaProgress(windowMessages, windowBytes);
        }

        foreach (var slot in roster.Entered)
        {
            _progress[slot].Begin(next);
        }

        // A slot's next holder inherits nothing, votes least of all.
        var stayed = roster.Configuration.Members & ~roster.Entered;
        (_granted, _refused) = (_granted & stayed, _refused & stayed);
        _made |= roster.Entered;
        Roster = roster;
    }
}
