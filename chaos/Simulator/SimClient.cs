using Testbed.Checker;
using Testbed.Ecc;
using Testbed.Raft;
using Testbed.Wire;
using Testbed.Workloads;

namespace Testbed.Simulator;

/// <summary>
/// A client process: one client core, hosted as the client library hosts it, and a few logical clients with
/// one operation at a time each. Every operation goes into the history.
/// </summary>
internal sealed class SimClient : SimProcess, IClientOutput
{
    private const long IdleMicros = 20_000;
    private const long EccRestMicros = 100_000;
    private const long HealedThinkMicros = 40_000;

    private readonly int _number;
    private readonly SimOutbox?[] _nodes;
    private readonly List<SimOutbox> _dirty = [];
    private readonly Slot[] _slots;

    /// <summary>What each key held when this process last knew: what a compare-and-set expects.</summary>
    private readonly (ReadOnlyMemory<byte> Value, ulong Identity)[] _known;
    private FrameBuilder? _writing;
    private byte[] _scratch = new byte[256];
    private IClientCore _core = null!;
    private int _lives;
    private int _busy;
    private long _writes;

    public SimClient(SimCluster cluster, int index, int number)
        : base(cluster, index)
    {
        var shape = cluster.Shape;
        _number = number;
        _nodes = new SimOutbox?[shape.Nodes];
        _slots = new Slot[shape.Slots];
        _known = new (ReadOnlyMemory<byte>, ulong)[shape.Keys];
        for (var slot = 0; slot < _slots.Length; slot++)
        {
            _slots[slot] = new Slot(SimRandom.For(shape.Seed, Concern.Operations, (number << 8) | slot));
        }

        Clock = new SimClock(
            1_000_000 + Random.Below(100_000_000), Random.Between(-shape.WallErrorMicros, shape.WallErrorMicros),
            Random.Between(-shape.ClockPpm, shape.ClockPpm));
    }

    /// <summary>Operations under way.</summary>
    public int Busy => _busy;

    /// <summary>Operations since all was healed that ended without a definite answer.</summary>
    public string? LateFailure { get; private set; }

    /// <summary>Definite answers to operations that began after <see cref="SimCluster.ServingSince"/>.</summary>
    public long ServedLate { get; private set; }

    /// <summary>Most operations one logical client began.</summary>
    public int MostOperations => _slots.Max(slot => slot.Begun);

    /// <summary>Counters of the ECC client; null for Raft.</summary>
    public EngineCounters? EccCounters => (_core as EccClientCore)?.Engine.Counters;

    // An ECC client whose operations are over, and what they left to be done too, has nothing to time.
    protected override long NextTickMicros => _busy > 0 ? TickMicros
        : _core is EccClientCore { Engine.ActiveCount: 0 } ? EccRestMicros
        : IdleMicros;

    /// <summary>Starts the process; its logical clients begin soon.</summary>
    public void Boot()
    {
        var shape = Cluster.Shape;
        var core = _number + (64 * _lives++);
        _core = shape.Strategy == SimulatedStrategy.Raft
            ? new RaftClientCore(shape.RaftClient(core))
            : new EccClientCore(shape.EccClient(core));
        Begin();
        Cluster.Network.OpenAll(Index);
        for (var slot = 0; slot < _slots.Length; slot++)
        {
            PlanSubmit(slot);
        }
    }

    /// <summary>
    /// The process is gone, with its machine perhaps: what is under way stays open for ever.
    /// </summary>
    public void Die(bool withMachine)
    {
        if (!Alive)
        {
            return;
        }

        End();
        Cluster.Network.CloseAll(Index, silent: withMachine);
        Array.Clear(_nodes);
        _dirty.Clear();
        foreach (var slot in _slots)
        {
            if (slot.IsBusy && slot.Kind is KvKind.Put or KvKind.Delete or KvKind.CompareAndSet)
            {
                Record(slot, slot.Key, slot.Identity, HistoryOutcome.Info);
            }

            slot.IsBusy = false;
        }

        _busy = 0;
    }

