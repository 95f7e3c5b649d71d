using Testbed.Raft.Membership;
using Testbed.Raft.Snapshots;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// Snapshots that go to members, and those that come from the leader (section 7). One is made at a time: the
/// store keeps one picture of itself.
/// </summary>
public sealed partial class RaftNodeCore
{
    private Transfer? _transfer;

    /// <summary>Bytes that may still leave now; refilled with time, so that clients keep the larger part.</summary>
    private long _snapshotAllowance;
    private long _nowMicros;

    private SnapshotStaging? _staging;
    private (int Node, ulong Term) _stagingFrom;
    private LogSequence _stagingSequence;

    private void TickSnapshots(long nowMicros)
    {
        var elapsed = long.Min(nowMicros - _nowMicros, 1_000_000);
        _nowMicros = nowMicros;
        var most = long.Max(_options.SnapshotBytesPerSecond / 20, 2L * _options.SnapshotChunkBytes);
        _snapshotAllowance = long.Min(
            most, _snapshotAllowance + (_options.SnapshotBytesPerSecond / 1000 * elapsed / 1000));
    }

    private void SendSnapshots(ICoreOutput output)
    {
        if (_transfer is { } old && (_raft.Roster[old.Slot] != old.Member || _raft.Role != RaftRole.Leader
            || _raft.Progress(old.Slot).State != ReplicationState.Snapshot
            || _nowMicros - old.ProgressMicros > _options.SnapshotPatienceMicros))
        {
            EndTransfer();
        }

        // Answers may be lost while our own stream stays up: the member says where it is when it is asked again.
        _transfer?.ResendAfter(_options.ElectionTimeoutMicros, _nowMicros);
        if (_transfer is null && _checkpoint is null && _raft.SnapshotTarget() is >= 0 and var slot)
        {
            var source = BeginSource();
            _transfer = new Transfer(slot, _raft.Roster[slot], source, _nowMicros);
            _raft.SnapshotBegun(slot);
            _counters.SnapshotsSent++;
        }

        while (_transfer is { } transfer && _snapshotAllowance > 0
            && transfer.TryNext(_options.SnapshotWindowChunks, out var number, out var piece, out var isLast))
        {
            var head = new RaftMessage
            {
                Kind = RaftMessageKind.SnapshotChunk, Term = _raft.Term, From = _raft.Incarnation,
                To = transfer.Member.Incarnation, Index = transfer.Source.Index, LogTerm = transfer.Source.Term,
                Hint = number, Yes = isLast,
            };
            var room = output.Begin(Endpoint.Peer(transfer.Member.Node), RaftMessage.HeadBytes + piece.Length);
            var written = head.WriteHead(room, piece.Length);
            piece.CopyTo(room[written..]);
            output.End(written + piece.Length);
            _snapshotAllowance -= piece.Length;
            _counters.SnapshotBytesSent += piece.Length;
            _counters.MessagesSent++;
        }
    }

    private SnapshotSource BeginSource()
    {
        var roster = _raft.Roster.ToRecord();
        var sessions = _machine.Sessions;
        var bytes = SnapshotFormat.PrefixBytes + SnapshotFormat.Bytes(roster) + _raft.Book.Bytes
            + sessions.SnapshotBytes;
        var head = new byte[bytes];
        var writer = new WireWriter(head.AsSpan(SnapshotFormat.PrefixBytes));
        SnapshotFormat.Write(ref writer, roster);
        _raft.Book.Write(ref writer);
        sessions.Write(head.AsSpan(SnapshotFormat.PrefixBytes + writer.Position));
        return new SnapshotSource(
            Store, _raft.Applied, _raft.Log.Term(_raft.Applied), head, _options.SnapshotChunkBytes,
            (_options.Mutants & RaftMutants.SnapshotLosesOverwritten) != 0);
    }

    private void OnSnapshotReply(int from, in RaftMessage reply)
    {
        if (_transfer is { } transfer && transfer.Member == new MemberId(new NodeId((byte)from), reply.From)
            && reply.Index == transfer.Source.Index && !transfer.TryAcknowledge(reply.Hint, _nowMicros))
        {
            EndTransfer();
        }
    }

    private void EndTransfer()
    {
        if (_transfer is { } ended)
        {
            _transfer = null;
            ended.Source.Cancel();
            _raft.SnapshotEnded(ended.Slot, ended.Member);
        }
    }

