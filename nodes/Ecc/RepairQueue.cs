using System.Numerics;
using Testbed.Erasure;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Restores redundancy: elements this node lacks (fill), and values that were written narrow while nodes
/// were away (widen). Both are ordinary gets; a widening then writes the value again. Bounded in flight and
/// in rate.
/// </summary>
internal sealed class RepairQueue
{
    private const long FillDelayMicros = 50_000;
    private const long RetryDelayMicros = 500_000;
    private const long FillTimeoutMicros = 2_000_000;
    private const long AllLiveForMicros = 1_000_000;
    private const long SweepGapMicros = 5_000;
    private const long SweepPauseMicros = 1_000_000;
    private const int KeysPerSweep = 1024;
    private const int QueueLimit = 65_536;
    private readonly EccCode _code;
    private readonly EccOptions _options;
    private readonly Replica _replica;
    private readonly OperationEngine _engine;
    private readonly int _firstSlot;
    private readonly Stack<int> _fillSlots = new();
    private readonly Stack<int> _widenSlots = new();
    private readonly Queue<(ReadOnlyMemory<byte> Key, long NotBefore)> _fills = new();
    private readonly Queue<ReadOnlyMemory<byte>> _widens = new();
    private readonly ScanVisitor _visitor;
    private byte[] _after = [];
    private byte[] _lastSeen = [];
    private int _swept;
    private bool _sweepFoundWork;
    private long _nextSweepAt;
    private long _allLiveSince = long.MaxValue;
    private long _widenTokensAt;

    internal RepairQueue(EccCode code, EccOptions options, Replica replica, OperationEngine engine,
        int firstSlot)
    {
        _code = code;
        _options = options;
        _replica = replica;
        _engine = engine;
        _firstSlot = firstSlot;
        for (var i = 0; i < options.FillsInFlight; i++)
        {
            _fillSlots.Push(firstSlot + i);
        }

        for (var i = 0; i < options.WidensInFlight; i++)
        {
            _widenSlots.Push(firstSlot + options.FillsInFlight + i);
        }

        _visitor = Visit;
    }

    internal static int SlotsFor(EccOptions options) => options.FillsInFlight + options.WidensInFlight;

    internal long Fills { get; private set; }

    internal long Widens { get; private set; }

    internal bool Owns(int slot) => slot >= _firstSlot;

    internal void AddMissing(ReadOnlyMemory<byte> key)
    {
        if (_fills.Count < QueueLimit)
        {
            // The element is often on its way behind the finalisation: wait for it a moment.
            _fills.Enqueue((key, _engine.NowMicros + FillDelayMicros));
        }
    }

    /// <summary>Nothing is left to repair: the node begins anew.</summary>
    internal void Clear()
    {
        _fills.Clear();
        _widens.Clear();
        _after = [];
    }

    internal void Tick(long now)
    {
        while (_fillSlots.Count > 0 && _fills.TryPeek(out var fill) && now >= fill.NotBefore)
        {
            _fills.Dequeue();
            if (_replica.Store.TryGet(fill.Key.Span, out var header, out _) && Replica.IsMissing(header))
            {
                _engine.Submit(_fillSlots.Pop(), OperationKind.Fill, GetOf(fill.Key, now));
            }
        }

        var allLive = _engine.Health.Live == _code.AllNodes;
        _allLiveSince = allLive ? Math.Min(_allLiveSince, now) : long.MaxValue;
        var mayWiden = allLive && now - _allLiveSince >= AllLiveForMicros;
        while (mayWiden && _widenSlots.Count > 0 && now >= _widenTokensAt && _widens.TryDequeue(out var key))
        {
            _widenTokensAt =
                Math.Max(_widenTokensAt, now - SweepGapMicros) + (1_000_000 / _options.WidensPerSecond);
            if (_replica.Store.TryGet(key.Span, out var header, out _) && _replica.IsNarrow(header))
            {
                _engine.Submit(_widenSlots.Pop(), OperationKind.Widen, GetOf(key, now));
            }
        }

        Sweep(now, mayWiden);
    }

