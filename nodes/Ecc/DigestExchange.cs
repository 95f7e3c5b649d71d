using System.Numerics;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Keeps the fins of the nodes equal: each second one stretch of the key order is compared with a random
/// peer; after a start, a new link, or a sign that someone was away, all of it is walked with that peer, one
/// stretch in flight. Adopting a fin is like receiving Finalize: it is a fact, whoever tells it, unless the
/// teller has lost its memory since.
/// </summary>
internal sealed class DigestExchange
{
    private const int KeysPerDigest = 512;
    private const long ReplyTimeoutMicros = 1_000_000;
    private const long FastGapMicros = 1_000;
    private const long LagMicros = 500_000;
    private const long FastAgainMicros = 5_000_000;
    private readonly EccCode _code;
    private readonly EccOptions _options;
    private readonly Replica _replica;
    private readonly NodePort _port;
    private readonly CrashVector _known;
    private readonly Readiness _readiness;
    private readonly SplitMix64 _random;
    private readonly FinRange _own;
    private readonly Walk[] _walks;
    private byte[] _push = new byte[4 * 1024];
    private ulong _sequence;
    private long _nextSlowAt;
    private uint _passedPeers;
    private ulong _newestHlc;

    internal DigestExchange(EccCode code, EccOptions options, Replica replica, NodePort port,
        CrashVector known, Readiness readiness, SplitMix64 random)
    {
        (_known, _readiness) = (known, readiness);
        _code = code;
        _options = options;
        _replica = replica;
        _port = port;
        _random = random;
        _own = new FinRange(replica.Store);
        _walks = new Walk[code.Nodes];
        for (var i = 0; i < _walks.Length; i++)
        {
            _walks[i] = new Walk();
        }
    }

    private sealed class Walk
    {
        internal bool Up;

        /// <summary>True while the whole key order is walked; else one stretch per turn.</summary>
        internal bool Fast;
        internal long LastFastEndedAt = long.MinValue / 2;
        internal byte[] After = [];
        internal EccKeyRange Range;

        /// <summary>0 when nothing is in flight.</summary>
        internal ulong ExchangeId;
        internal long SentAtMicros;
    }

    internal long DigestKeys { get; private set; }

    internal long Adopted { get; private set; }

    /// <summary>
    /// True once everything was compared, since the start, with so many peers that together with this node
    /// they are a quorum: by E5 one of them knows each completed operation.
    /// </summary>
    internal bool StartPassDone => BitOperations.PopCount(_passedPeers) >= _code.Quorum - 1;

    internal bool IsWalking => Array.Exists(_walks, walk => walk is { Up: true, Fast: true });

    internal void LinkUp(int node)
    {
        _walks[node].Up = true;
        BeginFast(node);
    }

    internal void LinkDown(int node)
    {
        _walks[node].Up = false;
        _walks[node].Fast = false;
        _walks[node].ExchangeId = 0;
    }

    private void BeginFast(int node)
    {
        var walk = _walks[node];
        if (!walk.Fast)
        {
            walk.Fast = true;
            walk.After = [];
            walk.ExchangeId = 0;
            walk.SentAtMicros = 0;
        }
    }

    internal void Tick(long now)
    {
        for (var node = 0; node < _walks.Length; node++)
        {
            var walk = _walks[node];
            if (walk.ExchangeId != 0 && now - walk.SentAtMicros >= ReplyTimeoutMicros)
            {
                walk.ExchangeId = 0;
            }

            if (walk is { Up: true, Fast: true, ExchangeId: 0 } && now - walk.SentAtMicros >= FastGapMicros)
            {
                Send(node, now);
            }
        }

        if (now < _nextSlowAt)
        {
            return;
        }

        _nextSlowAt = now + _options.DigestIntervalMicros;
        var peer = (int)_random.Below(_walks.Length);
        if (_walks[peer] is { Up: true, Fast: false, ExchangeId: 0 })
        {
            Send(peer, now);
        }
    }

    private void Send(int node, long now)
    {
        var walk = _walks[node];
        _own.Collect(new EccKeyRange(walk.After, default), KeysPerDigest);
        walk.Range = new EccKeyRange(walk.After, _own.Truncated ? _own.LastKey : default);
        walk.ExchangeId = ++_sequence;
        walk.SentAtMicros = now;
        DigestKeys += _own.Count;
        var digest = new EccDigest(walk.ExchangeId, walk.Range, _own.Count, _own.Sum);
        var span = _port.Begin(node, digest.MaxBytes);
        _port.End(digest.Write(span));
    }

    internal void OnDigest(Endpoint from, in EccDigest digest)
    {
        _own.Collect(digest.Range, 2 * KeysPerDigest);
        DigestKeys += _own.Count;
        var same = !_own.Truncated && _own.Count == digest.Count && _own.Sum == digest.Sum;
        var reply = new EccDigestReply(digest.ExchangeId, _readiness.Incarnation, same,
            !same && _own.Truncated ? _own.LastKey : default, same ? default : _own.Entries);
        var span = _port.Begin(from, reply.MaxBytes, IsUnsettled);
        _port.End(reply.Write(span));
    }

