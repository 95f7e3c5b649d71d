namespace Testbed.Raft;

/// <summary>
/// What a leader knows of one follower. Written by the leader's half of <see cref="RaftProtocol"/> only.
/// </summary>
internal struct PeerProgress
{
    /// <summary>
    /// The follower holds the log durably up to here, equal to ours. Never falls within a term.
    /// </summary>
    public ulong Match;

    /// <summary>First entry of the next append; at least <see cref="Match"/> + 1.</summary>
    public ulong Next;

    /// <summary>
    /// False: probing, one append at a time until one is accepted. True: pipelining up to the window.
    /// </summary>
    public bool Replicating;

    /// <summary>
    /// A probe is under way, or the link is down; an answer, a new link, or a later heartbeat reply ends it.
    /// </summary>
    public bool Paused;

    /// <summary>When the last probe left.</summary>
    public long ProbedMicros;

    /// <summary>
    /// Nothing was acknowledged for a heartbeat while frames are out: ask with an empty append.
    /// </summary>
    public bool AskEmpty;

    /// <summary>When the follower was heard last; for check-quorum.</summary>
    public long HeardMicros;

    /// <summary>Latest read round it has confirmed.</summary>
    public ulong ReadRound;

    /// <summary><see cref="Match"/> when the last heartbeat left.</summary>
    public ulong MatchAtHeartbeat;

    /// <summary>Appends sent and not acknowledged.</summary>
    public InflightWindow Window;
}

/// <summary>Last index and bytes of each append in flight; acknowledgements are cumulative.</summary>
internal struct InflightWindow(int messages, long bytesLimit)
{
    private readonly (ulong Last, int Bytes)[] _sent = new (ulong, int)[messages];
    private int _head;
    private long _bytes;

    /// <summary>Appends in flight.</summary>
    public int Count { get; private set; }

    /// <summary>True when no further append may leave.</summary>
    public readonly bool Full => Count == _sent.Length || _bytes >= bytesLimit;

    public void Add(ulong last, int bytes)
    {
        _sent[(_head + Count) % _sent.Length] = (last, bytes);
        Count++;
        _bytes += bytes;
    }

    public void Acknowledge(ulong match)
    {
        while (Count > 0 && _sent[_head].Last <= match)
        {
            _bytes -= _sent[_head].Bytes;
            _head = (_head + 1) % _sent.Length;
            Count--;
        }
    }

    public void Clear() => (_head, Count, _bytes) = (0, 0, 0);
}
