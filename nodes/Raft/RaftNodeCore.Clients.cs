using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// What a node does for clients: requests in, committed entries into the store, answers out.
/// </summary>
public sealed partial class RaftNodeCore
{
    private readonly ScanVisitor _visit;
    private byte[] _scanBuffer = [];
    private int _scanBytes;
    private int _scanLeft;
    private int _scanFound;
    private long _lies;

    private byte LeaderHint => _raft.Leader == RaftProtocol.None ? KvReply.NoLeader : (byte)_raft.Leader;

    private bool ReceiveFromClient(Endpoint from, ReadOnlyMemory<byte> message, ICoreOutput output)
    {
        if (!message.IsEmpty && message.Span[0] == (byte)RaftMessageKind.LeaderQuery)
        {
            return AnswerLeaderQuery(from, message, output);
        }

        if (!message.IsEmpty && message.Span[0] == (byte)RaftMessageKind.Admin)
        {
            return ReceiveAdmin(from, message, output);
        }

        if (!KvRequest.TryRead(message, out var request))
        {
            return false;
        }

        if (request.Kind == KvKind.Get && (_options.Mutants & RaftMutants.FollowerRead) != 0)
        {
            Serve(new PendingRead { From = from, CorrelationId = request.CorrelationId, Key = request.Key }, output);
        }
        else if (_raft.Role != RaftRole.Leader)
        {
            _counters.NotLeader++;
            Answer(from, request.CorrelationId, KvStatus.NotLeader, output);
        }
        else if (request.Kind is KvKind.Put or KvKind.Delete)
        {
            Write(from, request, output);
        }
        else
        {
            Read(from, request, output);
        }

        return true;
    }

    private bool AnswerLeaderQuery(Endpoint from, ReadOnlyMemory<byte> message, ICoreOutput output)
    {
        if (!RaftMessage.TryRead(message, out var query))
        {
            return false;
        }

        var info = new RaftMessage
        {
            Kind = RaftMessageKind.LeaderInfo, Term = _raft.Term, Round = query.Round, Leader = LeaderHint,
            Yes = _raft.Role == RaftRole.Leader,
        };
        output.End(info.Write(output.Begin(from, RaftMessage.HeadBytes)));
        return true;
    }

    private void Write(Endpoint from, in KvRequest request, ICoreOutput output)
    {
        if (_options.TestLie && request.Kind == KvKind.Put && ++_lies % 50 == 0)
        {
            Answer(from, request.CorrelationId, KvStatus.Ok, output);
            return;
        }

        // One write is always let in, however large; none while the leadership is being handed over.
        var uncommitted = _raft.UncommittedBytes;
        if (_raft.IsTransferring || (uncommitted > 0 && uncommitted + request.Value.Length > _options.UncommittedBytes))
        {
            _counters.Busy++;
            Answer(from, request.CorrelationId, KvStatus.Busy, output);
            return;
        }

        var put = request.Kind == KvKind.Put;
        var index = _raft.Propose(
            put ? RaftEntryKind.Put : RaftEntryKind.Delete, request.Key.Span,
            put ? request.Value.Span : default);
        _writes.Add() = new PendingWrite { Index = index, From = from, CorrelationId = request.CorrelationId };
        _counters.Puts += put ? 1 : 0;
        _counters.Deletes += put ? 0 : 1;
    }

    private void Read(Endpoint from, in KvRequest request, ICoreOutput output)
    {
        if (_reads.Count >= _options.PendingReads)
        {
            _counters.Busy++;
            Answer(from, request.CorrelationId, KvStatus.Busy, output);
            return;
        }

        _reads.Add() = new PendingRead
        {
            From = from, CorrelationId = request.CorrelationId, Kind = request.Kind, Key = request.Key,
            ScanLimit = request.ScanLimit,
        };
        _counters.Gets += request.Kind == KvKind.Get ? 1 : 0;
        _counters.Scans += request.Kind == KvKind.Scan ? 1 : 0;
    }

    /// <summary>
    /// Tells those who wait when this node stops leading. What it knew to be committed is still answered
    /// when applied; what lies beyond may have been overruled in the same step, whatever the commit index
    /// says now.
    /// </summary>
    private void NoticeRole(ICoreOutput output)
    {
        if (_raft.Leader != RaftProtocol.None && _counters.LastLeader != _raft.Leader + 1)
        {
            _counters.LeaderChanges++;
            _counters.LastLeader = _raft.Leader + 1;
        }

        var leads = _raft.Role == RaftRole.Leader;
        if (_leading && !leads)
        {
            while (_writes.Count > 0 && _writes[_writes.Count - 1].Index > _raft.CommitAtStepDown)
            {
                var write = _writes[_writes.Count - 1];
                _writes.RemoveBack();
                _counters.Unknown++;
                Answer(write.From, write.CorrelationId, KvStatus.Unknown, output);
            }

            while (_reads.TryTakeAny(out var read))
            {
                _counters.NotLeader++;
                Answer(read.From, read.CorrelationId, KvStatus.NotLeader, output);
            }
        }

        _leading = leads;
    }

