namespace Testbed.Raft;

/// <summary>When reads may be answered: by a round, or by a lease.</summary>
public sealed partial class RaftNodeCore
{
    private ReadLease? _lease;
    private long _leaseReads;

    /// <summary>
    /// Ends the lease for the rest of this term. To be called before leadership is offered to another node.
    /// </summary>
    internal void EndLease()
    {
        if (_options.LeaseReads)
        {
            // Perhaps it does not know this term yet: then it would begin anew when it hears of it.
            _lease ??= new ReadLease(_options.ElectionTimeoutMicros, _options.ClockDriftPercent);
            _lease.Follow(_raft.Term, _raft.Role == RaftRole.Leader);
            _lease.End();
        }
    }

    /// <summary>
    /// One round for all reads that arrived since the last; more of them only while few are under way. By lease, none
    /// while it holds: then this node still leads, and every write completed before is at or below its commit index.
    /// </summary>
    private void BeginReads()
    {
        var isLeased = _options.LeaseReads && KeepLease();
        var guarded = (_options.Mutants & RaftMutants.StaleLeaderRead) == 0;
        if (_reads.Unassigned > 0 && _raft.CanServeReads && _reads.Rounds < _options.ReadRounds)
        {
            var commit = _raft.Commit;
            _leaseReads += isLeased ? _reads.Unassigned : 0;
            _reads.Assign(guarded && !isLeased ? BeginRound() : 0, commit);
        }
    }

    /// <summary>Renews the lease when it is time to; true when it holds.</summary>
    private bool KeepLease()
    {
        _lease ??= new ReadLease(_options.ElectionTimeoutMicros, _options.ClockDriftPercent);
        _lease.Follow(_raft.Term, _raft.Role == RaftRole.Leader);
        _lease.Confirmed(_raft.ConfirmedRound);
        if (_raft.CanServeReads && _lease.IsDue(_raft.NowMicros, _options.HeartbeatMicros))
        {
            BeginRound();
            _lease.Confirmed(_raft.ConfirmedRound);
        }

        return _lease.Holds(_raft.NowMicros);
    }

    private ulong BeginRound()
    {
        var round = _raft.BeginReadRound();
        _lease?.Sent(round, _raft.NowMicros);
        _counters.ReadRounds++;
        return round;
    }
}