    /// <summary>A logical client's pause is over.</summary>
    public void Submit(in SimEvent happened)
    {
        if (!Alive || happened.C != Life || !Cluster.Submits)
        {
            return;
        }

        var slot = _slots[happened.B];
        if (IsPaused)
        {
            PlanSubmit(happened.B);
            return;
        }

        if (!Cluster.Healed)
        {
            if (slot.Begun >= (Cluster.Options.Operations ?? int.MaxValue))
            {
                PlanSubmit(happened.B);
                return;
            }

            slot.Begun++;
        }

        var operation = Draw(slot);
        Begin(happened.B, operation);
    }

    /// <summary>Reads one key in the first logical client, which must be free.</summary>
    public void Read(int key, long timeoutMicros)
    {
        var slot = _slots[0];
        (slot.Kind, slot.Key, slot.Identity) = (KvKind.Get, key, 0);
        Begin(0, new ClientOperation(
            KvKind.Get, Cluster.Key(key), default, 0, Time.MonotonicMicros + timeoutMicros));
    }

    Span<byte> IClientOutput.Begin(NodeId to, int maxBytes)
    {
        if (_nodes[to.Index] is not { } outbox)
        {
            _writing = null;
            _scratch = _scratch.Length < maxBytes ? new byte[maxBytes] : _scratch;
            return _scratch.AsSpan(0, maxBytes);
        }

        if (!outbox.IsDirty)
        {
            outbox.IsDirty = true;
            _dirty.Add(outbox);
        }

        _writing = outbox.Plain;
        return _writing.Begin(maxBytes);
    }

    void IClientOutput.End(int writtenBytes) => _writing?.End(writtenBytes);

    void IClientOutput.Complete(int slot, in ClientResult result)
    {
        var ended = _slots[slot];
        if (!ended.IsBusy)
        {
            throw new SimulationViolation($"client {_number} ends an operation twice (R12)");
        }

        ended.IsBusy = false;
        _busy--;
        Cluster.Ended(result.Outcome);
        var done = result.Outcome is KvOutcome.Ok or KvOutcome.NotFound;
        var definite = done || result.Outcome == KvOutcome.PreconditionFailed;
        if (ended.Kind == KvKind.Scan)
        {
            RecordScan(ended, result);
        }
        else if (ended.Kind == KvKind.Get)
        {
            RecordGet(ended, result);
        }
        else
        {
            RecordWrite(ended, result);
        }

        if (done && ended.Kind != KvKind.Scan && ended.Invoked >= Cluster.CountsSince)
        {
            var version = _core is EccClientCore ecc ? ecc.Engine.LastVersion : EccVersion.None;
            Cluster.Checks.Completed(ended.Kind, ended.Key, ended.Identity, version);
        }

        if (ended.StartMicros >= Cluster.ServingSince)
        {
            ServedLate += definite ? 1 : 0;
            LateFailure ??= definite
                ? null
                : $"client {_number}: {ended.Kind} of key {ended.Key} ended {result.Outcome} ({result.Reason})";
        }

        PlanSubmit(slot);
    }

    // What it sends last reaches some of the nodes only.
    protected override bool DiesInstead(in SimInput input)
    {
        if (!Random.OneIn(3))
        {
            return false;
        }

        RunBatch(new Queue<SimInput>([input]));
        Die(withMachine: true);
        Boot();
        return true;
    }

    protected override void RunBatch(Queue<SimInput> inbox)
    {
        _core.Tick(Time, this);
        while (inbox.TryDequeue(out var input))
        {
            Handle(input);
        }

        Publish();
    }

    private CoreTime Time => Clock.At(Cluster.Now);

    private void Begin(int slot, in ClientOperation operation)
    {
        // The core's own time moves with its ticks; the deadline is measured on it.
        _core.Tick(Time, this);
        var begun = _slots[slot];
        begun.IsBusy = true;
        begun.StartMicros = Cluster.Now;
        begun.Invoked = Cluster.NextInstant();
        begun.Process = Cluster.NextProcess();
        _busy++;
        _core.Submit(slot, operation, this);
        Publish();
    }