    /// <summary>
    /// Takes a piece in its order; others only tell the leader where we are. Pieces of another leader or snapshot
    /// begin anew.
    /// </summary>
    private void OnSnapshotChunk(int from, in RaftMessage chunk, ICoreOutput output)
    {
        if (chunk.Index <= _raft.Applied)
        {
            _raft.AcknowledgeSnapshot(from, chunk.From, chunk.Index);
            return;
        }

        var same = _staging is { } now && _stagingFrom == (from, chunk.Term) && now.Index == chunk.Index
            && now.Term == chunk.LogTerm;
        if (!same && chunk.Hint == 0)
        {
            // The log holds the pieces of one snapshot at a time.
            CancelCheckpoint();
            _staging = new SnapshotStaging(chunk.Index, chunk.LogTerm);
            (_stagingFrom, same) = ((from, chunk.Term), true);
        }

        if (same && _staging!.Pieces == chunk.Hint)
        {
            if (!_staging.TryTake(chunk.Payload))
            {
                _counters.SnapshotsDamaged++;
                (_staging, same) = (null, false);
            }
            else
            {
                KeepPiece(chunk, output);
            }
        }

        if (same && _staging!.IsComplete)
        {
            Install(from, chunk.From, output);
            return;
        }

        var reply = new RaftMessage
        {
            Kind = RaftMessageKind.SnapshotReply, Term = _raft.Term, From = _raft.Incarnation, To = chunk.From,
            Index = chunk.Index, Hint = same ? _staging!.Pieces : 0,
        };
        output.End(reply.Write(output.Begin(Endpoint.Peer(new NodeId((byte)from)), RaftMessage.HeadBytes)));
        _counters.MessagesSent++;
    }

    private void KeepPiece(in RaftMessage chunk, ICoreOutput output)
    {
        if (_options.Volatile)
        {
            return;
        }

        var sequence = RaftRecords.AppendSnapshot(
            chunk.Index, chunk.LogTerm, (uint)chunk.Hint, chunk.Payload.Span, output);
        _counters.Records++;
        _stagingSequence = chunk.Hint == 0 ? sequence : _stagingSequence;
        if (chunk.Yes)
        {
            _restoredUnder = sequence;
        }
    }

    /// <summary>The whole has arrived: it becomes our state at once, and is acknowledged when durable.</summary>
    private void Install(int from, uint incarnation, ICoreOutput output)
    {
        var staged = _staging!;
        _staging = null;
        if (TakeState(staged, (_options.Mutants & RaftMutants.SnapshotSkip) != 0 ? 1UL : 0))
        {
            _counters.SnapshotsInstalled++;
            while (_writes.Count > 0)
            {
                // Of an earlier reign; committed, but what came of them lies in the snapshot.
                var write = _writes[0];
                _writes.RemoveFront();
                Answer(write.From, write.CorrelationId, KvStatus.Unknown, output);
            }

            _raft.RestoredUnder(_restoredUnder);
            if (_options.Volatile)
            {
                _raft.StorageDone(_restoredUnder);
            }
            else
            {
                ReleaseBefore(_stagingSequence, staged.Index);
            }
        }

        _raft.AcknowledgeSnapshot(from, incarnation, staged.Index);
    }

    private bool TakeState(SnapshotStaging staged, ulong skipped = 0)
    {
        if (!_raft.Restore(staged.Index + skipped, staged.Term, staged.Roster, staged.Book))
        {
            return false;
        }

        CancelCheckpoint();
        EndTransfer();
        staged.Sessions.LosesSessions = _machine.Sessions.LosesSessions;
        (_machine.Store, _machine.Sessions) = (staged.Store, staged.Sessions);
        return true;
    }

    /// <summary>One snapshot on its way to one member.</summary>
    private sealed class Transfer(int slot, MemberId member, SnapshotSource source, long nowMicros)
    {
        private readonly RingQueue<byte[]> _unacknowledged = new();
        private ulong _first;
        private int _next;
        private long _resentMicros;

        public int Slot { get; } = slot;

        public MemberId Member { get; } = member;

        public SnapshotSource Source { get; } = source;

        /// <summary>When the last piece was acknowledged.</summary>
        public long ProgressMicros { get; private set; } = nowMicros;

        /// <summary>The next piece that may leave; false while the window is full or all have left.</summary>
        public bool TryNext(int window, out ulong number, out byte[] piece, out bool isLast)
        {
            (number, piece, isLast) = (_first + (ulong)_next, [], false);
            if (_next == _unacknowledged.Count)
            {
                if (_next >= window || Source.IsDrained)
                {
                    return false;
                }

                _unacknowledged.Add() = Source.Next(out _);
            }

            piece = _unacknowledged[_next++];
            isLast = Source.IsDrained && _next == _unacknowledged.Count;
            return true;
        }

        /// <summary>
        /// The member holds that many pieces; false when it has forgotten some that it had acknowledged.
        /// </summary>
        public bool TryAcknowledge(ulong pieces, long nowMicros)
        {
            if (pieces < _first)
            {
                return false;
            }

            var acknowledged = (int)ulong.Min(pieces - _first, (ulong)_unacknowledged.Count);
            if (acknowledged > 0)
            {
                _unacknowledged.RemoveFront(acknowledged);
                (_first, _next) = (_first + (ulong)acknowledged, int.Max(0, _next - acknowledged));
                ProgressMicros = nowMicros;
            }

            return true;
        }

        /// <summary>What was under way may be lost: it leaves again.</summary>
        public void Resend() => _next = 0;

        /// <summary>The same when nothing was acknowledged for so long, once in that time.</summary>
        public void ResendAfter(long micros, long nowMicros)
        {
            if (nowMicros - long.Max(ProgressMicros, _resentMicros) > micros)
            {
                _resentMicros = nowMicros;
                Resend();
            }
        }
    }
}
