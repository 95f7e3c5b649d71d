namespace Testbed.Raft.Membership;

/// <summary>
/// Two majorities that must agree (section 6): the voters that come and those that go. Either half may be
/// empty; they may overlap.
/// </summary>
internal readonly record struct JointQuorum(MajorityQuorum Incoming, MajorityQuorum Outgoing)
{
    /// <summary>The highest index that both majorities have acknowledged.</summary>
    public ulong CommittedIndex(ReadOnlySpan<ulong> acknowledged) =>
        ulong.Min(Incoming.CommittedIndex(acknowledged), Outgoing.CommittedIndex(acknowledged));

    /// <summary>Won when both halves won, lost as soon as one has lost.</summary>
    public VoteResult Result(PeerSet granted, PeerSet refused)
    {
        var incoming = Incoming.Result(granted, refused);
        var outgoing = Outgoing.Result(granted, refused);
        if (incoming == VoteResult.Lost || outgoing == VoteResult.Lost)
        {
            return VoteResult.Lost;
        }

        return incoming == outgoing ? incoming : VoteResult.Pending;
    }
}