    private ClientOperation Draw(Slot slot)
    {
        var shape = Cluster.Shape;
        var dice = slot.Random.Below(100);
        slot.Kind = dice < shape.ReadPercent ? KvKind.Get
            : dice < 96 - (shape.ReadPercent / 8) ? KvKind.Put
            : dice < 98 ? KvKind.Delete
            : KvKind.Scan;
        slot.Key = (int)(slot.Random.OneIn(3) ? 0 : slot.Random.Below(shape.Keys));
        if (shape.Strategy == SimulatedStrategy.Raft)
        {
            DrawCondition(slot);
        }

        var sets = slot.Kind is KvKind.Put or KvKind.CompareAndSet;
        slot.Identity = sets
            ? RecordValue.Identity((uint)(_number + 1 + (64 * _lives)), ++_writes)
            : 0;
        var timeout = Cluster.Healed ? SimCluster.PatienceMicros
            : slot.Random.OneIn(8) ? 5_000 + slot.Random.Below(60_000)
            : 50_000 + slot.Random.Below(shape.TimeoutMicros);
        var bytes = RecordValue.HeaderBytes + (int)(slot.Random.OneIn(8) ? 0 : slot.Random.Below(shape.ValueBytes));
        slot.Value = sets ? Value(bytes, slot) : default;
        (var expected, slot.Expected) = slot.Kind == KvKind.CompareAndSet ? _known[slot.Key] : default;
        return new ClientOperation(
            slot.Kind,
            slot.Kind == KvKind.Scan ? default : Cluster.Key(slot.Key),
            slot.Value,
            slot.Kind == KvKind.Scan ? 100 : 0,
            Time.MonotonicMicros + timeout)
        {
            ExpectsValue = slot.Expected != 0,
            Expected = expected,
        };
    }

    // A quarter of the puts compare and set. Keys are either deleted, or set where absent was expected: histories with
    // both on one key can only be settled by search.
    private void DrawCondition(Slot slot)
    {
        var deletes = ((Cluster.Shape.Seed ^ (ulong)slot.Key) & 1) == 0;
        if (slot.Kind == KvKind.Put && slot.Random.OneIn(4) && (!deletes || _known[slot.Key].Identity != 0))
        {
            slot.Kind = KvKind.CompareAndSet;
        }
        else if (slot.Kind == KvKind.Delete && !deletes)
        {
            slot.Kind = KvKind.Put;
        }
    }

    private byte[] Value(int bytes, Slot slot)
    {
        var value = new byte[bytes];
        RecordValue.Fill(value, slot.Identity, Cluster.KeyHash(slot.Key));
        return value;
    }

    private void PlanSubmit(int slot)
    {
        // Once all is healed a few operations say as much as many.
        var think = Cluster.Healed
            ? Cluster.Shape.Clients * Cluster.Shape.Slots * HealedThinkMicros
            : Cluster.Shape.ThinkMicros;
        Cluster.Queue.Add(
            Cluster.Now + 500 + _slots[slot].Random.Below(think), EventKind.Submit, Index, slot, Life);
    }

    private void Handle(in SimInput input)
    {
        var node = new NodeId((byte)input.Stream!.Target);
        switch (input.Kind)
        {
            case SimInputKind.Frame:
                HandleFrame(node, input.Frame!);
                break;
            case SimInputKind.LinkUp:
                _nodes[node.Index] = new SimOutbox(input.Stream, SimStream.Forward, input.Epoch);
                _core.LinkUp(node, this);
                break;
            default:
                _nodes[node.Index] = null;
                _core.LinkDown(node, this);
                break;
        }
    }

