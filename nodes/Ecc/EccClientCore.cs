using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>A client of the ECC strategy: counts votes, hedges, steps widths and decides outcomes.</summary>
public sealed class EccClientCore : IClientCore
{
    /// <summary>Why there is no compare-and-set.</summary>
    internal const string NoCompareAndSet =
        "ecc has no compare-and-set: a coded register cannot know what its key held before a write, nor whether it "
        + "existed; use raft";

    private readonly OperationEngine _engine;
    private readonly Port _port = new();
    private readonly int _maxInFlight;

    /// <summary>A client that has not reached any node yet. Every client needs its own seed.</summary>
    public EccClientCore(EccClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _maxInFlight = options.MaxInFlight;
        var code = new EccCode(options.Nodes, options.DataElements, options.Kernel);
        _engine = new OperationEngine(
            code, ClientIdOf(new SplitMix64(options.Seed)), options.Engine, _port);
    }

    internal static uint ClientIdOf(SplitMix64 random) => (uint)(random.Next() >> 32);

    internal OperationEngine Engine => _engine;

    /// <inheritdoc/>
    public void Tick(CoreTime now, IClientOutput output)
    {
        using var _ = _port.Use(output);
        _engine.Tick(now);
    }

    /// <inheritdoc/>
    public void Submit(int slot, in ClientOperation operation, IClientOutput output)
    {
        ArgumentNullException.ThrowIfNull(output);
        using var _ = _port.Use(output);
        if (Refuse(slot, operation) is { } reason)
        {
            output.Complete(slot, new ClientResult { Outcome = KvOutcome.Failed, Reason = reason });
            return;
        }

        if (operation.Kind == KvKind.Scan && operation.ScanLimit <= 0)
        {
            output.Complete(slot, new ClientResult { Outcome = KvOutcome.Ok, Entries = [] });
            return;
        }

        _engine.Submit(slot, KindOf(operation.Kind), operation);
    }

    private string? Refuse(int slot, in ClientOperation operation) =>
        operation.Kind >= KvKind.CompareAndSet ? NoCompareAndSet
        : slot < 0 || slot >= _maxInFlight || _engine.IsBusy(slot) ? "no such free slot"
        : operation.Key.Length > Limits.KeyBytes ? "key too long"
        : operation.Key.IsEmpty && operation.Kind != KvKind.Scan ? "empty key"
        : operation.Kind == KvKind.Put && operation.Value.Length > Limits.ValueBytes ? "value too large"
        : null;

    internal static OperationKind KindOf(KvKind kind) => kind switch
    {
        KvKind.Get => OperationKind.Get,
        KvKind.Put => OperationKind.Put,
        KvKind.Delete => OperationKind.Delete,
        _ => OperationKind.Scan,
    };

    /// <inheritdoc/>
    public bool Receive(NodeId from, ReadOnlyMemory<byte> message, IClientOutput output)
    {
        using var _ = _port.Use(output);
        return EngineReplies.TryDispatch(_engine, from.Index, message);
    }

    /// <inheritdoc/>
    public void LinkUp(NodeId node, IClientOutput output)
    {
        using var _ = _port.Use(output);
        _engine.LinkUp(node.Index);
    }

    /// <inheritdoc/>
    public void LinkDown(NodeId node, IClientOutput output)
    {
        using var _ = _port.Use(output);
        _engine.LinkDown(node.Index);
    }

    /// <inheritdoc/>
    public void Report(IStatusSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        _engine.Counters.Report(sink);
        sink.Counter("corrupt_elements", _engine.Counters.CorruptElements);
        sink.Gauge("in_flight", _engine.ActiveCount);
        sink.Gauge("read_hedge_us", _engine.Health.ReadHedgeMicros);
        sink.Gauge("write_hedge_us", _engine.Health.WriteHedgeMicros);
        sink.Gauge("live_nodes", System.Numerics.BitOperations.PopCount(_engine.Health.Live));
    }

    /// <summary>
    /// Lends the output of the current call to the engine; calls may nest through Complete.
    /// </summary>
    private sealed class Port : IEnginePort
    {
        private IClientOutput? _output;

        internal Lease Use(IClientOutput output)
        {
            var previous = _output;
            _output = output;
            return new Lease(this, previous);
        }

        public Span<byte> Begin(int node, int maxBytes) => _output!.Begin(new NodeId((byte)node), maxBytes);

        public void End(int writtenBytes) => _output!.End(writtenBytes);

        public void Completed(OperationSlot slot, in ClientResult result) =>
            _output!.Complete(slot.Index, result);

        internal readonly ref struct Lease(Port port, IClientOutput? previous)
        {
            public void Dispose() => port._output = previous;
        }
    }
}
