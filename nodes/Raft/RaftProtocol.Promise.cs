namespace Testbed.Raft;

/// <summary>What voters promise to a leader that reads by lease.</summary>
internal sealed partial class RaftProtocol
{
    private VotePromise _promise;

    /// <summary>The promise after a restart, whoever led before. A node that knows no term has never heard a leader.</summary>
    private void BeginPromise()
    {
        var micros = _options.LeaseReads ? _options.ElectionTimeoutMicros : 0;
        _promise.Start(micros, Term > 0 ? _now : _now - micros);
    }

    /// <summary>
    /// Begins a pre-vote, unless a leader may hold a lease: then a little after that, at a random moment again.
    /// </summary>
    private void BeginPreVoteUnlessPromised()
    {
        if (!_promise.Holds(_now))
        {
            BeginPreVote();
            return;
        }

        _electionDeadline = _promise.Ends(_now) + _options.LinkLossDelayMinMicros
            + _random.Below(_options.LinkLossDelayMaxMicros - _options.LinkLossDelayMinMicros + 1);
    }
}
