using System.Numerics;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Drops pre-writes whose writer is gone. Age alone does not say so: a paused writer would finalise what is there no
/// more. So, with all n nodes, in two rounds: first all of them fence the writer; then, when none of them has
/// finalised the version and none has lost its memory in between, nobody ever will, and it can go (E11). Nothing waits
/// for that; while a node is away orphans stay.
/// </summary>
internal sealed class OrphanSweep(
    EccCode code, EccOptions options, Replica replica, NodePort port, CrashVector known, Readiness readiness,
    FenceTable fences, PeerHealth health)
{
    private const int MostOrphans = 256;
    private const long AnswerTimeoutMicros = 1_000_000;
    private const long GapMicros = 1_000_000;
    private readonly List<(byte[] Key, EccVersion Version)> _orphans = [];
    private readonly uint[] _incarnations = new uint[code.Nodes];
    private byte[] _entries = [];
    private byte[] _reached = [];
    private bool _isSecondRound;
    private ulong _exchange;
    private uint _awaited;
    private uint _client;
    private int _cursor;
    private ulong _hlc;
    private long _sentAt;
    private long _nextAt;

    /// <summary>As <see cref="Registration.OnLearnt"/>.</summary>
    internal Action<int>? OnLearnt { get; set; }

    /// <summary>As <see cref="Registration.OnFenced"/>.</summary>
    internal Action<uint, ulong>? OnFenced { get; set; }

    /// <summary>Called with what a peer knows of this node.</summary>
    internal Action<uint>? OnOwnKnown { get; set; }

    /// <summary>Orphans that this node had dropped everywhere.</summary>
    internal long Dropped { get; private set; }

    private int Self => options.Self.Index;

    private long Now => replica.NowMicros;

    internal void Tick()
    {
        if (_awaited != 0)
        {
            _awaited = Now - _sentAt < AnswerTimeoutMicros ? _awaited : 0;
            return;
        }

        if (Now < _nextAt || !readiness.IsReady || replica.Held.Count == replica.Held.PinnedCount)
        {
            return;
        }

        _nextAt = Now + Math.Min(GapMicros, options.OrphanAgeMicros);
        if (health.Up == code.AllNodes && Collect())
        {
            _isSecondRound = false;
            SendAll();
        }
    }

    /// <summary>What is under way is given up.</summary>
    internal void Abandon() => _awaited = 0;

    /// <summary>Old pre-writes of one writer, from where the last round ended.</summary>
    private bool Collect()
    {
        _orphans.Clear();
        var (held, first) = (replica.Held, _cursor);
        for (var i = held.NextUsed(first); i >= 0 && _orphans.Count < MostOrphans; i = held.NextUsed(i + 1))
        {
            Consider(i);
        }

        for (var i = held.NextUsed(0); i >= 0 && i < first && _orphans.Count < MostOrphans; i = held.NextUsed(i + 1))
        {
            Consider(i);
        }

        _entries = new byte[_orphans.Sum(orphan => EccFinList.Bytes(orphan.Key.Length))];
        var offset = 0;
        foreach (var (key, version) in _orphans)
        {
            offset += EccFinList.Write(_entries.AsSpan(offset), key, version);
        }

        return _orphans.Count > 0;
    }

    private void Consider(int index)
    {
        // A repairer's pre-write is the repairer's to try again.
        var held = replica.Held;
        var version = held.VersionAt(index);
        if (!held.IsPinnedAt(index) && version.Rid == 0 && Now - held.SinceMicrosAt(index) >= options.OrphanAgeMicros
            && (_orphans.Count == 0 ? fences.HasRoomFor(version.Client) : version.Client == _client))
        {
            (_client, _hlc) = (version.Client, Math.Max(_orphans.Count == 0 ? 0 : _hlc, version.Hlc));
            _orphans.Add((held.KeyAt(index).ToArray(), version));
            _cursor = index + 1;
        }
    }

    private void SendAll()
    {
        _exchange++;
        _sentAt = Now;
        _awaited = code.AllNodes;
        _reached = new byte[_isSecondRound ? _orphans.Count : 0];
        var fence = new EccFence(
            _exchange, readiness.Incarnation, _client, _hlc, known.Known, _isSecondRound ? _entries : default);
        for (var node = 0; node < code.Nodes; node++)
        {
            port.End(fence.Write(port.Begin(node, fence.MaxBytes)));
        }
    }

    internal void OnFence(Endpoint from, in EccFence fence)
    {
        if (readiness.IsStarting || fence.Nodes != code.Nodes || fence.Incarnation < known[from.Id])
        {
            return;
        }

        OnOwnKnown?.Invoke(fence.KnownOf(Self));
        if (fence.KnownOf(Self) > readiness.Incarnation)
        {
            return;
        }

        for (var node = 0; node < code.Nodes; node++)
        {
            Learn(node, fence.KnownOf(node));
        }

        Learn(from.Id, fence.Incarnation);
        if (fences.Raise(fence.Client, fence.Hlc))
        {
            OnFenced?.Invoke(fence.Client, fence.Hlc);
        }

        var reached = new List<byte>();
        var rest = fence.Orphans;
        while (EccFinList.TryRead(ref rest, out var key, out var version))
        {
            reached.Add(replica.FinOf(key.Span).Tag >= version.Tag ? (byte)1 : (byte)0);
        }

        var head = readiness.HeadOfNothing(fence.ExchangeId);
        var reply = new EccFenceReply(
            head with { Ready = readiness.IsReady && fences.Holds(fence.Client, fence.Hlc) }, reached.ToArray());
        port.End(reply.Write(port.Begin(from, reply.MaxBytes, !options.Volatile)));
    }

    private void Learn(int node, uint incarnation)
    {
        if (node != Self && incarnation > known[node] && known.Learn(node, incarnation, 0))
        {
            OnLearnt?.Invoke(node);
        }
    }

    internal void OnReply(int node, in EccFenceReply reply)
    {
        var bit = 1u << node;
        if ((_awaited & bit) == 0 || reply.Head.OperationId != _exchange || reply.Reached.Length != _reached.Length)
        {
            return;
        }

        for (var other = 0; other < Math.Min(reply.Head.KnownCount, code.Nodes); other++)
        {
            Learn(other, reply.Head.KnownOf(other));
            if (other == Self)
            {
                OnOwnKnown?.Invoke(reply.Head.KnownOf(other));
            }
        }

        Learn(node, reply.Head.Incarnation);
        if (!reply.Head.Ready || (_isSecondRound && _incarnations[node] != reply.Head.Incarnation))
        {
            Abandon();
            return;
        }

        _incarnations[node] = reply.Head.Incarnation;
        for (var i = 0; i < _reached.Length; i++)
        {
            _reached[i] |= reply.Reached.Span[i];
        }

        _awaited &= ~bit;
        if (_awaited == 0 || MayEndEarly)
        {
            EndRound();
        }
    }

    private bool MayEndEarly => (options.Mutants & EccMutants.OrphansDroppedAtQuorum) != 0
        && code.Nodes - BitOperations.PopCount(_awaited) >= code.Quorum;

    private void EndRound()
    {
        var answered = code.AllNodes & ~_awaited;
        Abandon();
        for (var node = 0; node < code.Nodes; node++)
        {
            // Another process is in its place by now, whose word is not heard.
            if ((answered & (1u << node)) != 0 && _incarnations[node] < known[node])
            {
                return;
            }
        }

        if (!_isSecondRound)
        {
            _isSecondRound = true;
            SendAll();
            return;
        }

        for (var i = 0; i < _orphans.Count; i++)
        {
            if (_reached[i] == 0)
            {
                Drop(new EccRetract(_orphans[i].Key, _orphans[i].Version));
                _nextAt = Now;
            }
        }
    }

    private void Drop(in EccRetract retract)
    {
        Dropped++;
        for (var node = 0; node < code.Nodes; node++)
        {
            port.End(retract.Write(port.Begin(node, retract.MaxBytes)));
        }
    }

    internal void Report(IStatusSink sink)
    {
        sink.Counter("orphans_dropped", Dropped);
        sink.Gauge("fences", fences.Count);
    }
}
