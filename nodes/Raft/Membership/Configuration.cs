using Testbed.Wire;

namespace Testbed.Raft.Membership;

/// <summary>Which slots vote, learn, and are about to change (section 6; thesis, 4.2 and 4.3).</summary>
internal readonly record struct Configuration
{
    /// <summary>Voters of the configuration, while joint: of the one that is to stay.</summary>
    public PeerSet Incoming { get; init; }

    /// <summary>While joint, voters of the configuration that is to go; otherwise empty.</summary>
    public PeerSet Outgoing { get; init; }

    /// <summary>Members that receive the log and do not vote. Disjoint from all voters.</summary>
    public PeerSet Learners { get; init; }

    /// <summary>
    /// Demoted voters: outgoing ones still, learners when the joint configuration is left.
    /// </summary>
    public PeerSet LearnersNext { get; init; }

    /// <summary>Joint, and to be left by the leader as soon as the entry that began it is applied.</summary>
    public bool AutoLeave { get; init; }

    public bool IsJoint => !Outgoing.IsEmpty;

    /// <summary>Everybody with a vote in either half.</summary>
    public PeerSet Voters => Incoming | Outgoing;

    public PeerSet Members => Voters | Learners;

    public JointQuorum Quorum => new(new MajorityQuorum(Incoming), new MajorityQuorum(Outgoing));

    /// <summary>R10: a member has one part at a time, and only a joint configuration has plans.</summary>
    public void Check()
    {
        Invariant.Holds((Learners & Voters).IsEmpty, "R10 one part per member");
        Invariant.Holds((Outgoing & ~Incoming).Contains(LearnersNext), "R10 one part per member");
        Invariant.Holds(IsJoint || !AutoLeave, "R10 one part per member");
    }

    /// <summary>
    /// R11: every quorum of this configuration meets every quorum of the next, because at most one voter
    /// changes, or because one of both is joint and holds the other as a half.
    /// </summary>
    public void CheckNext(in Configuration next)
    {
        const string Id = "R11 successive quorums meet";
        if (IsJoint)
        {
            Invariant.Holds(!next.IsJoint && next.Incoming == Incoming, Id);
        }
        else if (next.IsJoint)
        {
            Invariant.Holds(next.Outgoing == Incoming, Id);
        }
        else
        {
            Invariant.Holds((Incoming ^ next.Incoming).Count <= 1, Id);
        }

        Invariant.Holds(!next.Incoming.IsEmpty, Id);
    }
}
