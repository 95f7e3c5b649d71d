using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// How nodes that know nothing find out that they are the first ones. Each process draws a nonce and tells it to
/// all. Who has heard every node's nonce promises that set of founders, one set in its life; when all have
/// promised the same set, the cluster is founded. A process that comes back has another nonce, so no set that
/// names it as it was can still be completed without it, and nobody votes twice for want of memory.
/// </summary>
internal sealed class Founding(int self, int nodes, ulong nonce, bool mayFound, long patienceMicros)
{
    private readonly ulong[] _nonces = new ulong[nodes];
    private readonly ulong[] _promises = new ulong[nodes];
    private int _draws;
    private long _newsMicros;

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
        new() { Kind = RaftMessageKind.Join, Round = Nonce, Hint = Promise, Yes = mayFound && self < nodes };

    /// <summary>Hears another process that asks, too. True when there is news to tell.</summary>
    public bool Hear(int from, in RaftMessage join, long nowMicros)
    {
        if (!mayFound || from >= nodes || self >= nodes || !join.Yes)
        {
            return false;
        }

        var news = _nonces[from] != join.Round || _promises[from] != join.Hint;
        (_nonces[from], _promises[from]) = (join.Round, join.Hint);
        _newsMicros = news ? nowMicros : _newsMicros;
        return Consider() || news;
    }

    /// <summary>A node that has founded says so. True when this process was among the founders.</summary>
    public bool HearFounded(in RaftMessage welcome)
    {
        IsComplete |= Promise != 0 && welcome.Hint == Promise && welcome.Round == Nonce;
        return IsComplete;
    }

    /// <summary>
    /// A promise that is not completed for long will not be: somebody came back in between. Forgetting it is like
    /// coming back oneself.
    /// </summary>
    public void Tick(long nowMicros)
    {
        if (Promise != 0 && !IsComplete && nowMicros - _newsMicros > patienceMicros)
        {
            (Nonce, Promise, _newsMicros) = (Draw(nonce, ++_draws), 0, nowMicros);
            Consider();
        }
    }

    /// <summary>A cluster of one needs nobody's word.</summary>
    public bool Consider()
    {
        if (!mayFound || self >= nodes)
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
        if (Promise == 0 && !HasOtherPromise(digest))
        {
            Promise = digest;
        }

        _promises[self] = Promise;
        IsComplete |= Promise != 0 && !_promises.AsSpan().ContainsAnyExcept(Promise);
        return before != (Promise, IsComplete);
    }

    /// <summary>
    /// Who has promised another set will never complete this one: it forgets its promise first, and draws another
    /// nonce. Promising before would only give it one more set that nobody completes, for ever.
    /// </summary>
    private bool HasOtherPromise(ulong digest)
    {
        for (var node = 0; node < nodes; node++)
        {
            if (node != self && _promises[node] != 0 && _promises[node] != digest)
            {
                return true;
            }
        }

        return false;
    }

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
