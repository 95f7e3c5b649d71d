namespace Testbed.Raft;

/// <summary>The roles of section 5.1, with the pre-vote of the thesis, section 9.6.</summary>
internal enum RaftRole : byte
{
    /// <summary>Answers leaders and candidates.</summary>
    Follower,

    /// <summary>Asks whether an election could be won, without touching its term.</summary>
    PreCandidate,

    /// <summary>Asks for votes in a new term.</summary>
    Candidate,

    /// <summary>Replicates and commits.</summary>
    Leader,
}

/// <summary>Bugs that tests plant to prove that their checks find them. None outside tests.</summary>
[Flags]
internal enum RaftMutants
{
    /// <summary>A correct node.</summary>
    None = 0,

    /// <summary>A leader serves reads without asking its followers whether it still leads.</summary>
    StaleLeaderRead = 1,

    /// <summary>A leader applies and answers as soon as it has written an entry itself.</summary>
    AckBeforeQuorum = 2,

    /// <summary>Followers acknowledge, and the leader counts itself, before entries are durable.</summary>
    AckBeforeDurable = 4,

    /// <summary>Term and vote are not written to the log.</summary>
    VoteNotPersisted = 8,

    /// <summary>A leader commits entries of earlier terms by counting (figure 8 of the paper).</summary>
    CommitEarlierTerm = 16,

    /// <summary>A voter does not compare logs.</summary>
    VoteForAnyLog = 32,
}

/// <summary>One message the protocol wants sent.</summary>
internal readonly record struct Outgoing(byte To, bool AfterDurable, Wire.RaftMessage Message);
