namespace Testbed.Raft;

/// <summary>
/// Bugs that tests plant to prove that they would be found; the table of docs/SIMULATION.md says what finds
/// each. None in any product path.
/// </summary>
[Flags]
internal enum RaftMutants
{
    /// <summary>A correct node and client.</summary>
    None = 0,

    /// <summary>A leader serves reads without asking its followers whether it still leads.</summary>
    StaleLeaderRead = 1,

    /// <summary>A leader applies and answers as soon as it has written an entry itself.</summary>
    AckBeforeQuorum = 2,

    /// <summary>Followers acknowledge, and the leader counts itself, before entries are durable.</summary>
    AckBeforeDurable = 4,

    /// <summary>The vote is not written to the log.</summary>
    VoteNotPersisted = 8,

    /// <summary>A leader commits entries of earlier terms by counting (figure 8 of the paper).</summary>
    CommitEarlierTerm = 16,

    /// <summary>A voter does not compare logs.</summary>
    VoteForAnyLog = 32,

    /// <summary>The vote is on the disk, but a restarted node votes once more in its term.</summary>
    VoteTwiceAfterRestart = 64,

    /// <summary>A new leader serves reads before it has committed an entry of its term.</summary>
    ReadBeforeTermCommit = 128,

    /// <summary>A follower does not compare the term of the entry before the appended ones.</summary>
    AppendWithoutMatching = 256,

    /// <summary>An append cuts the follower's log behind it, although nothing conflicts.</summary>
    AppendCutsLog = 512,

    /// <summary>A candidate counts votes that were given to it in an earlier term.</summary>
    VoteOfEarlierTerm = 1024,

    /// <summary>Nodes do not heed the table of sessions: a write that was sent again is applied again.</summary>
    RetryAppliedTwice = 2048,

    /// <summary>A recovering log does not look at the checksum of a group.</summary>
    TornTailAccepted = 4096,

    /// <summary>Clients read from any node, which answers from its own store.</summary>
    FollowerRead = 8192,

    /// <summary>Members tell each other apart by their node alone: one life's answers count for another.</summary>
    StaleIncarnation = 1 << 20,

    /// <summary>A node that comes back empty takes up its old part and votes again.</summary>
    RejoinAsFounder = 1 << 21,

    /// <summary>A second change of the members is proposed before the first is applied.</summary>
    ConfigurationTwice = 1 << 22,

    /// <summary>In a joint configuration the incoming half decides alone.</summary>
    JointIgnored = 1 << 23,

    /// <summary>A snapshot lacks the records that were overwritten while it was made.</summary>
    SnapshotLosesOverwritten = 1 << 24,

    /// <summary>A leader takes any answer to a heartbeat for one to its newest read round.</summary>
    StaleReadRound = 16384,

    /// <summary>Who takes a snapshot goes on one entry too late behind it.</summary>
    SnapshotSkip = 1 << 25,

    /// <summary>What a checkpoint replaces is released when it is begun.</summary>
    ReleaseBeforeCheckpoint = 1 << 26,

    /// <summary>A majority of equal promises founds a cluster.</summary>
    FoundByMajority = 1 << 27,

    /// <summary>A snapshot holds no sessions.</summary>
    SessionLostInSnapshot = 32768,

    /// <summary>Clocks differ by more than leases allow for.</summary>
    LeaseUnderDrift = 1 << 16,
}

/// <summary>Names of planted bugs.</summary>
public static class RaftPlants
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetNames<RaftMutants>().Skip(1)];

    /// <summary>Null: none. Throws <see cref="ArgumentException"/> for a name that is none.</summary>
    internal static RaftMutants Parse(string? name) => name is null ? RaftMutants.None
        : Names.Contains(name) ? Enum.Parse<RaftMutants>(name)
        : throw new ArgumentException($"'{name}' is not a planted bug of raft: {string.Join(", ", Names)}");
}
