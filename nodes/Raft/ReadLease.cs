namespace Testbed.Raft;

/// <summary>
/// A leader's right to answer reads without asking (Ongaro's thesis, 6.4.1). Whoever answers a read round has heard the
/// leader after the round left, and helps no other to lead for an election timeout from then on; so once a quorum has
/// answered, nobody else leads before the round's departure plus an election timeout, on any clock that takes part. The
/// lease is shorter than that by the bound on how much faster another clock may run. Written by the node's core only.
/// </summary>
/// <remarks>
/// It counts from the departure of what was confirmed, on the leader's own monotonic clock; what arrived when, on whose
/// clock, plays no part. Rounds of another term confirm nothing.
/// </remarks>
internal sealed class ReadLease(long electionTimeoutMicros, int clockDriftPercent)
{
    /// <summary>Rounds whose departure is remembered; those beyond confirm nothing.</summary>
    private const int MostRounds = 64;

    private readonly RingQueue<(ulong Round, long SentMicros)> _sent = new();
    private readonly long _durationMicros = electionTimeoutMicros * 100 / (100 + clockDriftPercent);
    private ulong _term;
    private bool _leads;
    private bool _isEnded;
    private long _untilMicros = long.MinValue;
    private long _lastSentMicros = long.MinValue / 2;

    /// <summary>True while nobody else can have been elected.</summary>
    public bool Holds(long nowMicros) => _leads && !_isEnded && nowMicros < _untilMicros;

    /// <summary>True when a round should leave to keep it, with so much time between two.</summary>
    public bool IsDue(long nowMicros, long intervalMicros) =>
        _leads && !_isEnded && nowMicros - _lastSentMicros >= intervalMicros;

    /// <summary>This node leads in a term, or does not; in another one nothing of before counts.</summary>
    public void Follow(ulong term, bool leads)
    {
        if (term != _term || leads != _leads)
        {
            _sent.RemoveFront(_sent.Count);
            (_term, _leads, _isEnded) = (term, leads, false);
            (_untilMicros, _lastSentMicros) = (long.MinValue, long.MinValue / 2);
        }
    }

    /// <summary>A round leaves now.</summary>
    public void Sent(ulong round, long nowMicros)
    {
        _lastSentMicros = nowMicros;
        if (_sent.Count < MostRounds)
        {
            _sent.Add() = (round, nowMicros);
        }
    }

    /// <summary>Rounds up to this one were answered by a quorum.</summary>
    public void Confirmed(ulong round)
    {
        while (_sent.Count > 0 && _sent[0].Round <= round)
        {
            _untilMicros = long.Max(_untilMicros, _sent[0].SentMicros + _durationMicros);
            _sent.RemoveFront();
        }
    }

    /// <summary>
    /// Ends it for the rest of the term: leadership is about to be given away, and votes for the chosen one do not wait.
    /// Even if that fails, its messages may still be under way.
    /// </summary>
    public void End() => _isEnded = true;
}

/// <summary>
/// A voter's half of a lease: for an election timeout after it heard a leader it helps nobody to be elected, itself
/// included; nor after a start, for it may have heard one just before. Unlike the hint who leads, no broken link ends it.
/// </summary>
internal struct VotePromise
{
    private long _micros;
    private long _untilMicros;

    /// <summary>
    /// A leader was heard. The promise counts from the next tick: the time known now may be that of before the process
    /// stood still, and the leader's message younger.
    /// </summary>
    private bool _isHeard;

    /// <summary>Begins; with 0 nothing is ever promised.</summary>
    public void Start(long micros, long nowMicros) => (_micros, _untilMicros, _isHeard) = (micros, nowMicros + micros, false);

    /// <summary>A leader was heard; the answer leaves after the next tick.</summary>
    public void Heard() => _isHeard = _micros > 0;

    /// <summary>Time was read anew.</summary>
    public void Tick(long nowMicros)
    {
        if (_isHeard)
        {
            (_isHeard, _untilMicros) = (false, nowMicros + _micros);
        }
    }

    /// <summary>True while no vote may be given.</summary>
    public readonly bool Holds(long nowMicros) => _isHeard || nowMicros < _untilMicros;

    /// <summary>When it ends if no leader is heard any more.</summary>
    public readonly long Ends(long nowMicros) => _isHeard ? nowMicros + _micros : _untilMicros;
}
