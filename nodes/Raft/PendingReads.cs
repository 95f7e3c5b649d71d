using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// A get or scan that waits for a read round and for the store to reach the round's commit index.
/// </summary>
internal struct PendingRead
{
    /// <summary>Who asked, and under which number.</summary>
    public Endpoint From;
    public ulong CorrelationId;

    /// <summary>Get or Scan.</summary>
    public KvKind Kind;

    /// <summary>A slice of the request; held for a round at most, or until leadership is lost.</summary>
    public ReadOnlyMemory<byte> Key;

    public int ScanLimit;
}

/// <summary>
/// Reads in order of arrival: first those of rounds under way, oldest round first, then those that wait for
/// the next round.
/// </summary>
internal sealed class PendingReads
{
    private readonly RingQueue<PendingRead> _reads = new(256);
    private readonly RingQueue<Round> _rounds = new();
    private int _assigned;

    public int Count => _reads.Count;

    /// <summary>Reads that no round covers yet.</summary>
    public int Unassigned => _reads.Count - _assigned;

    /// <summary>Rounds not served yet.</summary>
    public int Rounds => _rounds.Count;

    public ref PendingRead Add() => ref _reads.Add();

    /// <summary>
    /// Puts all reads without a round under this one; the commit index is that of the round's begin.
    /// </summary>
    public void Assign(ulong round, ulong commit)
    {
        _rounds.Add() = new Round(round, commit, Unassigned);
        _assigned = _reads.Count;
    }

    /// <summary>
    /// Takes the oldest read if its round is confirmed and the store has reached its commit index.
    /// </summary>
    public bool TryTake(ulong confirmedRound, ulong applied, out PendingRead read)
    {
        read = default;
        if (_rounds.Count == 0 || _rounds[0].Number > confirmedRound || _rounds[0].Commit > applied)
        {
            return false;
        }

        ref var round = ref _rounds[0];
        Take(out read);
        if (--round.Reads == 0)
        {
            _rounds.RemoveFront();
        }

        return true;
    }

    /// <summary>Takes any read, rounds or not: leadership is lost.</summary>
    public bool TryTakeAny(out PendingRead read)
    {
        read = default;
        if (_reads.Count == 0)
        {
            _rounds.RemoveFront(_rounds.Count);
            return false;
        }

        Take(out read);
        return true;
    }

    private void Take(out PendingRead read)
    {
        read = _reads[0];
        _reads.RemoveFront();
        _assigned -= _assigned > 0 ? 1 : 0;
    }

    private record struct Round(ulong Number, ulong Commit, int Reads);
}
