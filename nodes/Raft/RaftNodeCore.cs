using Testbed.Raft.Snapshots;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// A replica of the Raft strategy: the thin layer between <see cref="RaftProtocol"/> and the host. It maps
/// client requests to proposals and read rounds, writes records and messages, applies committed entries to
/// the store and answers. Answers that need no consensus leave at once; everything else is gathered until
/// <see cref="Flush"/>, so a batch of requests becomes one record, one append per peer and one read round.
/// </summary>
public sealed partial class RaftNodeCore : INodeCore
{
    private readonly RaftOptions _options;
    private readonly RaftProtocol _raft;

    /// <summary>
    /// Writes proposed in this reign and not applied, in log order. Bounded by the uncommitted bytes.
    /// </summary>
    private readonly RingQueue<PendingWrite> _writes = new(256);

    /// <summary>Reads not answered. Bounded by <see cref="RaftOptions.PendingReads"/>.</summary>
    private readonly PendingReads _reads = new();

    /// <summary>
    /// Pending writes and reads are this reign's; false once they were answered for lack of leadership.
    /// </summary>
    private bool _leading;

    /// <summary>Records taken back so far; the sequence of the last one.</summary>
    private long _recovered;

    private Counters _counters;

    /// <summary>A replica over an empty store, before recovery.</summary>
    public RaftNodeCore(RaftOptions options, KvStore store)
    {
        options.Validate();
        _options = options;
        _raft = new RaftProtocol(options);
        _machine = MachineOver(store, options);
        _visit = Visit;
    }

    /// <summary>The protocol, for tests that look at its state.</summary>
    internal RaftProtocol Protocol => _raft;

    /// <summary>Snapshots of others that became this node's state, for tests.</summary>
    internal long SnapshotsInstalled => _counters.SnapshotsInstalled;

    /// <summary>The state machine, for tests that look at it.</summary>
    internal KvStore Store => _machine.Store;

    /// <inheritdoc/>
    public bool HasPart => _raft.Incarnation > 0;

    /// <inheritdoc/>
    public void Recover(byte recordType, ReadOnlyMemory<byte> payload)
    {
        _recovered++;
        _loggedBytes += payload.Length;
        if (RaftRecords.TryReadSnapshot(recordType, payload, out var index, out var term, out var number, out var piece))
        {
            RecoverPiece(index, term, number, piece);
        }
        else
        {
            RaftRecords.Recover(_raft, recordType, payload);
            if (recordType == RaftRecords.Entries)
            {
                Mark(_recovered, _raft.Log.LastIndex);
            }
        }

        while (_raft.IsAnchored && _raft.Applied < _raft.Commit)
        {
            ApplyNext();
        }

        _raft.DropUnneeded();
    }

    /// <inheritdoc/>
    public void Start(CoreTime now, ICoreOutput output) => _raft.Start(now.MonotonicMicros);

    /// <inheritdoc/>
    public void Tick(CoreTime now, ICoreOutput output)
    {
        _raft.Tick(now.MonotonicMicros);
        TickSnapshots(now.MonotonicMicros);
        NoticeRole(output);
    }

    /// <inheritdoc/>
    public bool Receive(Endpoint from, ReadOnlyMemory<byte> message, ICoreOutput output)
    {
        if (from.Kind == EndpointKind.Client)
        {
            return ReceiveFromClient(from, message, output);
        }

        if (!IsPeer(from) || !RaftMessage.TryRead(message, out var decoded) || decoded.Kind is
            RaftMessageKind.LeaderQuery or RaftMessageKind.LeaderInfo or RaftMessageKind.Admin)
        {
            return false;
        }

        _counters.MessagesReceived++;
        _raft.Step(from.Id, decoded);
        NoticeRole(output);
        if (decoded.Kind == RaftMessageKind.SnapshotChunk && IsForUsNow(decoded) && _raft.Leader == from.Id)
        {
            OnSnapshotChunk(from.Id, decoded, output);
        }
        else if (decoded.Kind == RaftMessageKind.SnapshotReply && IsForUsNow(decoded))
        {
            OnSnapshotReply(from.Id, decoded);
        }

        return true;
    }

    /// <inheritdoc/>
    public void LinkUp(Endpoint endpoint, ICoreOutput output)
    {
        if (IsPeer(endpoint))
        {
            _raft.LinkUp(endpoint.Id);
            if (_transfer is { } transfer && transfer.Member.Node == endpoint.Node)
            {
                transfer.Resend();
            }
        }
    }

    /// <inheritdoc/>
    public void LinkDown(Endpoint endpoint, ICoreOutput output)
    {
        // A client's pending requests stay: their effects do not depend on who waits, and answers to it are
        // lost unharmed.
        if (IsPeer(endpoint))
        {
            _raft.LinkDown(endpoint.Id);
            NoticeRole(output);
        }
    }

    /// <inheritdoc/>
    public void StorageDone(LogSequence upTo, ICoreOutput output)
    {
        _raft.StorageDone(upTo);
        NoticeRole(output);
    }

