using Testbed.Raft.Snapshots;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// Checkpoints: at levels that keep a log, a snapshot written into it piece by piece, so that what lies before it
/// can be released. They are ordinary records: torn or lost, they are as if they had never begun.
/// </summary>
public sealed partial class RaftNodeCore
{
    /// <summary>Most record bytes that one mark stands for.</summary>
    private const int MarkBytes = 64 * 1024;

    /// <summary>Marks that stand for a checkpoint's log at least, where that is short.</summary>
    private const int FewestMarks = 32;

    /// <summary>
    /// For each stretch of records: the sequence of its first entries and the last index. Bounded: a checkpoint
    /// comes before the log has grown by more than its limit.
    /// </summary>
    private readonly RingQueue<(long Sequence, ulong LastIndex)> _marks = new(256);

    private SnapshotSource? _checkpoint;
    private uint _checkpointPieces;
    private LogSequence _checkpointSequence;
    private LogSequence _restoredUnder;

    /// <summary>Everything up to here may go once this batch's records are written; 0: nothing new.</summary>
    private long _release;

    /// <summary>Record bytes since the last checkpoint began.</summary>
    private long _loggedBytes;
    private long _markedAtBytes;

    private bool IsCheckpointDue => !_options.Volatile && _raft.Applied > 0
        && _loggedBytes > long.Max(_options.CheckpointBytes, _options.CheckpointStoreTimes * SnapshotBytes);

    private void WriteCheckpoint(ICoreOutput output)
    {
        // Pieces of two snapshots must not mix in the log; one that came in part is outdated once we are past it.
        var isReceiving = _staging is { } staging && staging.Index > _raft.Applied;
        if (_checkpoint is null && _transfer is null && !isReceiving && IsCheckpointDue)
        {
            (_checkpoint, _checkpointPieces, _loggedBytes, _staging) = (BeginSource(), 0, 0, null);
            _markedAtBytes = -MarkBytes;
        }

        for (var bytes = 0; _checkpoint is { } source && bytes < _options.CheckpointBatchBytes;)
        {
            var piece = source.Next(out var isLast);
            var sequence = RaftRecords.AppendSnapshot(source.Index, source.Term, _checkpointPieces, piece, output);
            _checkpointSequence = _checkpointPieces == 0 ? sequence : _checkpointSequence;
            _checkpointPieces++;
            _counters.Records++;
            _counters.CheckpointBytes += piece.Length;
            bytes += piece.Length;
            if (isLast)
            {
                _checkpoint = null;
                _counters.Checkpoints++;
            }

            if (isLast || (_options.Mutants & RaftMutants.ReleaseBeforeCheckpoint) != 0)
            {
                ReleaseBefore(_checkpointSequence, source.Index);
            }
        }
    }

    /// <summary>What a snapshot would take, about; the store itself may have room to spare.</summary>
    private long SnapshotBytes => Store.Bytes.KeyBytes + Store.Bytes.PayloadBytes;

    private void Mark(long sequence, ulong lastIndex)
    {
        if (_marks.Count > 0 && _loggedBytes >= _markedAtBytes
            && _loggedBytes - _markedAtBytes < long.Min(MarkBytes, _options.CheckpointBytes / FewestMarks))
        {
            ref var last = ref _marks[_marks.Count - 1];
            last.LastIndex = ulong.Max(last.LastIndex, lastIndex);
            return;
        }

        _markedAtBytes = _loggedBytes;
        _marks.Add() = (sequence, lastIndex);
    }

    private void CancelCheckpoint()
    {
        _checkpoint?.Cancel();
        _checkpoint = null;
    }

    /// <summary>
    /// A snapshot up to an index stands in the log from a sequence on: needed are it, the entries behind the
    /// index, and term and vote, which are written anew.
    /// </summary>
    private void ReleaseBefore(LogSequence snapshot, ulong index)
    {
        while (_marks.Count > 0 && _marks[0].LastIndex <= index)
        {
            _marks.RemoveFront();
        }

        _release = _marks.Count > 0 ? long.Min(_marks[0].Sequence, snapshot.Value) - 1 : snapshot.Value - 1;
        _raft.RewriteHardState();
    }

    private void Release(ICoreOutput output)
    {
        if (_release > 0)
        {
            output.Release(new LogSequence(_release));
            _release = 0;
        }
    }
}
