using Testbed.Ecc;
using Testbed.Log;
using Testbed.Raft;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>
/// A node's process: one core, hosted as the node program hosts it. Time first, then what is durable, then
/// the inputs; at the end of the batch the log is handed over before anything leaves.
/// </summary>
internal sealed partial class SimNode : SimProcess, ICoreOutput
{
    private readonly SimOutbox?[] _peers;
    private readonly Dictionary<int, SimOutbox> _clients = [];
    private readonly List<SimOutbox> _dirty = [];
    private readonly Queue<(long After, SimOutbox Outbox, byte[] Frame)> _held = new();
    private FrameBuilder? _writing;
    private byte[] _scratch = new byte[256];
    private INodeCore? _core;

    public SimNode(SimCluster cluster, int index)
        : base(cluster, index)
    {
        var shape = cluster.Shape;
        _peers = new SimOutbox?[shape.Nodes];
        Store = cluster.Memory.TakeStore();
        Clock = new SimClock(
            1_000_000 + Random.Below(100_000_000), Random.Between(-shape.WallErrorMicros, shape.WallErrorMicros),
            Random.Between(-shape.ClockPpm, shape.ClockPpm));
        Disk = new SimDisk(
            shape.Fsync, SimRandom.For(shape.Seed, Concern.Disk, index),
            (type, payload) => cluster.Checks.Durable(index, type, payload));
        _diskRandom = SimRandom.For(shape.Seed, Concern.Disk, 1_000 + index);
        _nonces = SimRandom.For(shape.Seed, Concern.Memory, 1_000 + index);
    }

    /// <summary>The Raft core; null for ECC, and while the node is down.</summary>
    public RaftNodeCore? Raft => _core as RaftNodeCore;

    /// <summary>The ECC core; null for Raft, and while the node is down.</summary>
    public EccNodeCore? Ecc => _core as EccNodeCore;

    /// <summary>The store of the present core.</summary>
    public KvStore Store { get; private set; }

    /// <summary>The disk; outlives the process.</summary>
    public SimDisk Disk { get; }

    /// <summary>Starts that recovered something.</summary>
    public long Recoveries { get; private set; }

    /// <summary>True when the node leads, as far as it knows.</summary>
    public bool Leads => Raft?.Protocol.Role == RaftRole.Leader;

    /// <summary>Starts the process: recovers the log, starts the core, opens the links.</summary>
    public void Boot()
    {
        if (Alive)
        {
            return;
        }

        var core = NewCore();
        try
        {
            Recover(core);
        }
        catch (LogCorruptException refused) when (Disk.IsCorrupt)
        {
            Cluster.Note("refused_corrupt_log", $"n{Index} refuses to start: {refused.Message}");
            return;
        }
        catch (LogCorruptException refused)
        {
            throw new SimulationViolation($"n{Index} refuses a log that nobody damaged: {refused.Message}");
        }
        catch (IOException refused)
        {
            Cluster.Note("failed_starts", $"n{Index} cannot start: {refused.Message}");
            PlanBoot(Cluster.Now + 300_000);
            return;
        }

        _core = core;
        Begin();
        Cluster.Note("starts", $"n{Index} starts with {_recovered} records");
        Cluster.Checks.Recovered(this);
        core.Start(Time, this);
        EndBatch(core);
        Cluster.Network.OpenAll(Index);
    }

    /// <summary>Plans a start; void when the node lives by then.</summary>
    public void PlanBoot(long at) => Cluster.Queue.Add(at, EventKind.Boot, Index);

    /// <summary>The process is gone; with its machine where power is lost.</summary>
    public void Die(bool power)
    {
        if (Alive)
        {
            Forget();
            Cluster.Network.CloseAll(Index, silent: power);
        }

        if (power)
        {
            Disk.LosePower();
        }
        else
        {
            Disk.Kill();
        }
    }

    /// <summary>The process ends in an orderly way.</summary>
    public void Stop()
    {
        if (Alive && (Cluster.Shape.Volatile || WriteAll()))
        {
            Die(power: false);
        }
    }

    Span<byte> ICoreOutput.Begin(Endpoint to, int maxBytes) => BeginMessage(to, maxBytes, held: false);

    // When everything appended is durable, nothing older is held either: it can leave like any other.
    Span<byte> ICoreOutput.BeginAfterDurable(Endpoint to, int maxBytes) =>
        BeginMessage(to, maxBytes, held: _appended > _announced && !Cluster.Shape.Volatile);

    void ICoreOutput.End(int writtenBytes) => _writing?.End(writtenBytes);

    LogSequence ICoreOutput.Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        if (!Cluster.Shape.Volatile)
        {
            _open.Add(recordType, head, body);
        }

