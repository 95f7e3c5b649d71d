using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// Everything a Raft node is configured with; validated once by <see cref="RaftNodeCore"/>.
/// </summary>
public sealed record RaftOptions
{
    /// <summary>This node.</summary>
    public required NodeId Self { get; init; }

    /// <summary>
    /// Founders of the cluster, who vote first; their ids are 0 to this - 1. A node with a higher id joins.
    /// </summary>
    public required int Nodes { get; init; }

    /// <summary>
    /// Seed of the election timeouts; mixed with <see cref="Self"/>, so that one seed may serve a cluster.
    /// </summary>
    public required ulong Seed { get; init; }

    /// <summary>
    /// Level <c>memory</c>: what the node knows dies with its process. A process begins without a part in the
    /// cluster: it founds it with others that know nothing, or becomes a new member in place of its former life.
    /// </summary>
    public bool Volatile { get; init; }

    /// <summary>
    /// The node once had a log and lost it: it must not take up its old part again, but joins as a new member.
    /// </summary>
    public bool Amnesia { get; init; }

    /// <summary>Random, another one for each process: tells the lives of a node apart while it joins.</summary>
    public ulong Nonce { get; init; }

    /// <summary>
    /// Shortest election timeout; each one is drawn from here to twice as much. Also the check-quorum
    /// window.
    /// </summary>
    public long ElectionTimeoutMicros { get; init; } = 500_000;

    /// <summary>How often a leader that has nothing else to say assures its followers.</summary>
    public long HeartbeatMicros { get; init; } = 50_000;

    /// <summary>Shortest wait before a pre-vote after the stream to the leader broke.</summary>
    public long LinkLossDelayMinMicros { get; init; } = 10_000;

    /// <summary>Longest wait before a pre-vote after the stream to the leader broke.</summary>
    public long LinkLossDelayMaxMicros { get; init; } = 50_000;

    /// <summary>Most entry bytes in one append message; a single larger entry still travels alone.</summary>
    public int AppendBytes { get; init; } = Limits.FrameTargetBytes - 1024;

    /// <summary>Append messages in flight per peer.</summary>
    public int WindowMessages { get; init; } = 64;

    /// <summary>Entry bytes in flight per peer.</summary>
    public long WindowBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>
    /// Entry bytes a leader may hold that are not committed; above it, writes are answered Busy.
    /// </summary>
    public long UncommittedBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>
    /// Reads a leader may hold that wait for confirmation; above it, reads are answered Busy.
    /// </summary>
    public int PendingReads { get; init; } = 16_384;

    /// <summary>Confirmation rounds that may be under way at once; later reads share the next one.</summary>
    public int ReadRounds { get; init; } = 4;

    /// <summary>
    /// Reads by lease: a leader answers them without a round while a quorum has heard it lately. Rests on the bound of
    /// <see cref="ClockDriftPercent"/>. The same on every node, for voters keep a promise then.
    /// </summary>
    public bool LeaseReads { get; init; }

    /// <summary>How much faster than a leader's clock any other node's may run, at most. Only leases need it.</summary>
    public int ClockDriftPercent { get; init; } = 10;

    /// <summary>
    /// Entry bytes applied in one batch of inputs, so that catching up never starves heartbeats.
    /// </summary>
    public int ApplyBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// Entry bytes kept in memory for a member that is behind. Entries that every member holds are dropped at
    /// once; beyond this bound the oldest applied ones are dropped too, and who still needs them gets a
    /// snapshot.
    /// </summary>
    public long RetainedLogBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// A learner that takes a former life's place votes once it lacks at most this many entry bytes.
    /// </summary>
    public long CaughtUpBytes { get; init; } = 1024 * 1024;

    /// <summary>Bytes of one piece of a snapshot; a single larger record still travels whole.</summary>
    public int SnapshotChunkBytes { get; init; } = 256 * 1024;

    /// <summary>Pieces of a snapshot sent and not acknowledged.</summary>
    public int SnapshotWindowChunks { get; init; } = 16;

    /// <summary>Most snapshot bytes a leader sends per second, so that clients keep the larger part.</summary>
    public long SnapshotBytesPerSecond { get; init; } = 400L * 1024 * 1024;

    /// <summary>
    /// A snapshot that makes no progress for this long is given up and begun anew when the member is heard.
    /// </summary>
    public long SnapshotPatienceMicros { get; init; } = 10_000_000;

    /// <summary>
    /// Levels <c>os</c> and <c>fsync</c>: a checkpoint is written, and the log before it released, when the log
    /// has grown by this many bytes since the last one, or by twice the store's size if that is more.
    /// </summary>
    public long CheckpointBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Checkpoint bytes written in one batch of inputs.</summary>
    public int CheckpointBatchBytes { get; init; } = 1024 * 1024;

    /// <summary>
    /// Most bytes of keys and values in the answer to one scan; what does not fit is left out.
    /// </summary>
    public int ScanReplyBytes { get; init; } = 1024 * 1024;

    /// <summary>
    /// Client sessions kept; the one used least recently makes room for a new one. The same on every node.
    /// </summary>
    public int Sessions { get; init; } = 1_024;

    /// <summary>
    /// Test only: as leader, acknowledge every 50th put without proposing it, so that a checker has
    /// something to find.
    /// </summary>
    public bool TestLie { get; init; }

    /// <summary>
    /// A log that has grown by less than so many times the store's size gets no checkpoint; only tests take another.
    /// </summary>
    internal int CheckpointStoreTimes { get; init; } = 2;

    /// <summary>Bytes of a chunk of entries in memory; only simulations take smaller ones.</summary>
    internal int LogChunkBytes { get; init; } = 256 * 1024;

    /// <summary>Test only: planted bugs.</summary>
    internal RaftMutants Mutants { get; init; }

    /// <summary>Test only: with the bug of this name planted, see docs/SIMULATION.md; null: none.</summary>
    public RaftOptions WithPlant(string? name) => this with { Mutants = RaftPlants.Parse(name) };

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Nodes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Nodes, Limits.Nodes);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Self.Index, Limits.Nodes, nameof(Self));
        ArgumentOutOfRangeException.ThrowIfLessThan(HeartbeatMicros, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(ElectionTimeoutMicros, 2 * HeartbeatMicros);
        ArgumentOutOfRangeException.ThrowIfNegative(LinkLossDelayMinMicros);
        ArgumentOutOfRangeException.ThrowIfLessThan(LinkLossDelayMaxMicros, LinkLossDelayMinMicros);
        ArgumentOutOfRangeException.ThrowIfLessThan(AppendBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(AppendBytes, Limits.ValueBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(WindowMessages, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(WindowBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(UncommittedBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(PendingReads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(ReadRounds, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(ClockDriftPercent);
        ArgumentOutOfRangeException.ThrowIfLessThan(ApplyBytes, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(RetainedLogBytes);
        ArgumentOutOfRangeException.ThrowIfNegative(CaughtUpBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(SnapshotChunkBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(SnapshotChunkBytes, Limits.ValueBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(SnapshotWindowChunks, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(SnapshotBytesPerSecond, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(SnapshotPatienceMicros, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(CheckpointBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(CheckpointBatchBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(LogChunkBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Sessions, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Sessions, SessionTable.MostSessions);
        ArgumentOutOfRangeException.ThrowIfLessThan(ScanReplyBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ScanReplyBytes, Limits.ValueBytes);
    }
}