    // A fin that a crash may take back is told to nobody: what follows from it would outlive it.
    private bool IsUnsettled => !_replica.Gate.AllSettled;

    internal void OnReply(int node, in EccDigestReply reply)
    {
        var walk = _walks[node];
        if (walk.ExchangeId == 0 || reply.ExchangeId != walk.ExchangeId || IsVoid(node, reply.Incarnation))
        {
            return;
        }

        walk.ExchangeId = 0;
        var covered = walk.Range;
        if (!reply.Same)
        {
            var last = reply.Last.IsEmpty ? walk.Range.Last : reply.Last.ToArray();
            covered = new EccKeyRange(walk.Range.After, last);
            if (Reconcile(node, covered, reply.Entries) && !walk.Fast
                && _replica.NowMicros - walk.LastFastEndedAt >= FastAgainMicros)
            {
                BeginFast(node);
                return;
            }
        }

        walk.After = covered.Last.ToArray();
        if (covered.Last.IsEmpty && walk.Fast)
        {
            walk.Fast = false;
            walk.LastFastEndedAt = _replica.NowMicros;
            _passedPeers |= 1u << node;
        }
    }

    /// <summary>
    /// Adopts the peer's higher fins and tells it ours. True when some difference is older than what can be
    /// under way: then one of the two was away.
    /// </summary>
    private bool Reconcile(int node, in EccKeyRange range, ReadOnlyMemory<byte> theirs)
    {
        _own.Collect(range, int.MaxValue);
        DigestKeys += _own.Count;
        var mine = _own.Entries;
        var pushBytes = 0;
        var lagging = false;
        var hasMine = EccFinList.TryRead(ref mine, out var myKey, out var myFin);
        var hasTheirs = EccFinList.TryRead(ref theirs, out var theirKey, out var theirFin);
        while (hasMine || hasTheirs)
        {
            var order = !hasMine ? 1 : !hasTheirs ? -1 : myKey.Span.SequenceCompareTo(theirKey.Span);
            if (order < 0 || (order == 0 && myFin > theirFin))
            {
                pushBytes = AddPush(pushBytes, myKey.Span, myFin);
                lagging |= IsOld(myFin);
            }
            else if (order > 0 || theirFin > myFin)
            {
                Adopt(theirKey.Span, theirFin);
                lagging |= IsOld(theirFin);
            }

            hasMine = order <= 0 ? EccFinList.TryRead(ref mine, out myKey, out myFin) : hasMine;
            hasTheirs = order >= 0 ? EccFinList.TryRead(ref theirs, out theirKey, out theirFin) : hasTheirs;
        }

        if (pushBytes > 0)
        {
            var push = new EccDigestPush(_readiness.Incarnation, _push.AsMemory(0, pushBytes));
            var span = _port.Begin(Endpoint.Peer(new NodeId((byte)node)), push.MaxBytes, IsUnsettled);
            _port.End(push.Write(span));
        }

        return lagging;
    }

    private int AddPush(int offset, ReadOnlySpan<byte> key, EccVersion fin)
    {
        var bytes = EccFinList.Bytes(key.Length);
        if (offset + bytes > _push.Length)
        {
            Array.Resize(ref _push, _push.Length * 2);
        }

        return offset + EccFinList.Write(_push.AsSpan(offset), key, fin);
    }

    /// <summary>Only a hint, so comparing hybrid clocks is good enough.</summary>
    private bool IsOld(EccVersion fin)
    {
        _newestHlc = Math.Max(_newestHlc, fin.Hlc);
        return fin.Hlc + LagMicros < _newestHlc;
    }

    /// <summary>Wall time as this node sees it: what <see cref="IsOld"/> compares with.</summary>
    internal void SeeWall(long wallMicros) =>
        _newestHlc = Math.Max(_newestHlc, wallMicros > 0 ? (ulong)wallMicros : 0);

    internal void OnPush(int node, in EccDigestPush push)
    {
        if (IsVoid(node, push.Incarnation))
        {
            return;
        }

        var rest = push.Entries;
        while (EccFinList.TryRead(ref rest, out var key, out var fin))
        {
            Adopt(key.Span, fin);
        }
    }

    private bool IsVoid(int node, uint incarnation) => incarnation < _known[node];

    /// <summary>Nothing was compared yet: this node begins anew.</summary>
    internal void BeginAnew()
    {
        _passedPeers = 0;
        for (var node = 0; node < _walks.Length; node++)
        {
            _walks[node].Fast = false;
            _walks[node].ExchangeId = 0;
            if (_walks[node].Up)
            {
                BeginFast(node);
            }
        }
    }

    private void Adopt(ReadOnlySpan<byte> key, EccVersion fin)
    {
        if (fin.Width <= _code.DataElements && _replica.Finalize(key, EccCode.HashOf(key), fin))
        {
            Adopted++;
        }
    }
}
