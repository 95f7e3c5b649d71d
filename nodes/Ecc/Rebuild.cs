using System.Numerics;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// A registered node regains its state while it serves: stretch by stretch of the hash order it looks at what q
/// READY nodes hold, rebuilds its own element of every version that an acknowledgement of an earlier incarnation
/// may have counted for, and then votes there. Bounded in flight and in rate; slots that requests ask for come
/// first.
/// </summary>
internal sealed class Rebuild
{
    /// <summary>The rate may be exceeded for that long, so that a page need not wait for a tick.</summary>
    private const long BurstMicros = 10_000;
    private const long AnswerTimeoutMicros = 500_000;
    private const long StuckAfterMicros = 1_000_000;
    private const int MostPageFailures = 3;
    private const uint Groups = 1u << EccSlotScan.GroupBits;

    private readonly EccCode _code;
    private readonly EccOptions _options;
    private readonly NodePort _port;
    private readonly CrashVector _known;
    private readonly Readiness _readiness;
    private readonly PeerHealth _health;
    private readonly RebuildPage _page;
    private readonly ulong[] _requested = new ulong[Readiness.Slots / 64];
    private bool _scanning;
    private ulong _exchange;
    private long _now;
    private long _sentAt;
    private long _mayGoOnAt;
    private long _emptyAt = -1;
    private long _beganAt;
    private long _endedAt;
    private int _slotsAtBegin;
    private long _progressAt;
    private uint _cursor;
    private uint _end;
    private uint _asked;
    private uint _awaited;
    private uint _refused;
    private int _failures;
    private bool _hopeless;

    internal Rebuild(EccCode code, EccOptions options, Replica replica, NodePort port, CrashVector known,
        Readiness readiness, PeerHealth health)
    {
        (_code, _options, _port, _known) = (code, options, port, known);
        (_readiness, _health) = (readiness, health);
        _page = new RebuildPage(code, options, replica);
    }

    /// <summary>Called with each slot from which on this node votes.</summary>
    internal Action<int>? OnSlot { get; set; }

    /// <summary>As <see cref="Registration.OnLearnt"/>.</summary>
    internal Action<int>? OnLearnt { get; set; }

    /// <summary>Called with what a peer knows of this node.</summary>
    internal Action<uint>? OnOwnKnown { get; set; }

    /// <summary>Bytes of elements regained.</summary>
    internal long RebuiltBytes => _page.RebuiltBytes;

    /// <summary>Bytes received for that.</summary>
    internal long ReadBytes { get; private set; }

    /// <summary>For a while now too few nodes have answered that vote in the slots that are missing here.</summary>
    internal bool IsLost =>
        _hopeless && _readiness.Standing == EccStanding.Recovering && _now - _progressAt >= StuckAfterMicros;

    private bool IsIdle => !_scanning && _awaited == 0;

    private int Self => _options.Self.Index;

    /// <summary>
    /// This process lacks what an earlier one held, from now until all slots vote again; also one that takes a
    /// recovery up in the middle.
    /// </summary>
    internal void CameBackEmpty(long now) => (_emptyAt, _now) = (now, now);

    /// <summary>The cluster is new: nothing was lost.</summary>
    internal void NothingToRebuild() => _emptyAt = -1;

    internal void Begin(long now)
    {
        (_beganAt, _progressAt, _now, _mayGoOnAt) = (now, now, now, now);
        _slotsAtBegin = _readiness.ReadySlots;
        (_scanning, _awaited, _refused, _cursor, _failures, _hopeless) = (false, 0, 0, 0, 0, false);
        Array.Clear(_requested);
        Continue();
    }

    /// <summary>The node begins anew: nothing of what is under way counts.</summary>
    internal void Abandon()
    {
        (_scanning, _awaited) = (false, 0);
        _page.Clear();
    }

    internal void Tick(long now)
    {
        _now = now;
        if (_readiness.Standing != EccStanding.Recovering)
        {
            return;
        }

        if (!IsIdle && now - _sentAt >= AnswerTimeoutMicros)
        {
            Fail();
        }

        Continue();
    }

    /// <summary>A request came for a key of a slot that does not vote yet: that slot is next.</summary>
    internal void Requested(ulong hash)
    {
        var slot = EccSlotScan.SlotOf(hash);
        _requested[slot >> 6] |= 1UL << (slot & 63);
    }

