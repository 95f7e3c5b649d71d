namespace Testbed.Raft;

/// <summary>What voters promise to a leader that reads by lease.</summary>
internal sealed partial class RaftProtocol
{
    private VotePromise _promise;

    /// <summary>The promise after a start or restart, whoever led before.</summary>
    private void BeginPromise() => _promise.Start(_options.LeaseReads ? _options.ElectionTimeoutMicros : 0, _now);

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