    /// <inheritdoc/>
    public void Flush(ICoreOutput output)
    {
        _raft.DropUnneeded();
        _raft.TendMembers();
        NoticeRole(output);
        TellAddresses(output);
        BeginReads();
        WriteCheckpoint(output);
        WriteRecords(output);
        Release(output);
        SendOutbox(output);
        SendSnapshots(output);
        SendAppends(output);
        Apply(output);
        ServeReads(output);
    }

    /// <summary>The protocol has taken it for a message of this term to this life.</summary>
    private bool IsForUsNow(in RaftMessage message) =>
        message.Term == _raft.Term && message.To == _raft.Incarnation && _raft.Incarnation > 0;

    private bool IsPeer(Endpoint endpoint) =>
        endpoint.Kind == EndpointKind.Peer && (uint)endpoint.Id < Limits.Nodes
        && endpoint.Id != _options.Self.Index;

    /// <summary>
    /// Records before messages: whatever leaves after durable then covers what this batch wrote.
    /// </summary>
    private void WriteRecords(ICoreOutput output)
    {
        LogSequence last = default;
        if (_raft.HardStateDirty)
        {
            last = RaftRecords.AppendHardState(_raft, output);
            _counters.Records++;
        }

        var first = 0L;
        for (var next = _raft.Unwritten; next <= _raft.Log.LastIndex;)
        {
            last = RaftRecords.AppendEntries(_raft, next, out var written, output);
            _loggedBytes += _raft.Log.BytesBetween(next - 1, written);
            next = written + 1;
            first = first > 0 ? first : last.Value;
            _counters.Records++;
        }

        if (first > 0 && !_options.Volatile)
        {
            Mark(first, _raft.Log.LastIndex);
        }

        if (last.Value > 0)
        {
            _raft.Written(last);
        }
    }

    private void SendOutbox(ICoreOutput output)
    {
        foreach (var outgoing in _raft.Outbox)
        {
            if (!_raft.IsCurrent(outgoing))
            {
                continue;
            }

            var to = Endpoint.Peer(new NodeId(outgoing.To));
            if (outgoing.AfterDurable)
            {
                Invariant.Holds(
                    outgoing.Message.Kind != RaftMessageKind.AppendReply || !outgoing.Message.Yes
                    || outgoing.Message.Index < _raft.Unwritten,
                    "R6 no acknowledgement before durable");
                output.End(outgoing.Message.Write(output.BeginAfterDurable(to, RaftMessage.HeadBytes)));
            }
            else
            {
                output.End(outgoing.Message.Write(output.Begin(to, RaftMessage.HeadBytes)));
            }

            _counters.MessagesSent++;
        }

        _raft.Outbox.Clear();
    }

    private void SendAppends(ICoreOutput output)
    {
        if (_raft.Role != RaftRole.Leader)
        {
            return;
        }

        foreach (var slot in _raft.Roster.Configuration.Members)
        {
            while (_raft.TryPlanAppend(slot, out var plan))
            {
                var to = Endpoint.Peer(_raft.Roster[slot].Node);
                var room = output.Begin(to, RaftMessage.HeadBytes + plan.EntryBytes);
                var head = _raft.AppendHead(slot, plan).WriteHead(room, plan.EntryBytes);
                _raft.Log.CopyTo(room[head..], plan.First, plan.Last);
                output.End(head + plan.EntryBytes);
                _counters.MessagesSent++;
                _counters.AppendsSent++;
                _counters.AppendBytesSent += plan.EntryBytes;
            }
        }
    }

    /// <summary>A piece of a checkpoint, or of a snapshot that came from a leader.</summary>
    private void RecoverPiece(ulong index, ulong term, uint number, ReadOnlyMemory<byte> piece)
    {
        if (number == 0)
        {
            (_staging, _stagingSequence) = (new SnapshotStaging(index, term), new LogSequence(_recovered));
        }

        // Without its head a snapshot was given up, or released with what lies before a later one.
        if (_staging is not { } staging || staging.Index != index || staging.Term != term || staging.Pieces != number
            || !staging.TryTake(piece))
        {
            _staging = null;
        }
        else if (staging.IsComplete)
        {
            _staging = null;
            TakeState(staging);
            _loggedBytes = 0;
        }
    }

    private struct PendingWrite
    {
        public ulong Index;
        public Endpoint From;
        public ulong CorrelationId;
    }

    private struct Counters
    {
        public long Puts;
        public long Gets;
        public long Deletes;
        public long Scans;
        public long NotLeader;
        public long Busy;
        public long Unknown;
        public long ReadRounds;
        public long Records;
        public long MessagesSent;
        public long MessagesReceived;
        public long AppendsSent;
        public long AppendBytesSent;
        public long SnapshotsSent;
        public long SnapshotBytesSent;
        public long SnapshotsInstalled;
        public long SnapshotsDamaged;
        public long Checkpoints;
        public long CheckpointBytes;
        public long LeaderChanges;
        public int LastLeader;
    }
}