    /// <summary>What is under way is given up and asked for again, of everyone.</summary>
    private void Fail()
    {
        (_scanning, _awaited) = (false, 0);
        _hopeless = BitOperations.PopCount(_refused) + 1 > _code.Tolerated;
        _failures++;
    }

    private void Continue()
    {
        if (!IsIdle || _now + BurstMicros < _mayGoOnAt || _readiness.Standing != EccStanding.Recovering)
        {
            return;
        }

        if (_page.HasMore)
        {
            PullChunk();
        }
        else
        {
            ScanNext();
        }
    }

    private void ScanNext()
    {
        if (_cursor % EccSlotScan.GroupsPerSlot == 0)
        {
            Choose();
        }
        else if (FirstRequested() >= 0)
        {
            // It waits for the rest of the present slot, no longer.
            _end = Math.Min(_end, _cursor - (_cursor % EccSlotScan.GroupsPerSlot) + EccSlotScan.GroupsPerSlot);
        }

        _page.Clear();
        _scanning = true;
        _exchange++;
        _sentAt = _now;
        _asked = _refused = 0;
        var peers = _health.Up & ~(1u << Self);
        for (var i = 1; i < _code.Nodes; i++)
        {
            var node = (Self + i) % _code.Nodes;
            var bit = 1u << node;
            if ((peers & bit) != 0
                && (_failures > 0 || (_health.Live & bit) != 0 && BitOperations.PopCount(_asked) < _code.Quorum))
            {
                Ask(node);
            }
        }
    }

    private void Ask(int node)
    {
        _asked |= 1u << node;
        var scan = new EccSlotScan(_exchange, _readiness.Incarnation, _cursor, _end, _options.RebuildKeysPerPage);
        _port.End(scan.Write(_port.Begin(node, EccSlotScan.Bytes)));
    }

    // Requested slots first, one by one; else all that are missing in a row.
    private void Choose()
    {
        if (FirstRequested() is >= 0 and var slot)
        {
            _cursor = (uint)slot * EccSlotScan.GroupsPerSlot;
            _end = _cursor + EccSlotScan.GroupsPerSlot;
            return;
        }

        var first = 0;
        while (_readiness.IsSlotReady(first))
        {
            first++;
        }

        var behind = first;
        while (behind < Readiness.Slots && !_readiness.IsSlotReady(behind))
        {
            behind++;
        }

        _cursor = (uint)first * EccSlotScan.GroupsPerSlot;
        _end = (uint)behind * EccSlotScan.GroupsPerSlot;
    }

    private int FirstRequested()
    {
        for (var slot = 0; slot < Readiness.Slots; slot++)
        {
            if ((_requested[slot >> 6] & (1UL << (slot & 63))) != 0 && !_readiness.IsSlotReady(slot))
            {
                return slot;
            }
        }

        return -1;
    }

    internal void OnScanReply(int node, in EccSlotScanReply reply, int messageBytes)
    {
        Learn(reply.Head);
        var bit = 1u << node;
        if (!_scanning || reply.Head.OperationId != _exchange || (_asked & bit) == 0)
        {
            return;
        }

        if (!reply.Head.Ready)
        {
            Refused(bit);
            return;
        }

        if (reply.Next <= _cursor || reply.Next > Groups)
        {
            return;
        }

        Charge(messageBytes);
        _page.Take(node, reply);
        var valid = 0;
        for (var other = 0; other < _code.Nodes; other++)
        {
            valid += _page.HasAnswer(other) && !IsVoid(other, _page.IncarnationOf(other)) ? 1 : 0;
        }

        if (valid < _code.Quorum)
        {
            return;
        }

        _scanning = false;
        _page.Merge(_cursor, IsVoid);
        if (_page.HasMore)
        {
            Continue();
        }
        else
        {
            EndPage();
        }
    }

    private void Learn(in EccReplyHead head)
    {
        for (var node = 0; node < Math.Min(head.KnownCount, _code.Nodes); node++)
        {
            if (node == Self)
            {
                OnOwnKnown?.Invoke(head.KnownOf(node));
            }
            else if (head.KnownOf(node) > _known[node] && _known.Learn(node, head.KnownOf(node), 0))
            {
                OnLearnt?.Invoke(node);
            }
        }
    }

