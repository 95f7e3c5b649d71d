using Testbed.Raft;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>A node process: a core, a disk that keeps only what was made durable, and an inbox.</summary>
internal sealed class PumpNode(Pump pump, int index) : PumpParty(pump), ICoreOutput
{
    private readonly Pump _pump = pump;
    private readonly List<(byte Type, byte[] Payload)> _records = [];
    private readonly List<(int Sequence, int To, byte[] Message)> _waiting = [];
    private readonly Dictionary<int, int> _clients = [];
    private byte[] _room = [];
    private (Endpoint To, bool Wait) _begun;
    private RaftNodeCore _core = null!;
    private KvStore _store = new();
    private ulong _seen;
    private int _durable;
    private bool _syncing;

    public int Index => index;

    /// <summary>Counts restarts; what an earlier life had planned is void.</summary>
    public int Life { get; private set; }

    public bool Leads => Alive && _core.Protocol.Role == RaftRole.Leader;

    public RaftProtocol Raft => _core.Protocol;

    public void Boot()
    {
        _store = new KvStore();
        _core = new RaftNodeCore(_pump.Plan.Node(index), _store);
        foreach (var (type, payload) in _records)
        {
            _core.Recover(type, payload);
        }

        Alive = true;
        _seen = 0;
        _pump.Truth.SawCommitted(Raft, ref _seen, index);
        CheckStore();
        _core.Start(Time(), this);
        Finish();
        _pump.Network.OpenAll(index);
        Loop();
    }

    public void BootIfDead()
    {
        if (!Alive)
        {
            Life++;
            Boot();
        }
    }

    /// <summary>The process dies: what was not durable may be lost, from some record on.</summary>
    public void Crash(long downMicros)
    {
        if (!Alive)
        {
            return;
        }

        Alive = false;
        Life++;
        Forget();
        var kept = _durable + (int)_pump.Draw(_records.Count - _durable + 1);
        _records.RemoveRange(kept, _records.Count - kept);
        (_durable, _syncing, PausedUntil) = (_records.Count, false, 0);
        _waiting.Clear();
        _clients.Clear();
        _pump.Network.BreakAll(index);
        _pump.After(downMicros, BootIfDead, this);
    }

    public Span<byte> Begin(Endpoint to, int maxBytes) => Room(to, maxBytes, wait: false);

    public Span<byte> BeginAfterDurable(Endpoint to, int maxBytes) => Room(to, maxBytes, wait: true);

    public void End(int writtenBytes)
    {
        var message = _room.AsSpan(0, writtenBytes).ToArray();
        var id = _begun.To.Id;
        var to = _begun.To.Kind == EndpointKind.Peer ? id : _clients.GetValueOrDefault(id, -1);
        if (to < 0)
        {
            return;
        }

        if (_begun.Wait && _durable < _records.Count)
        {
            _waiting.Add((_records.Count, to, message));
        }
        else
        {
            _pump.Network.Send(index, to, message);
        }
    }

    public LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        _records.Add((recordType, [.. head, .. body]));
        return new LogSequence(_records.Count);
    }

    public void Release(LogSequence upTo)
    {
        // A hint: this log keeps everything.
    }

    public void CheckEnd()
    {
        if (!Alive || Raft.Applied != (ulong)_pump.Truth.Committed || Raft.Leader == RaftProtocol.None)
        {
            throw new PumpViolation(
                $"n{index} did not catch up: applied {Raft.Applied} of {_pump.Truth.Committed}\n{_pump.Describe()}");
        }

        CheckStore();
    }

    public override string ToString()
    {
        var figures = new PumpFigures();
        _core.Report(figures);
        return $"n{index} alive {Alive} life {Life}: {figures}";
    }

    protected override void Handle(Queue<PumpInput> inbox)
    {
        _core.Tick(Time(), this);
        Observe();
        while (inbox.TryDequeue(out var input))
        {
            _pump.Trace = _pump.Trace * 1_000_003 + (ulong)(_pump.Now + (int)input.Kind + input.Message.Length);
            Take(input);
            Observe();
        }

        Finish();
    }

    private void Take(in PumpInput input)
    {
        var peer = input.From < _pump.Plan.Nodes;
        var from = peer ? Endpoint.Peer(new NodeId((byte)input.From)) : Endpoint.Client(input.Connection);
        switch (input.Kind)
        {
            case PumpInputKind.Message:
                if (!peer)
                {
                    _clients[input.Connection] = input.From;
                }

                if (!_core.Receive(from, input.Message, this))
                {
                    throw new PumpViolation("a message was taken for malformed");
                }

                break;
            case PumpInputKind.LinkUp:
                _core.LinkUp(from, this);
                break;
            case PumpInputKind.LinkDown:
                _clients.Remove(peer ? -1 : input.Connection);
                _core.LinkDown(from, this);
                break;
            default:
                _core.StorageDone(new LogSequence(input.Connection), this);
                break;
        }
    }

    private void Finish()
    {
        _core.Flush(this);
        Observe();
        Sync();
    }

    /// <summary>One sync at a time; what is written meanwhile is the next one's.</summary>
    private void Sync()
    {
        if (_syncing || _durable == _records.Count)
        {
            return;
        }

        _syncing = true;
        var upTo = _records.Count;
        _pump.After(1 + _pump.Draw(_pump.Plan.DiskMicros), () => Synced(upTo), this);
    }

    private void Synced(int upTo)
    {
        (_durable, _syncing) = (upTo, false);
        foreach (var (sequence, to, message) in _waiting.Where(w => w.Sequence <= upTo))
        {
            _pump.Network.Send(index, to, message);
        }

        _waiting.RemoveAll(w => w.Sequence <= upTo);
        Deliver(new PumpInput(PumpInputKind.StorageDone, index, upTo, []));
        Sync();
    }

    private void Observe()
    {
        _pump.Truth.SawCommitted(Raft, ref _seen, index);
        if (Raft.Role == RaftRole.Leader)
        {
            _pump.Truth.SawLeader(Raft.Term, index);
        }
    }

    private void CheckStore()
    {
        var model = _pump.Truth.Replay(Raft.Applied);
        var count = 0;
        _store.Scan(default, (ReadOnlySpan<byte> key, in RecordHeader _, ReadOnlySpan<byte> payload) =>
        {
            count++;
            return model.TryGetValue(Convert.ToHexString(key), out var value)
                && value == Convert.ToHexString(payload) ? true : throw new PumpViolation($"n{index}: wrong value");
        });
        if (count != model.Count)
        {
            throw new PumpViolation($"n{index} holds {count} keys, not {model.Count}");
        }
    }

    private Span<byte> Room(Endpoint to, int maxBytes, bool wait)
    {
        _begun = (to, wait);
        _room = _room.Length < maxBytes ? new byte[maxBytes] : _room;
        return _room.AsSpan(0, maxBytes);
    }

    private CoreTime Time() => new(1_000_000 + _pump.Now, 0);
}
