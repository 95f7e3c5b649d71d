namespace Testbed.Raft.Membership;

/// <summary>How a vote stands.</summary>
internal enum VoteResult : byte
{
    /// <summary>Answers that are still missing decide.</summary>
    Pending,

    /// <summary>No missing answer can win it any more.</summary>
    Lost,

    /// <summary>A quorum granted it.</summary>
    Won,
}
