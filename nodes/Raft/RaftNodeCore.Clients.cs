using System.Buffers.Binary;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// What a node does for clients: requests in, committed entries into the store, answers out.
/// </summary>
public sealed partial class RaftNodeCore
{
    private readonly ScanVisitor _visit;
    private readonly StateMachine _machine;
    private readonly byte[] _opened = new byte[sizeof(ulong)];

    /// <summary>What the entry applied last is answered with.</summary>
    private KvStatus _applied;
    private bool _opens;
    private byte[] _scanBuffer = [];
    private int _scanBytes;
    private int _scanLeft;
    private int _scanFound;
    private long _lies;
    private long _compareAndSets;

    private byte LeaderHint => _raft.Leader == RaftProtocol.None ? KvReply.NoLeader : (byte)_raft.Leader;

    /// <summary>The sessions, for snapshots and tests.</summary>
    internal StateMachine Machine => _machine;

    private static StateMachine MachineOver(KvStore store, RaftOptions options) => new(
        store,
        new SessionTable(options.Sessions)
        {
            LosesSessions = (options.Mutants & RaftMutants.SessionLostInSnapshot) != 0,
        },
        options.Mutants);

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
        else if (request.IsWrite || request.Kind == KvKind.OpenSession)
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

        // Who came to the cluster before the leader did does not know where to find it.
        var address = _raft.Leader == RaftProtocol.None
            ? default
            : _raft.Book.Address(new NodeId((byte)_raft.Leader));
        var info = new RaftMessage
        {
            Kind = RaftMessageKind.LeaderInfo, Term = _raft.Term, Round = query.Round, Leader = LeaderHint,
            Yes = _raft.Role == RaftRole.Leader, Payload = address,
        };
        output.End(info.Write(output.Begin(from, RaftMessage.HeadBytes + address.Length)));
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
        if (_raft.IsTransferring || (uncommitted > 0
            && uncommitted + request.Value.Length + request.Expected.Length > _options.UncommittedBytes))
        {
            _counters.Busy++;
            Answer(from, request.CorrelationId, KvStatus.Busy, output);
            return;
        }

        var index = _raft.Propose(new RaftCommand
        {
            Kind = request.Kind switch
            {
                KvKind.Put => RaftEntryKind.Put,
                KvKind.Delete => RaftEntryKind.Delete,
                KvKind.CompareAndSet => RaftEntryKind.CompareAndSet,
                _ => RaftEntryKind.OpenSession,
            },
            Stamp = request.Stamp,
            Key = request.Key.Span,
            Value = request.Kind == KvKind.Delete ? default : request.Value.Span,
            ExpectsValue = request.ExpectsValue,
            Expected = request.Expected.Span,
        });
        _writes.Add() = new PendingWrite { Index = index, From = from, CorrelationId = request.CorrelationId };
        _counters.Puts += request.Kind == KvKind.Put ? 1 : 0;
        _counters.Deletes += request.Kind == KvKind.Delete ? 1 : 0;
        _compareAndSets += request.Kind == KvKind.CompareAndSet ? 1 : 0;
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

    private void Apply(ICoreOutput output)
    {
        for (var bytes = 0; _raft.Applied < _raft.Commit && bytes < _options.ApplyBytes;)
        {
            bytes += ApplyNext();
            if (_writes.Count > 0 && _writes[0].Index == _raft.Applied)
            {
                AnswerWrite(_writes[0], output);
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
        _applied = _machine.Apply(entry);
        if (entry.Kind == RaftEntryKind.Configuration)
        {
            _raft.ApplyConfiguration(entry.Value);
        }

        _opens = entry.Kind == RaftEntryKind.OpenSession;
        _raft.AppliedNext();
        return entry.Bytes;
    }

    private void AnswerWrite(in PendingWrite write, ICoreOutput output)
    {
        if (!_opens)
        {
            Answer(write.From, write.CorrelationId, _applied, output);
            return;
        }

        BinaryPrimitives.WriteUInt64LittleEndian(_opened, _machine.Opened);
        var room = output.Begin(write.From, KvReply.HeaderBytes + _opened.Length);
        output.End(KvReply.Write(room, write.CorrelationId, KvStatus.Ok, LeaderHint, _opened, default));
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
        var found = Store.TryGet(read.Key.Span, out _, out var value);
        var room = output.Begin(read.From, KvReply.HeaderBytes + value.Length);
        output.End(KvReply.Write(
            room, read.CorrelationId, found ? KvStatus.Ok : KvStatus.NotFound, LeaderHint, value, default));
    }

    private void ServeScan(in PendingRead read, ICoreOutput output)
    {
        (_scanBytes, _scanLeft, _scanFound) = (0, read.ScanLimit, 0);
        if (_scanLeft > 0)
        {
            Store.Scan(read.Key.Span, _visit);
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
