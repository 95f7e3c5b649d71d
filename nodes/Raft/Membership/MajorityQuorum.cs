namespace Testbed.Raft.Membership;

/// <summary>
/// Voters that decide by majority. Without voters everything is decided already, so that a joint quorum
/// with an empty half acts as its other half alone.
/// </summary>
internal readonly record struct MajorityQuorum(PeerSet Voters)
{
    /// <summary>What an empty quorum has committed: everything.</summary>
    public const ulong Everything = ulong.MaxValue;

    /// <summary>Voters that make a majority.</summary>
    public int Needed => Voters.Count / 2 + 1;

    /// <summary>
    /// The highest index that a majority has acknowledged (5.3). <paramref name="acknowledged"/> is by slot;
    /// 0 stands for a voter that was not heard.
    /// </summary>
    public ulong CommittedIndex(ReadOnlySpan<ulong> acknowledged)
    {
        if (Voters.IsEmpty)
        {
            return Everything;
        }

        // Sorted while gathered, largest first. Few voters: insertion beats any cleverer order.
        Span<ulong> largest = stackalloc ulong[Voters.Count];
        var filled = 0;
        foreach (var slot in Voters)
        {
            var at = filled++;
            for (; at > 0 && largest[at - 1] < acknowledged[slot]; at--)
            {
                largest[at] = largest[at - 1];
            }

            largest[at] = acknowledged[slot];
        }

        return largest[Needed - 1];
    }

    /// <summary>How a vote stands (5.2); answers of others than the voters do not count.</summary>
    public VoteResult Result(PeerSet granted, PeerSet refused)
    {
        if (Voters.IsEmpty)
        {
            return VoteResult.Won;
        }

        var yes = (Voters & granted).Count;
        var open = (Voters & ~(granted | refused)).Count;
        return yes >= Needed ? VoteResult.Won : yes + open >= Needed ? VoteResult.Pending : VoteResult.Lost;
    }
}