    private void HandleFrame(NodeId node, byte[] frame)
    {
        if (FrameReader.Refusal(frame) is { } refusal)
        {
            throw new SimulationViolation($"a frame for client {_number} is malformed: {refusal}");
        }

        var messages = new FrameReader(frame);
        while (messages.TryNext(out var message))
        {
            if (!_core.Receive(node, message, this))
            {
                throw new SimulationViolation($"client {_number} takes a message of {node} for malformed");
            }
        }
    }

    private void Publish()
    {
        foreach (var outbox in _dirty)
        {
            outbox.IsDirty = false;
            outbox.Publish(Cluster.Network);
        }

        _dirty.Clear();
    }

    private void RecordGet(Slot slot, in ClientResult result)
    {
        if (result.Outcome is KvOutcome.Ok or KvOutcome.NotFound)
        {
            var identity = result.Outcome == KvOutcome.Ok ? Identity(result.Value, slot.Key) : 0;
            _known[slot.Key] = (result.Value, identity);
            Record(slot, slot.Key, identity, HistoryOutcome.Ok);
        }
    }

    private void RecordWrite(Slot slot, in ClientResult result)
    {
        if (result.Outcome == KvOutcome.Ok)
        {
            _known[slot.Key] = (slot.Value, slot.Identity);
        }

        Record(slot, slot.Key, slot.Identity, result.Outcome switch
        {
            KvOutcome.Ok => HistoryOutcome.Ok,
            KvOutcome.Failed or KvOutcome.PreconditionFailed => HistoryOutcome.Fail,
            _ => HistoryOutcome.Info,
        });
    }

    // A scan is a read of every key at its own moment: what it does not show was absent.
    private void RecordScan(Slot slot, in ClientResult result)
    {
        if (result.Outcome != KvOutcome.Ok)
        {
            return;
        }

        for (var key = 0; key < Cluster.Shape.Keys; key++)
        {
            var identity = 0UL;
            foreach (var entry in result.Entries!)
            {
                if (entry.Key.Span.SequenceEqual(Cluster.Key(key).Span))
                {
                    identity = Identity(entry.Value, key);
                }
            }

            Record(slot, key, identity, HistoryOutcome.Ok, HistoryKind.Read, Cluster.NextProcess());
        }
    }

    private ulong Identity(ReadOnlyMemory<byte> value, int key)
    {
        if (RecordValue.Check(value.Span, Cluster.KeyHash(key), out var identity) != RecordCheck.Whole)
        {
            throw new SimulationViolation(
                $"client {_number} reads a value of key {key} that is not whole (E8): "
                + Convert.ToHexString(value.Span[..Math.Min(32, value.Length)]));
        }

        return identity;
    }

    private void Record(Slot slot, int key, ulong identity, HistoryOutcome outcome) => Record(
        slot, key, identity, outcome,
        slot.Kind switch
        {
            KvKind.Put => HistoryKind.Write,
            KvKind.Delete => HistoryKind.Delete,
            KvKind.CompareAndSet => HistoryKind.Cas,
            _ => HistoryKind.Read,
        },
        slot.Process);

    private void Record(
        Slot slot, int key, ulong identity, HistoryOutcome outcome, HistoryKind kind, int process) =>
        Cluster.History.Add(new HistoryOperation(
            process, kind, key, identity, slot.Invoked, Cluster.NextInstant(), outcome)
        {
            Expected = kind == HistoryKind.Cas ? slot.Expected : 0,
        });

    /// <summary>A logical client.</summary>
    private sealed class Slot(SimRandom random)
    {
        public SimRandom Random { get; } = random;

        public bool IsBusy { get; set; }

        public KvKind Kind { get; set; }

        public int Key { get; set; }

        public ulong Identity { get; set; }

        /// <summary>What a put or compare-and-set sets, and the identity the latter expects.</summary>
        public ReadOnlyMemory<byte> Value { get; set; }

        public ulong Expected { get; set; }

        public long StartMicros { get; set; }

        public long Invoked { get; set; }

        public int Process { get; set; }

        /// <summary>Operations begun while faults acted.</summary>
        public int Begun { get; set; }
    }
}
