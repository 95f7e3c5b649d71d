using Testbed.Raft;

namespace Testbed.Simulator;

/// <summary>Limits of Raft's checkpoints and snapshots.</summary>
/// <param name="CheckpointBytes">Log bytes from one checkpoint to the next.</param>
/// <param name="CheckpointBatchBytes">Checkpoint bytes written at once.</param>
/// <param name="ChunkBytes">Bytes of a snapshot's piece.</param>
/// <param name="WindowChunks">Pieces under way.</param>
/// <param name="RetainedBytes">Entry bytes kept for members that are behind.</param>
/// <param name="CaughtUpBytes">What a learner may lack that is to vote.</param>
/// <param name="BytesPerSecond">Snapshot bytes sent per second.</param>
internal sealed record SnapshotLimits(
    long CheckpointBytes, int CheckpointBatchBytes, int ChunkBytes, int WindowChunks, long RetainedBytes,
    long CaughtUpBytes, long BytesPerSecond)
{
    /// <summary>Draws limits so small that they are met.</summary>
    public static SnapshotLimits Draw(SimRandom random) => new(
        random.Of(300L, 2_000, 10_000),
        random.Of(1, 300, 5_000),
        random.Of(30, 200, 2_000),
        random.Of(1, 2, 16),
        random.Of(0L, 300, 3_000),
        random.Of(0L, 1_000, 1_000_000),
        random.Of(20_000L, 200_000, 1_000_000_000));

    /// <summary>Puts them into the options of a node.</summary>
    public RaftOptions Limit(RaftOptions options) => options with
    {
        CheckpointBytes = CheckpointBytes,
        CheckpointBatchBytes = CheckpointBatchBytes,
        SnapshotChunkBytes = ChunkBytes,
        SnapshotWindowChunks = WindowChunks,
        RetainedLogBytes = RetainedBytes,
        CaughtUpBytes = CaughtUpBytes,
        SnapshotBytesPerSecond = BytesPerSecond,
    };
}
