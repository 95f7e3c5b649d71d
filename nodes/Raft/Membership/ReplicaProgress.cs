namespace Testbed.Raft.Membership;

/// <summary>How a leader feeds a member.</summary>
internal enum ReplicationState : byte
{
    /// <summary>Where its log agrees is not known: one append at a time until one is accepted.</summary>
    Probe,

    /// <summary>Its log agrees: appends are pipelined up to the window.</summary>
    Replicate,

    /// <summary>It needs entries that are gone: a snapshot is on its way, appends wait.</summary>
    Snapshot,
}

/// <summary>What a leader knows of one member's log. Written by the leader only.</summary>
internal struct ReplicaProgress(int windowMessages, long windowBytes)
{
    /// <summary>Appends sent and not acknowledged; empty unless replicating.</summary>
    public InflightWindow Window = new(windowMessages, windowBytes);

    /// <summary>It holds the log durably up to here, equal to ours. Never falls within a term.</summary>
    public ulong Match { get; private set; }

    /// <summary>First entry of the next append; above <see cref="Match"/> once anything matched.</summary>
    public ulong Next { get; private set; }

    public ReplicationState State { get; private set; }

    /// <summary>Index of the snapshot under way; 0 unless in that state, or when it failed.</summary>
    public ulong PendingSnapshot { get; private set; }

    /// <summary>While probing: an append is out, wait for its answer or the next heartbeat's.</summary>
    public bool ProbeSent { get; set; }

    /// <summary>
    /// Heard since the last check-quorum. True for who just entered, so that a leader does not step down
    /// before it could answer.
    /// </summary>
    public bool RecentlyActive { get; set; }

    /// <summary>True while no append may leave.</summary>
    public readonly bool Paused => State switch
    {
        ReplicationState.Probe => ProbeSent,
        ReplicationState.Replicate => Window.Full,
        _ => true,
    };

    /// <summary>Begins anew: nothing is known but where to ask first.</summary>
    public void Begin(ulong next)
    {
        Reset(ReplicationState.Probe);
        (Match, Next, RecentlyActive) = (0, next, true);
    }

    /// <summary>After a snapshot that arrived, asks behind it; otherwise behind what matches.</summary>
    public void BecomeProbe()
    {
        var arrived = State == ReplicationState.Snapshot ? PendingSnapshot : 0;
        Reset(ReplicationState.Probe);
        Next = ulong.Max(Match, arrived) + 1;
    }

    public void BecomeReplicate()
    {
        Reset(ReplicationState.Replicate);
        Next = Match + 1;
    }

    public void BecomeSnapshot(ulong index)
    {
        Reset(ReplicationState.Snapshot);
        PendingSnapshot = index;
    }

    /// <summary>The snapshot did not arrive: the next probe asks behind what matches.</summary>
    public void SnapshotFailed() => PendingSnapshot = 0;

    /// <summary>
    /// Everything up to <paramref name="last"/> is on its way: the next append begins behind it.
    /// </summary>
    public void SentUpTo(ulong last) => Next = last + 1;

    /// <summary>It acknowledged up to <paramref name="index"/>; false when that is no news.</summary>
    public bool Acknowledge(ulong index)
    {
        var news = index > Match;
        if (news)
        {
            (Match, ProbeSent) = (index, false);
        }

        Next = ulong.Max(Next, index + 1);
        return news;
    }

    /// <summary>
    /// It refused an append behind <paramref name="rejected"/> and holds nothing above
    /// <paramref name="last"/>. False when the refusal is stale: late or doubled messages refuse what was
    /// settled since.
    /// </summary>
    public bool Reject(ulong rejected, ulong last)
    {
        if (State == ReplicationState.Replicate)
        {
            if (rejected <= Match)
            {
                return false;
            }

            Next = Match + 1;
            return true;
        }

        // A probe asks about one index only, so only a refusal of that one is current. Next is 0 where
        // nothing was ever asked: then no refusal is.
        if (Next == 0 || rejected != Next - 1)
        {
            return false;
        }

        Next = ulong.Max(1, ulong.Min(rejected, last + 1));
        ProbeSent = false;
        return true;
    }

    /// <summary>The follower shares our log at most up to before this index: asks there next.</summary>
    public void StepBack(ulong next)
    {
        Next = ulong.Max(next, Match + 1);
        ProbeSent = false;
    }

    private void Reset(ReplicationState state)
    {
        (State, ProbeSent, PendingSnapshot) = (state, false, 0);
        Window.Clear();
    }
}
