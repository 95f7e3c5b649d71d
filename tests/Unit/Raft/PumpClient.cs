using System.Buffers.Binary;
using Testbed.Checker;
using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>A client process with a few logical clients, each with one operation at a time.</summary>
internal sealed class PumpClient : PumpParty, IClientOutput
{
    private const int Slots = 3;

    private readonly Pump _pump;
    private readonly int _index;
    private readonly RaftClientCore _core;
    private readonly Running[] _running = new Running[Slots];
    private readonly bool[] _read;
    private byte[] _room = [];
    private NodeId _to;
    private int _finalKey;
    private long _values;
    private int _processes;

    public PumpClient(Pump pump, int index)
        : base(pump)
    {
        (_pump, _index) = (pump, index);
        _core = new RaftClientCore(
            new RaftClientOptions
            {
                Nodes = pump.Plan.Nodes, Seed = pump.Plan.Seed + (ulong)index, MaxInFlight = Slots,
                SuspicionMicros = 100_000,
            });
        _read = new bool[pump.Plan.Keys];
    }

    public long Ok { get; private set; }

    public void Boot()
    {
        Alive = true;
        _pump.Network.OpenAll(_index);
        Loop();
        for (var slot = 0; slot < Slots; slot++)
        {
            Later(slot);
        }
    }

    public Span<byte> Begin(NodeId to, int maxBytes)
    {
        _to = to;
        _room = _room.Length < maxBytes ? new byte[maxBytes] : _room;
        return _room.AsSpan(0, maxBytes);
    }

    public void End(int writtenBytes) =>
        _pump.Network.Send(_index, _to.Index, _room.AsSpan(0, writtenBytes).ToArray());

    public void Complete(int slot, in ClientResult result)
    {
        var it = _running[slot];
        _running[slot] = default;
        Ok += result.Outcome is KvOutcome.Ok or KvOutcome.NotFound ? 1 : 0;
        if (it.Kind == KvKind.Scan)
        {
            RecordScan(it, result);
        }
        else
        {
            Record(it, result.Outcome, it.Kind == KvKind.Get ? Value(result.Value) : it.Value, it.Key);
        }

        if (_pump.Healing && it.Kind == KvKind.Get && result.Outcome is KvOutcome.Ok or KvOutcome.NotFound)
        {
            _read[it.Key] = true;
        }

        Later(slot);
    }

    /// <summary>Once healed, the cluster must answer: every key was read.</summary>
    public void CheckEnd()
    {
        if (_read.Contains(false))
        {
            var figures = new PumpFigures();
            _core.Report(figures);
            throw new PumpViolation(
                $"client {_index} could not read every key once healed: {figures}\n{_pump.Describe()}");
        }
    }

    protected override void Handle(Queue<PumpInput> inbox)
    {
        _core.Tick(Time(), this);
        while (inbox.TryDequeue(out var input))
        {
            var node = new NodeId((byte)input.From);
            switch (input.Kind)
            {
                case PumpInputKind.Message:
                    if (!_core.Receive(node, input.Message, this))
                    {
                        throw new PumpViolation("an answer was taken for malformed");
                    }

                    break;
                case PumpInputKind.LinkUp:
                    _core.LinkUp(node, this);
                    break;
                default:
                    _core.LinkDown(node, this);
                    break;
            }
        }
    }

    private void Later(int slot) => _pump.After(2_000 + _pump.Draw(60_000), () => Submit(slot));

    private void Submit(int slot)
    {
        if (_pump.Healing && _pump.Now > _pump.Plan.FaultyMicros + 3_000_000)
        {
            return;
        }

        // The core's own time moves with its ticks; the deadline is measured on it.
        _core.Tick(Time(), this);
        var final = _pump.Healing && _pump.Now > _pump.Plan.FaultyMicros + 2_000_000;
        var kind = final ? KvKind.Get : (int)_pump.Draw(10) switch
        {
            < 5 => KvKind.Get,
            < 8 => KvKind.Put,
            8 => KvKind.Delete,
            _ => KvKind.Scan,
        };
        var key = final ? _finalKey++ % _pump.Plan.Keys : (int)_pump.Draw(_pump.Plan.Keys);
        var value = kind == KvKind.Put ? (ulong)(((long)_index << 32) | ++_values) : 0;
        _running[slot] = new Running(kind, key, value, _pump.Now);
        var bytes = new byte[8 + _pump.Draw(60)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        byte[] keyBytes = kind == KvKind.Scan ? [] : [(byte)'k', (byte)key];
        _core.Submit(
            slot,
            new ClientOperation(
                kind, keyBytes, kind == KvKind.Put ? bytes : default, kind == KvKind.Scan ? 100 : 0,
                Time().MonotonicMicros + 200_000 + _pump.Draw(800_000)),
            this);
    }

    private void RecordScan(in Running it, in ClientResult result)
    {
        for (var key = 0; result.Outcome == KvOutcome.Ok && key < _pump.Plan.Keys; key++)
        {
            var found = result.Entries!.Where(e => e.Key.Span[1] == key).Select(e => Value(e.Value)).ToList();
            Record(it with { Kind = KvKind.Get }, KvOutcome.Ok, found.SingleOrDefault(), key);
        }
    }

    private void Record(in Running it, KvOutcome outcome, ulong value, int key) => _pump.History.Add(new(
        _index * 100_000 + _processes++,
        it.Kind switch
        {
            KvKind.Put => HistoryKind.Write,
            KvKind.Delete => HistoryKind.Delete,
            _ => HistoryKind.Read,
        },
        key,
        value,
        it.Start,
        _pump.Now,
        outcome switch
        {
            KvOutcome.Failed => HistoryOutcome.Fail,
            KvOutcome.Unknown => HistoryOutcome.Info,
            _ => HistoryOutcome.Ok,
        }));

    private static ulong Value(ReadOnlyMemory<byte> value) =>
        value.Length >= 8 ? BinaryPrimitives.ReadUInt64LittleEndian(value.Span) : 0;

    private CoreTime Time() => new(1_000_000 + _pump.Now, 0);

    private readonly record struct Running(KvKind Kind, int Key, ulong Value, long Start);
}
