using System.Numerics;

namespace Testbed.Ecc;

/// <summary>
/// The failure detector and the hedge timers. A node whose link is down is suspected at once; a node that
/// let three hedge timers pass, each in a new hedge period, is suspected until an answer to a probe comes in
/// time.
/// </summary>
internal sealed class PeerHealth
{
    internal const long HedgeFloorMicros = 2_000;
    internal const long WriteHedgeFloorMicros = 10_000;
    internal const long InitialHedgeMicros = 20_000;
    private const int WriteHedgeFactor = 3;
    private const long HedgeCeilingMicros = 500_000;
    private const long ProbeIntervalMicros = 50_000;
    private const int TimeoutsUntilSuspected = 3;

    private readonly LatencyWindow[] _reads;
    private readonly LatencyWindow[] _writes;
    private readonly int[] _timeouts;
    private readonly long[] _lastTimeoutAt;
    private readonly long[] _nextProbeAt;
    private readonly ulong[] _probeIds;
    private readonly long[] _scratch;
    private readonly long _leastHedgeMicros;
    private uint _suspected;

    /// <summary>A percentile has moved since the medians were taken.</summary>
    private bool _stale = true;

    /// <summary>No hedge comes sooner than after that time, whatever the response times say.</summary>
    internal PeerHealth(int nodes, long leastHedgeMicros = 0)
    {
        _leastHedgeMicros = leastHedgeMicros;
        ReadHedgeMicros = WriteHedgeMicros = Math.Max(InitialHedgeMicros, leastHedgeMicros);
        _reads = new LatencyWindow[nodes];
        _writes = new LatencyWindow[nodes];
        for (var i = 0; i < nodes; i++)
        {
            _reads[i] = new LatencyWindow(InitialHedgeMicros);
            _writes[i] = new LatencyWindow(InitialHedgeMicros / WriteHedgeFactor);
        }

        _timeouts = new int[nodes];
        _lastTimeoutAt = new long[nodes];
        _nextProbeAt = new long[nodes];
        _probeIds = new ulong[nodes];
        _scratch = new long[nodes];
    }

    /// <summary>Nodes that messages can be sent to now.</summary>
    internal uint Up { get; private set; }

    /// <summary>Nodes that are up and not suspected.</summary>
    internal uint Live => Up & ~_suspected;

    /// <summary>How long a read waits before it asks further nodes.</summary>
    internal long ReadHedgeMicros { get; private set; }

    /// <summary>
    /// How long a pre-write waits before it steps to a narrower width: dearer than a read's hedge, so
    /// longer.
    /// </summary>
    internal long WriteHedgeMicros { get; private set; }

    internal void LinkUp(int node)
    {
        Up |= 1u << node;
        _suspected &= ~(1u << node);
        _timeouts[node] = 0;
    }

    internal void LinkDown(int node) => Up &= ~(1u << node);

    /// <summary>
    /// An answer came after that time. Late ones move the percentile but do not clear suspicion.
    /// </summary>
    internal void Answered(int node, long micros, bool write)
    {
        var window = write ? _writes[node] : _reads[node];
        _stale |= window.Add(micros);
        if (micros <= (write ? WriteHedgeMicros : ReadHedgeMicros))
        {
            _timeouts[node] = 0;
            _suspected &= ~(1u << node);
        }
    }

    /// <summary>The node answered something whose time says nothing about operations: it lives.</summary>
    internal void Heard(int node)
    {
        _timeouts[node] = 0;
        _suspected &= ~(1u << node);
    }

    /// <summary>A hedge timer passed without the node's answer.</summary>
    internal void TimedOut(int node, long now)
    {
        if (now - _lastTimeoutAt[node] < WriteHedgeMicros)
        {
            return;
        }

        _lastTimeoutAt[node] = now;
        if (++_timeouts[node] >= TimeoutsUntilSuspected)
        {
            _suspected |= 1u << node;
        }
    }

    /// <summary>
    /// An operation's answer: when it is a probe's and in time, the node is no longer suspected. The
    /// operation may have ended before, since it does not wait for suspected nodes.
    /// </summary>
    internal void ProbeAnswered(int node, ulong operationId, long now)
    {
        if (_probeIds[node] != operationId)
        {
            return;
        }

        _probeIds[node] = 0;
        if (now - (_nextProbeAt[node] - ProbeIntervalMicros) <= WriteHedgeMicros)
        {
            Heard(node);
        }
    }

    /// <summary>
    /// Suspected nodes that shall take part in this operation to see whether they answer again.
    /// </summary>
    internal uint TakeProbes(long now, ulong operationId)
    {
        var probes = 0u;
        for (var rest = Up & _suspected; rest != 0; rest &= rest - 1)
        {
            var node = BitOperations.TrailingZeroCount(rest);
            if (now >= _nextProbeAt[node])
            {
                _nextProbeAt[node] = now + ProbeIntervalMicros;
                _probeIds[node] = operationId;
                probes |= 1u << node;
            }
        }

        return probes;
    }

    /// <summary>
    /// Brings the hedge times up to date: the median over the nodes of their 95th percentiles, so that a
    /// slow minority does not make everyone patient.
    /// </summary>
    internal void Refresh()
    {
        if (!_stale)
        {
            return;
        }

        _stale = false;
        ReadHedgeMicros = Clamp(Median(_reads), HedgeFloorMicros);
        WriteHedgeMicros = Clamp(WriteHedgeFactor * Median(_writes), WriteHedgeFloorMicros);
    }

    private long Clamp(long micros, long floorMicros) =>
        Math.Max(_leastHedgeMicros, Math.Clamp(micros, floorMicros, HedgeCeilingMicros));

    private long Median(LatencyWindow[] windows)
    {
        for (var i = 0; i < windows.Length; i++)
        {
            _scratch[i] = windows[i].P95Micros;
        }

        _scratch.AsSpan().Sort();
        return _scratch[_scratch.Length / 2];
    }
}
