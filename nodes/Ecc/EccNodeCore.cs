using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// A replica of the ECC strategy. With levels os and fsync it replays its log, keeps its incarnation and is
/// READY at once, merely behind: digests and fills catch it up. Without memory it registers a new incarnation
/// first and then recovers from the others.
/// </summary>
public sealed partial class EccNodeCore : INodeCore
{
    private readonly EccOptions _options;
    private readonly EccCode _code;
    private readonly Replica _replica;
    private readonly ReplicaService _service;
    private readonly NodePort _port;
    private readonly OperationEngine _engine;
    private readonly DigestExchange _digests;
    private readonly RepairQueue _repairs;
    private readonly Gateway _gateway;
    private readonly Endpoint _self;
    private readonly CrashVector _known;
    private readonly Readiness _readiness;
    private readonly Registration _registration;
    private readonly Rebuild _rebuild;
    private readonly RebuildSource _source;
    private readonly Checkpoint _checkpoint;
    private readonly FenceTable _fences = new();
    private readonly OrphanSweep _orphans;
    private ulong _lives;
    private long _now;
    private long _wallMicros;

    /// <summary>A node over its store, which must be empty.</summary>
    public EccNodeCore(EccOptions options, KvStore store)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.GatewaySlots, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.FillsInFlight, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.WidensInFlight);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.WidensPerSecond, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RebuildBytesPerSecond, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RebuildKeysPerPage, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.CheckpointBytesPerTick, 1);
        _code = new EccCode(options.Nodes, options.DataElements, options.Kernel);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(options.Self.Index, options.Nodes);
        _options = options;
        _self = Endpoint.Peer(options.Self);
        _replica = new Replica(_code, store, options);
        _port = new NodePort(
            options.Self, _replica.Gate, (options.Mutants & EccMutants.AckBeforeDurable) != 0);
        _known = new CrashVector(options.Nodes);
        _readiness = new Readiness(_known, options.Self.Index, options.Mutants);
        _service = new ReplicaService(_replica, _code, options, _port, _readiness, _known, _fences);
        _engine = new OperationEngine(_code, 0, options.Engine, _port);
        _engine.Gets.NotPreferred = 1u << options.Self.Index;
        _engine.Gets.RepairerId = options.Self.Index + 1;
        _digests = new DigestExchange(
            _code, options, _replica, _port, _known, _readiness,
            new SplitMix64(options.Seed ^ ((ulong)options.Self.Index << 32)));
        _repairs = new RepairQueue(_code, options, _replica, _engine, options.GatewaySlots);
        _gateway = new Gateway(_engine, _port, options);
        _registration = new Registration(
            _code, options, _port, _known, _readiness, _fences, _engine.Health);
        _rebuild = new Rebuild(_code, options, _replica, _port, _known, _readiness, _engine.Health);
        _source = new RebuildSource(_replica, options, _port, _known, _readiness);
        _checkpoint = new Checkpoint(options, _replica, _port, AppendStanding);
        _orphans = new OrphanSweep(
            _code, options, _replica, _port, _known, _readiness, _fences, _engine.Health);
        _port.OnCompleted = Completed;
        _replica.OnMissing = _repairs.AddMissing;
        _registration.OnRegistered = OnRegistered;
        _registration.OnFounded = OnFounded;
        _registration.OnLearnt = _source.OnLearnt = _orphans.OnLearnt = AppendKnown;
        _registration.OnFenced = _orphans.OnFenced = AppendFence;
        _engine.OnKnown = OnKnown;
        _rebuild.OnOwnKnown = _orphans.OnOwnKnown = OnOwnKnown;
        _rebuild.OnLearnt = AppendKnown;
        _registration.OnOutbid = RegisterAgain;
        _rebuild.OnSlot = AppendSlot;
        _service.OnNotReady = _rebuild.Requested;
        _service.IsLost = () => IsLost;
        _gateway.IsLost = () => _registration.IsLost;
    }

    internal Replica Replica => _replica;

    internal FenceTable Fences => _fences;

    /// <summary>True when the digests of the start are through and no element is missing.</summary>
    internal bool IsCaughtUp =>
        _readiness.IsReady && _digests.StartPassDone && _replica.MissingElements == 0;

    /// <summary>True when nothing is left to restore or compare.</summary>
    internal bool IsIdle => IsCaughtUp && !_digests.IsWalking && _engine.ActiveCount == 0;

    /// <inheritdoc/>
    public void Recover(byte recordType, ReadOnlyMemory<byte> payload)
    {
        _hadLog = true;
        _checkpoint.Count(payload.Length);
        if (!TryRecoverStanding(recordType, payload))
        {
            _replica.Recover(recordType, payload);
        }
    }

    /// <inheritdoc/>
    public void Start(CoreTime now, ICoreOutput output)
    {
        Enter(now, output);

        // E1: the gateway's tags must differ from those of earlier lives, whatever the clock does.
        var identity = new SplitMix64(_options.Seed ^ ((ulong)_options.Self.Index << 56) ^ (_lives << 40)
            ^ (ulong)now.WallMicros ^ _options.Nonce);
        _engine.ClientId = EccClientCore.ClientIdOf(identity);
        Stand(identity.Next());
        Leave();
    }

    /// <inheritdoc/>
    public void Tick(CoreTime now, ICoreOutput output)
    {
        Enter(now, output);
        _registration.Tick(now.MonotonicMicros);
        _rebuild.Tick(now.MonotonicMicros);
        if (_readiness.IsReady)
        {
            _digests.Tick(now.MonotonicMicros);
        }

        _checkpoint.Tick();
        _orphans.Tick();
        if (_options.Volatile && !_readiness.IsStarting)
        {
            // As in StorageDone: nobody else would clear this node of suspicion.
            _engine.Health.Heard(_options.Self.Index);
        }

        _repairs.Tick(now.MonotonicMicros);
        if (_replica.Held.PinnedCount > 0)
        {
            _replica.Held.Expire(now.MonotonicMicros);
        }

        Leave();
    }

    private void Enter(CoreTime now, ICoreOutput output)
    {
        _port.Use(output);
        (_now, _wallMicros) = (now.MonotonicMicros, now.WallMicros);
        _replica.NowMicros = now.MonotonicMicros;
        _digests.SeeWall(now.WallMicros);
        _engine.Tick(now);
    }

    /// <summary>
    /// Handles what the node said to itself; each message leads to at most a few more, and all end.
    /// </summary>
    private void Leave()
    {
        while (_port.TryTakeLocal(out var message))
        {
            Dispatch(_self, message);
        }
    }

    /// <inheritdoc/>
    public bool Receive(Endpoint from, ReadOnlyMemory<byte> message, ICoreOutput output)
    {
        _port.Use(output);
        var understood = Dispatch(from, message);
        Leave();
        return understood;
    }

    private bool Dispatch(Endpoint from, ReadOnlyMemory<byte> message)
    {
        if (message.IsEmpty)
        {
            return false;
        }

        if (_service.TryHandle(from, message))
        {
            return true;
        }

        if (message.Span[0] == MessageTypes.KvRequest)
        {
            if (!KvRequest.TryRead(message, out var request))
            {
                return false;
            }

            _gateway.Submit(from, request);
            return true;
        }

        if (message.Span[0] == EccTypes.Reset && from.Kind == EndpointKind.Client)
        {
            return OnReset(from, message);
        }

        return from.Kind == EndpointKind.Peer && from.Id >= 0 && from.Id < _code.Nodes
            && DispatchPeer(from, message);
    }

    private bool DispatchPeer(Endpoint from, ReadOnlyMemory<byte> message)
    {
        switch (message.Span[0])
        {
            case EccTypes.Digest when EccDigest.TryRead(message, out var digest):
                // A node that still recovers has nothing to compare; it is asked again.
                if (_readiness.IsReady)
                {
                    _digests.OnDigest(from, digest);
                }

                return true;
            case EccTypes.DigestReply when EccDigestReply.TryRead(message, out var reply):
                // An idle node sends no probes, so this is how it finds out that a suspected peer is back.
                _engine.Health.Heard(from.Id);
                _digests.OnReply(from.Id, reply);
                return true;
            case EccTypes.DigestPush when EccDigestPush.TryRead(message, out var push):
                if (!_readiness.IsStarting)
                {
                    _digests.OnPush(from.Id, push);
                }

                return true;
            case >= EccTypes.Register and <= EccTypes.PullReply when from != _self:
                return DispatchRecovery(from, message);
            case EccTypes.Fence when EccFence.TryRead(message, out var fence):
                _orphans.OnFence(from, fence);
                return true;
            case EccTypes.FenceReply when EccFenceReply.TryRead(message, out var fenced):
                _orphans.OnReply(from.Id, fenced);
                return true;
            default:
                return EngineReplies.TryDispatch(_engine, from.Id, message);
        }
    }

    private void Completed(OperationSlot slot, ClientResult result)
    {
        if (_repairs.Owns(slot.Index))
        {
            _repairs.Completed(slot, result);
        }
        else
        {
            _gateway.Completed(slot, result);
        }
    }

    /// <inheritdoc/>
    public void LinkUp(Endpoint endpoint, ICoreOutput output)
    {
        _port.Use(output);
        if (IsOtherNode(endpoint))
        {
            _engine.LinkUp(endpoint.Id);
            _registration.LinkUp(endpoint.Id);
            _digests.LinkUp(endpoint.Id);
            Leave();
        }
    }

    /// <inheritdoc/>
    public void LinkDown(Endpoint endpoint, ICoreOutput output)
    {
        _port.Use(output);
        if (IsOtherNode(endpoint))
        {
            _engine.LinkDown(endpoint.Id);
            _digests.LinkDown(endpoint.Id);
            Leave();
        }
    }

    private bool IsOtherNode(Endpoint endpoint) =>
        endpoint.Kind == EndpointKind.Peer && endpoint != _self && endpoint.Id >= 0
            && endpoint.Id < _code.Nodes;

    /// <inheritdoc/>
    public void StorageDone(LogSequence upTo, ICoreOutput output)
    {
        _port.Use(output);
        _replica.Gate.Done(upTo);
        if (_replica.Gate.AllSettled)
        {
            // A node whose disk was slow suspects itself like any other; nobody else would clear it of that.
            _engine.Health.Heard(_options.Self.Index);
        }

        Leave();
    }

    /// <inheritdoc/>
    public void Flush(ICoreOutput output)
    {
        // Nothing waits for the end of a batch: every input is answered when it is handled.
    }

    /// <inheritdoc/>
    public void Report(IStatusSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        sink.Text("role", "replica");
        sink.Text("leader", "");
        sink.Text("width", _options.FixedWidth ? "fixed" : "adaptive");
        ReportStanding(sink);
        sink.Gauge("caught_up", IsCaughtUp ? 1 : 0);
        var bytes = _replica.Store.Bytes;
        var held = _replica.Held;
        var heldOverhead = (long)held.Count * HeldTable.EntryOverheadBytes;
        sink.Gauge("store_keys", _replica.PresentKeys);
        sink.Gauge("tombstone_keys", _replica.Store.Count - _replica.PresentKeys);
        sink.Gauge("store_payload_bytes", bytes.PayloadBytes + held.BlobBytes);
        sink.Gauge("store_key_bytes", bytes.KeyBytes + held.KeyBytes);
        sink.Gauge("store_metadata_bytes", bytes.MetadataBytes + heldOverhead);
        sink.Gauge("store_total_bytes", bytes.TotalBytes + held.TotalBytes);
        sink.Gauge("held_prewrites", held.Count);
        sink.Gauge("held_bytes", held.TotalBytes);
        _service.Report(sink);
        _engine.Counters.Report(sink);
        _repairs.Report(sink);
        _orphans.Report(sink);
        sink.Counter("corrupt_elements", _engine.Counters.CorruptElements + _replica.CorruptElements);
        sink.Counter("digest_keys", _digests.DigestKeys);
        sink.Counter("adopted_fins", _digests.Adopted);
        sink.Counter("gateway_requests", _gateway.Requests);
        sink.Counter("gateway_refused", _gateway.Refused);
        sink.Counter("messages_sent", _port.MessagesSent);
        sink.Counter("bytes_sent", _port.BytesSent);
    }
}