        return new LogSequence(++_appended);
    }

    void ICoreOutput.Release(LogSequence upTo) => _release = long.Max(_release, upTo.Value);

    // A Raft node's ticks do nothing before the protocol's next deadline; but one that was not ticked for a
    // heartbeat's time believes that it stood still. An ECC node that is at rest compares a digest now and then;
    // it looks more often for keys that it may widen.
    protected override long NextTickMicros
    {
        get
        {
            if (Raft is { } raft)
            {
                var due = raft.Protocol.NextDueMicros - Time.MonotonicMicros;
                return Math.Clamp(due, TickMicros, (Cluster.Shape.ElectionMicros / 10) - (3 * TickMicros / 2));
            }

            var ecc = Ecc!;
            return !ecc.IsIdle ? TickMicros : ecc.Replica.NarrowKeys > 0 ? 5 * TickMicros : 10 * TickMicros;
        }
    }

    protected override void RunBatch(Queue<SimInput> inbox)
    {
        var core = _core!;
        core.Tick(Time, this);
        AnnounceDurable(core);
        while (inbox.TryDequeue(out var input))
        {
            Handle(core, input);
        }

        EndBatch(core);
    }

    private CoreTime Time => Clock.At(Cluster.Now);

    private INodeCore NewCore()
    {
        // Nothing of an earlier core uses it any more.
        Cluster.Memory.GiveBack(Store, Cluster.Keys);
        Store = Cluster.Memory.TakeStore();
        return Cluster.Shape.Strategy == SimulatedStrategy.Raft
            ? new RaftNodeCore(Cluster.Shape.RaftNode(Index, _nonces.Next(), HasLostDisk), Store)
            : new EccNodeCore(Cluster.Shape.EccNode(Index, _nonces.Next(), _hasVoted), Store);
    }

    // What a change of the members decides while it is applied is seen before anything of it leaves, too.
    private void EndBatch(INodeCore core)
    {
        Cluster.Checks.Batch(this);
        core.Flush(this);
        if (Cluster.Shape.Volatile && _appended > _announced && Raft is not null)
        {
            AnnounceDurable(core);
            Cluster.Checks.Batch(this);
            core.Flush(this);
        }

        if (Raft is not null)
        {
            Cluster.Checks.Batch(this);
        }

        NoteVotes();
        HandOver();
        Publish();
    }

    private void Forget()
    {
        End();
        _core = null;
        Array.Clear(_peers);
        _clients.Clear();
        _dirty.Clear();
        _held.Clear();
        ForgetLog();
    }

    private Span<byte> BeginMessage(Endpoint to, int maxBytes, bool held)
    {
        var outbox = to.Kind == EndpointKind.Peer
            ? (uint)to.Id < (uint)_peers.Length ? _peers[to.Id] : null
            : _clients.GetValueOrDefault(to.Id);
        if (outbox is null)
        {
            _writing = null;
            _scratch = _scratch.Length < maxBytes ? new byte[maxBytes] : _scratch;
            return _scratch.AsSpan(0, maxBytes);
        }

        MarkDirty(outbox);
        _writing = held ? outbox.Held ??= new FrameBuilder() : outbox.Plain;
        return _writing.Begin(maxBytes);
    }

    private void MarkDirty(SimOutbox outbox)
    {
        if (!outbox.IsDirty)
        {
            outbox.IsDirty = true;
            _dirty.Add(outbox);
        }
    }

    private void Handle(INodeCore core, in SimInput input)
    {
        var stream = input.Stream;
        switch (input.Kind)
        {
            case SimInputKind.Frame:
                HandleFrame(core, stream!, input);
                break;
            case SimInputKind.LinkUp:
                _peers[stream!.Target] = new SimOutbox(stream, SimStream.Forward, input.Epoch);
                core.LinkUp(PeerAt(stream.Target), this);
                break;
            case SimInputKind.LinkDown:
                _peers[stream!.Target] = null;
                core.LinkDown(PeerAt(stream.Target), this);
                break;
            case SimInputKind.Opened when stream!.OfClient:
                _clients.Add(input.Connection, new SimOutbox(stream, SimStream.Backward, input.Epoch));
                core.LinkUp(Endpoint.Client(input.Connection), this);
                break;
            case SimInputKind.Closed when stream!.OfClient:
                _clients.Remove(input.Connection);
                core.LinkDown(Endpoint.Client(input.Connection), this);
                break;
            case SimInputKind.GivenUp:
                GiveUp(core);
                break;
            default:
                // A peer's incoming stream carries frames; the link to the peer is the outgoing one.
                break;
        }
    }

    private void HandleFrame(INodeCore core, SimStream stream, in SimInput input)
    {
        var from = stream.OfClient ? Endpoint.Client(input.Connection) : PeerAt(stream.Opener);
        if (FrameReader.Refusal(input.Frame) is { } refusal)
        {
            throw new SimulationViolation($"a frame for n{Index} is malformed: {refusal}");
        }

        var messages = new FrameReader(input.Frame);
        while (messages.TryNext(out var message))
        {
            if (!core.Receive(from, message, this))
            {
                throw new SimulationViolation($"n{Index} takes a message of {from} for malformed");
            }
        }
    }

    private static Endpoint PeerAt(int node) => Endpoint.Peer(new NodeId((byte)node));

    private void Publish()
    {
        foreach (var outbox in _dirty)
        {
            outbox.IsDirty = false;
            if (outbox.Held is { } held)
            {
                var frames = held.Take();
                foreach (var frame in frames)
                {
                    _held.Enqueue((_appended, outbox, frame));
                }

                frames.Clear();
            }

            outbox.Publish(Cluster.Network);
        }

        _dirty.Clear();
    }
}
