using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// How nodes that know nothing find out that they are the first ones. Each process draws a nonce and tells it to
/// all. Who has heard every node's nonce promises that set of founders, one set in its life; when all have
/// promised the same set, the cluster is founded. A process that comes back has another nonce, so no set that
/// names it as it was can still be completed without it, and nobody votes twice for want of memory. Sets that
/// contradict each other are given up: nobody promises beside a promise that stands in the way, and who hears for
/// a while that its own cannot be kept takes another nonce.
/// </summary>
internal sealed class Founding(
    int self, int nodes, ulong nonce, bool mayFound, long patienceMicros, bool majorityFounds = false)
{
    private readonly ulong[] _nonces = new ulong[nodes];
    private readonly ulong[] _promises = new ulong[nodes];
    private readonly long[] _heardMicros = new long[nodes];

    /// <summary>The nonces that <see cref="Promise"/> stands for.</summary>
    private ulong[] _promised = [];
    private bool _mayFound = mayFound && self < nodes;
    private int _draws;

    /// <summary>Since when others have contradicted the promise; 0: they do not.</summary>
    private long _contradictedMicros;

    /// <summary>This process, as long as it asks; never 0.</summary>
    public ulong Nonce { get; private set; } = Draw(nonce, 0);

    /// <summary>
    /// The set of founders this process has promised, 0 for none. Kept once founded, to tell who was there.
    /// </summary>
    public ulong Promise { get; private set; }

    /// <summary>Everybody has promised the same.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>What this process tells the others.</summary>
    public RaftMessage Join =>
        new() { Kind = RaftMessageKind.Join, Round = Nonce, Hint = Promise, Yes = _mayFound };

    /// <summary>Hears another process that asks, too. True when there is news to tell.</summary>
    public bool Hear(int from, in RaftMessage join, long nowMicros)
    {
        if (!_mayFound || from >= nodes || !join.Yes)
        {
            return false;
        }

        _heardMicros[from] = nowMicros;
        var news = _nonces[from] != join.Round || _promises[from] != join.Hint;
        (_nonces[from], _promises[from]) = (join.Round, join.Hint);
        return Consider() || news;
    }

    /// <summary>
    /// True when that process was among the founders with this one, whatever it knew when it said so.
    /// </summary>
    public bool IsFounder(int node, ulong processNonce) =>
        IsComplete && node < _promised.Length && _promised[node] == processNonce;

    /// <summary>A node that has founded says so. True when this process was among the founders.</summary>
    public bool HearFounded(in RaftMessage welcome)
    {
        IsComplete |= Promise != 0 && welcome.Hint == Promise && welcome.Round == Nonce;
        return IsComplete;
    }

    /// <summary>
    /// Others have founded a cluster: this process gives no promise any more. One it gave may still be kept.
    /// </summary>
    public void Renounce() => _mayFound = false;

    /// <summary>
    /// A promise that was contradicted for long will not be kept: somebody came back in between. Forgetting it is
    /// like coming back oneself. Until every other node was heard to ask, too, one of them could still say that it has
    /// heard everybody's promise.
    /// </summary>
    public void Tick(long nowMicros)
    {
        if (Promise == 0 || IsComplete || !IsContradicted)
        {
            _contradictedMicros = 0;
        }
        else if (_contradictedMicros == 0)
        {
            _contradictedMicros = nowMicros;
        }
        else if (nowMicros - _contradictedMicros > patienceMicros && AllAsk(_contradictedMicros + (patienceMicros / 2)))
        {
            (Nonce, Promise, _contradictedMicros) = (Draw(nonce, ++_draws), 0, 0);
            Consider();
        }
    }

    /// <summary>A cluster of one needs nobody's word.</summary>
    public bool Consider()
    {
        if (!_mayFound)
        {
            return false;
        }

        _nonces[self] = Nonce;
        if (_nonces.AsSpan().Contains(0UL))
        {
            return false;
        }

        var before = (Promise, IsComplete);
        var digest = Digest();
        _promises[self] = Promise;
        if (Promise == 0 && !_promises.AsSpan().ContainsAnyExcept(0UL, digest))
        {
            (Promise, _promised, _promises[self]) = (digest, [.. _nonces], digest);
        }

        IsComplete |= Promise != 0 && _promises.AsSpan().Count(Promise) >= (majorityFounds ? (nodes / 2) + 1 : nodes);
        return before != (Promise, IsComplete);
    }

    private bool AllAsk(long sinceMicros)
    {
        for (var node = 0; node < nodes; node++)
        {
            if (node != self && _heardMicros[node] < sinceMicros)
            {
                return false;
            }
        }

        return true;
    }

    private bool IsContradicted => !_nonces.AsSpan().SequenceEqual(_promised)
        || _promises.AsSpan().ContainsAnyExcept(0UL, Promise);

    private static ulong Draw(ulong nonce, int draws)
    {
        var random = new SplitMix64(nonce + ((ulong)draws << 32));
        return ulong.Max(1, random.Next());
    }

    /// <summary>One number for the nonces in the order of the nodes; never 0.</summary>
    private ulong Digest()
    {
        var digest = 0UL;
        foreach (var one in _nonces)
        {
            digest = new SplitMix64(digest ^ one).Next();
        }

        return ulong.Max(1, digest);
    }
}