    /// <summary>
    /// One round for all reads that arrived since the last; more of them only while few are under way.
    /// </summary>
    private void BeginReads()
    {
        var guarded = (_options.Mutants & RaftMutants.StaleLeaderRead) == 0;
        if (_reads.Unassigned > 0 && _raft.CanServeReads && _reads.Rounds < _options.ReadRounds)
        {
            var commit = _raft.Commit;
            _reads.Assign(guarded ? _raft.BeginReadRound() : 0, commit);
            _counters.ReadRounds++;
        }
    }

    private void Apply(ICoreOutput output)
    {
        for (var bytes = 0; _raft.Applied < _raft.Commit && bytes < _options.ApplyBytes;)
        {
            bytes += ApplyNext();
            if (_writes.Count > 0 && _writes[0].Index == _raft.Applied)
            {
                Answer(_writes[0].From, _writes[0].CorrelationId, KvStatus.Ok, output);
                _writes.RemoveFront();
            }

            Invariant.Holds(_writes.Count == 0 || _writes[0].Index > _raft.Applied, "R5 state machine safety");
        }
    }

    /// <summary>Applies the next committed entry; returns its size.</summary>
    private int ApplyNext()
    {
        var index = _raft.Applied + 1;
        var readable = RaftEntryCodec.TryRead(_raft.Log.Entry(index), out var entry);
        Invariant.Holds(readable && entry.Index == index, "R5 state machine safety");
        if (entry.Kind == RaftEntryKind.Put)
        {
            // No checksum: a full copy is guarded by the log's CRC on its way here, and nobody would compare
            // it.
            _store.Put(entry.Key, new RecordHeader(index, 0, entry.Value.Length, 0), entry.Value);
        }
        else if (entry.Kind == RaftEntryKind.Delete)
        {
            _store.Delete(entry.Key);
        }
        else if (entry.Kind == RaftEntryKind.Configuration)
        {
            _raft.ApplyConfiguration(entry.Value);
        }

        _raft.AppliedNext();
        return entry.Bytes;
    }

    private void ServeReads(ICoreOutput output)
    {
        while (_reads.TryTake(_raft.ConfirmedRound, _raft.Applied, out var read))
        {
            if (read.Kind == KvKind.Scan)
            {
                ServeScan(read, output);
                continue;
            }

            Serve(read, output);
        }
    }

    private void Serve(in PendingRead read, ICoreOutput output)
    {
        var found = _store.TryGet(read.Key.Span, out _, out var value);
        var room = output.Begin(read.From, KvReply.HeaderBytes + value.Length);
        output.End(KvReply.Write(
            room, read.CorrelationId, found ? KvStatus.Ok : KvStatus.NotFound, LeaderHint, value, default));
    }

    private void ServeScan(in PendingRead read, ICoreOutput output)
    {
        (_scanBytes, _scanLeft, _scanFound) = (0, read.ScanLimit, 0);
        if (_scanLeft > 0)
        {
            _store.Scan(read.Key.Span, _visit);
        }

        var room = output.Begin(read.From, KvReply.HeaderBytes + _scanBytes);
        output.End(KvReply.Write(
            room, read.CorrelationId, KvStatus.Ok, LeaderHint, default, _scanBuffer.AsSpan(0, _scanBytes)));
    }

    /// <summary>
    /// Takes one record of a scan; the first one however large it is, so that a scan always gets on.
    /// </summary>
    private bool Visit(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        var bytes = KvEntryCodec.Bytes(key.Length, payload.Length);
        if (_scanFound > 0 && _scanBytes + bytes > _options.ScanReplyBytes)
        {
            return false;
        }

        if (_scanBytes + bytes > _scanBuffer.Length)
        {
            Array.Resize(ref _scanBuffer, int.Max(_scanBytes + bytes, 2 * _scanBuffer.Length));
        }

        var writer = new WireWriter(_scanBuffer.AsSpan(_scanBytes));
        writer.Short(key);
        writer.Long(payload);
        _scanBytes += bytes;
        _scanFound++;
        return --_scanLeft > 0;
    }

    private void Answer(Endpoint to, ulong correlationId, KvStatus status, ICoreOutput output)
    {
        var reply = KvReply.Plain(correlationId, status, LeaderHint);
        output.End(reply.Write(output.Begin(to, KvReply.HeaderBytes)));
    }
}