    private bool IsVoid(int node, uint incarnation) =>
        incarnation < _known[node] && (_options.Mutants & EccMutants.CrashVectorIgnored) == 0;

    // A peer does not vote here itself: another one is asked in its place.
    private void Refused(uint bit)
    {
        _refused |= bit;
        var more = _health.Up & ~_asked & ~(1u << Self);
        if (more != 0)
        {
            Ask(BitOperations.TrailingZeroCount(more));
        }
    }

    // The rate counts what is received.
    private void Charge(int bytes)
    {
        ReadBytes += bytes;
        _mayGoOnAt = Math.Max(_mayGoOnAt, _now)
            + (long)((double)bytes * 1_000_000 / _options.RebuildBytesPerSecond);
    }

    private void PullChunk()
    {
        _awaited = _page.NextChunk();
        _exchange++;
        _sentAt = _now;
        for (var rest = _awaited; rest != 0; rest &= rest - 1)
        {
            var node = BitOperations.TrailingZeroCount(rest);
            var pull = new EccPull(_exchange, _readiness.Incarnation, _page.WantedOf(node));
            _port.End(pull.Write(_port.Begin(node, pull.MaxBytes)));
        }
    }

    internal void OnPullReply(int node, in EccPullReply reply, int messageBytes)
    {
        Learn(reply.Head);
        var bit = 1u << node;
        if ((_awaited & bit) == 0 || reply.Head.OperationId != _exchange)
        {
            return;
        }

        Charge(messageBytes);
        if (reply.Head.Incarnation != _page.IncarnationOf(node))
        {
            // It has lost what it had shown.
            _page.Clear();
            Fail();
            return;
        }

        _page.TakeElements(node, reply.Entries);
        _awaited &= ~bit;
        if (_awaited != 0)
        {
            return;
        }

        if (!_page.ApplyChunk(giveUp: _failures >= MostPageFailures))
        {
            _page.Clear();
            Fail();
            _mayGoOnAt = Math.Max(_mayGoOnAt, _now + (AnswerTimeoutMicros / 10));
        }
        else if (_page.HasMore)
        {
            Continue();
        }
        else
        {
            EndPage();
        }
    }

    private void EndPage()
    {
        var covered = Math.Min(_page.Covered, _end);
        _page.FinaliseAll();
        (_failures, _hopeless) = (0, false);
        _progressAt = _now;
        var first = _cursor / EccSlotScan.GroupsPerSlot;
        _cursor = covered;
        for (var slot = first; slot < covered / EccSlotScan.GroupsPerSlot; slot++)
        {
            _readiness.SlotRecovered((int)slot);
            OnSlot?.Invoke((int)slot);
        }

        if (_readiness.IsReady)
        {
            _endedAt = _now;
        }
        else
        {
            Continue();
        }
    }

    internal void Report(IStatusSink sink)
    {
        sink.Gauge("slots", Readiness.Slots);
        sink.Gauge("slots_ready", _readiness.ReadySlots);
        sink.Counter("rebuilt_bytes", RebuiltBytes);
        sink.Counter("rebuild_read_bytes", ReadBytes);
        sink.Counter("rebuild_keys", _page.RebuiltKeys);
        sink.Gauge("rebuild_read_percent_of_lost", RebuiltBytes == 0 ? 0 : 100 * ReadBytes / RebuiltBytes);
        sink.Gauge("came_back_empty", _emptyAt >= 0 ? 1 : 0);
        sink.Gauge("rebuild_ms", _emptyAt < 0 ? 0 : ((_readiness.IsReady ? _endedAt : _now) - _emptyAt) / 1_000);
        sink.Gauge("rebuild_left_ms", LeftMillis());
    }

    /// <summary>By the slots recovered so far in this life; 0 when none is, and when nothing is left.</summary>
    private long LeftMillis()
    {
        var isRunning = _readiness.Standing == EccStanding.Recovering;
        var part = (double)(_cursor % EccSlotScan.GroupsPerSlot) / EccSlotScan.GroupsPerSlot;
        var done = _readiness.ReadySlots - _slotsAtBegin + part;
        return isRunning && done > 0
            ? (long)((_now - _beganAt) / done * (Readiness.Slots - _readiness.ReadySlots - part) / 1_000)
            : 0;
    }
}
