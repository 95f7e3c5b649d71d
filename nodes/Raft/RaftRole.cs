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

/// <summary>One message the protocol wants sent.</summary>
internal readonly record struct Outgoing(byte To, bool AfterDurable, Wire.RaftMessage Message);