    private static ClientOperation GetOf(ReadOnlyMemory<byte> key, long now) =>
        new(KvKind.Get, key, default, 0, now + FillTimeoutMicros);

    /// <summary>
    /// Looks for keys that need repair and are in no queue: after a restart, an overflow, a failed attempt.
    /// </summary>
    private void Sweep(long now, bool mayWiden)
    {
        var forFills = _replica.MissingElements > 0 && _fills.Count == 0;
        var forWidens = mayWiden && _replica.NarrowKeys > 0 && _widens.Count == 0
            && _options.WidensInFlight > 0;
        if (now < _nextSweepAt || (!forFills && !forWidens))
        {
            return;
        }

        _nextSweepAt = now + SweepGapMicros;
        _swept = 0;
        _lastSeen = [];
        _replica.Store.Scan(_after, _visitor);
        if (_swept > KeysPerSweep)
        {
            _after = _lastSeen;
            return;
        }

        // The end: begin again, at once only when this pass gave work to do.
        _after = [];
        _nextSweepAt = now + (_sweepFoundWork ? RetryDelayMicros : SweepPauseMicros);
        _sweepFoundWork = false;
    }

    private bool Visit(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        if (++_swept > KeysPerSweep)
        {
            _lastSeen = key.ToArray();
            return false;
        }

        if (Replica.IsMissing(header) && _fills.Count < QueueLimit)
        {
            _sweepFoundWork = true;
            _fills.Enqueue((key.ToArray(), _engine.NowMicros));
        }
        else if (_replica.IsNarrow(header) && _widens.Count < QueueLimit && _options.WidensInFlight > 0
            && _code.ElementIndex(_options.Self.Index, EccCode.HashOf(key)) == 0)
        {
            // The holder of element 0 is the one that widens a key, so that nodes do not compete.
            _sweepFoundWork = true;
            _widens.Enqueue(key.ToArray());
        }

        return true;
    }

    /// <summary>A repair's operation ended.</summary>
    internal void Completed(OperationSlot slot, in ClientResult result)
    {
        if (slot.Kind == OperationKind.Widen)
        {
            _widenSlots.Push(slot.Index);
            Widens += result.Outcome == KvOutcome.Ok ? 1 : 0;
            return;
        }

        _fillSlots.Push(slot.Index);
        if (slot.Target.IsNone || result.Outcome is not (KvOutcome.Ok or KvOutcome.NotFound))
        {
            Retry(slot.Key);
            return;
        }

        var hash = EccCode.HashOf(slot.Key.Span);
        _replica.Finalize(slot.Key.Span, hash, slot.Target);
        if (result.Outcome == KvOutcome.Ok
            && _replica.Fill(slot.Key.Span, hash, ElementOf(slot, hash, result)))
        {
            Fills++;
        }
        else if (_replica.Store.TryGet(slot.Key.Span, out var header, out _) && Replica.IsMissing(header))
        {
            Retry(slot.Key);
        }
    }

    private EccElement ElementOf(OperationSlot slot, ulong hash, in ClientResult result)
    {
        var value = result.Value.Span;
        var width = slot.Target.Width;
        var blob = new byte[EccCode.BlobBytes(width, value.Length)];
        _code.Encode(value, Checksum.Of(value), width, _code.ElementIndex(_options.Self.Index, hash), blob);
        return new EccElement(slot.Target, value.Length, Checksum.Of(blob), blob);
    }

    private void Retry(ReadOnlyMemory<byte> key)
    {
        if (_fills.Count < QueueLimit)
        {
            _fills.Enqueue((key, _engine.NowMicros + RetryDelayMicros));
        }
    }

    internal void Report(IStatusSink sink)
    {
        sink.Counter("fills", Fills);
        sink.Counter("widens", Widens);
        sink.Gauge("missing_elements", _replica.MissingElements);
        sink.Gauge("narrow_keys", _replica.NarrowKeys);
        sink.Gauge("live_nodes", BitOperations.PopCount(_engine.Health.Live));
    }
}
