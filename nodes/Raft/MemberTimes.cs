namespace Testbed.Raft;

/// <summary>
/// What a leader remembers of a member besides the positions in its log. Written by the leader's half of
/// <see cref="RaftProtocol"/> only.
/// </summary>
internal struct MemberTimes
{
    /// <summary>When the last probe left.</summary>
    public long ProbedMicros;

    /// <summary>
    /// Nothing was acknowledged for a heartbeat while frames are out: ask with an empty append.
    /// </summary>
    public bool AskEmpty;

    /// <summary>When the member was heard last; for check-quorum.</summary>
    public long HeardMicros;

    /// <summary>Latest read round it has confirmed.</summary>
    public ulong ReadRound;

    /// <summary>Where it matched when the last heartbeat left.</summary>
    public ulong MatchAtHeartbeat;

    /// <summary>It holds nothing that entries could build upon, so a snapshot must come first.</summary>
    public bool HoldsNothing;
}
