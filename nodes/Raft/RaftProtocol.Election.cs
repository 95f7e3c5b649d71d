using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// Elections: section 5.2 and 5.4.1, pre-vote and check-quorum from the thesis (9.6, 6.2).
/// </summary>
internal sealed partial class RaftProtocol
{
    /// <summary>A candidate's vote for itself counts once it is durable.</summary>
    private SelfVote _selfVote;
    private long _selfVoteSequence;

    private enum SelfVote : byte
    {
        No,
        Wanted,
        Writing,
        Counted,
    }

    /// <summary>
    /// True when a leader was heard within the shortest election timeout: then nobody else is helped.
    /// </summary>
    private bool HasLiveLeader =>
        Role == RaftRole.Leader || _promise.Holds(_now)
        || (Leader != None && _now - _leaderContact < _options.ElectionTimeoutMicros);

    private void BecomeFollower(ulong term, int leader)
    {
        Invariant.Holds(term >= Term, "R9 term never falls");
        if (term > Term)
        {
            (Term, Vote, _termLeader, HardStateDirty) = (term, MemberId.None, None, true);
        }

        if (Role == RaftRole.Leader)
        {
            CommitAtStepDown = Commit;
            (_transferTo, _leaveRound) = (None, 0);
        }

        Role = RaftRole.Follower;
        Leader = leader;
        _selfVote = SelfVote.No;
        RestartElectionTimer();
    }

    /// <summary>A leader of this term spoke. There is one per term at most (R1, section 5.2).</summary>
    private void FollowOrStop(int leader)
    {
        Invariant.Holds(Role != RaftRole.Leader, "R1 election safety");
        Invariant.Holds(_termLeader == None || _termLeader == leader, "R1 election safety");
        if (Role != RaftRole.Follower)
        {
            BecomeFollower(Term, leader);
        }

        (Leader, _termLeader, _leaderContact, _hurry) = (leader, leader, _now, 0);
        _promise.Heard();
        RestartElectionTimer();
    }

    /// <summary>False when the message is to be ignored although its term is higher.</summary>
    private bool MeetHigherTerm(int from, in RaftMessage message)
    {
        switch (message.Kind)
        {
            case RaftMessageKind.PreVote:
            case RaftMessageKind.PreVoteReply when message.Yes:
                return true;
            case RaftMessageKind.Vote when HasLiveLeader && !message.Yes:
                return false;
            case RaftMessageKind.Append or RaftMessageKind.Heartbeat or RaftMessageKind.SnapshotChunk:
                BecomeFollower(message.Term, from);
                return true;
            default:
                BecomeFollower(message.Term, None);
                return true;
        }
    }

    /// <summary>
    /// Tells a sender of an old term about ours (5.1), so that a stale leader or candidate steps down.
    /// </summary>
    private void RefuseLowerTerm(int from, in RaftMessage message)
    {
        switch (message.Kind)
        {
            case RaftMessageKind.Append or RaftMessageKind.Heartbeat or RaftMessageKind.SnapshotChunk:
                Reply(from, message, new RaftMessage { Kind = RaftMessageKind.HeartbeatReply, Term = Term });
                break;
            case RaftMessageKind.Vote:
                ReplyToVote(from, message, new RaftMessage { Kind = RaftMessageKind.VoteReply, Term = Term });
                break;
            case RaftMessageKind.PreVote:
                ReplyToVote(from, message, new RaftMessage { Kind = RaftMessageKind.PreVoteReply, Term = Term });
                break;
            default:
                break;
        }
    }

    /// <summary>
    /// A voter knows more to be committed than we. It may have been removed by just that, and refuse us for what it
    /// holds beyond: without its word we would need its vote for ever.
    /// </summary>
    private void LearnCommit(in RaftMessage reply)
    {
        if (Role == RaftRole.Leader || reply.Commit <= Commit || reply.Commit > Log.LastIndex
            || Log.Term(reply.Commit) != reply.LogTerm)
        {
            return;
        }

        Advance(reply.Commit);
        if (Role != RaftRole.Follower && !MayCampaign)
        {
            // The members change first.
            BecomeFollower(Term, None);
        }
    }

    private void ReplyToVote(int from, in RaftMessage request, in RaftMessage reply, bool afterDurable = false) =>
        Reply(from, request, reply with { Commit = Commit, LogTerm = Log.Term(Commit) }, afterDurable);

    private void BeginPreVote()
    {
        if (!MayCampaign)
        {
            RestartElectionTimer();
            return;
        }

        PreVotes++;
        (Role, Leader, _selfVote) = (RaftRole.PreCandidate, None, SelfVote.No);
        _tracker.ResetVotes();
        RestartElectionTimer();
        SendAll(_tracker.Roster.Configuration.Voters, new RaftMessage
        {
            Kind = RaftMessageKind.PreVote, Term = Term + 1, Index = Log.LastIndex, LogTerm = Log.LastTerm,
        });
        OnVoteReply(_self, granted: true);
    }

    /// <summary>The leader wants this node to take over (thesis, 3.10): no pre-vote, nobody protects the leader.</summary>
    internal void OnTimeoutNow()
    {
        if (MayCampaign)
        {
            Transfers++;
            BeginElection(transfer: true);
        }
    }

    private void BeginElection(bool transfer = false)
    {
        Elections++;
        (Role, Term, Vote, _termLeader) = (RaftRole.Candidate, Term + 1, _tracker.Roster[_self], None);
        (Leader, HardStateDirty, _selfVote) = (None, true, SelfVote.Wanted);
        _tracker.ResetVotes();
        Invariant.Holds(Term < RaftEntryCodec.Largest, "R9 term never falls");

        // Survivors of a leader that ask at once split the votes: they ask again soon, not after a whole timeout.
        _electionDeadline = _now
            + (_hurry > 0 ? _options.LinkLossDelayMaxMicros + HurriedDelay() : FullTimeout());

        // After durable: the request claims a log and spends our vote. Were either lost in a crash, a vote
        // that comes back later could elect us with a log that the voters never compared.
        SendAll(
            _tracker.Roster.Configuration.Voters,
            new RaftMessage
            {
                Kind = RaftMessageKind.Vote, Term = Term, Index = Log.LastIndex, LogTerm = Log.LastTerm,
                Yes = transfer,
            },
            afterDurable: true);
    }

    private void OnVoteRequest(int from, in RaftMessage message)
    {
        var pre = message.Kind == RaftMessageKind.PreVote;
        var candidate = new MemberId(new NodeId((byte)from), message.From);
        var free = Vote == candidate || (Vote == MemberId.None && _termLeader == None) || (pre && message.Term > Term);

        // Section 5.4.1: the candidate's log must be at least as up to date as ours.
        var upToDate = message.LogTerm > Log.LastTerm
            || (message.LogTerm == Log.LastTerm && message.Index >= Log.LastIndex)
            || IsPlanted(RaftMutants.VoteForAnyLog);
        var granted = free && upToDate && (!HasLiveLeader || message.Yes);
        if (pre)
        {
            // Whom we help is given time to win.
            _electionDeadline = granted && _hurry > 0
                ? long.Max(_electionDeadline, _now + HurriedDelay())
                : _electionDeadline;

            // A refusal never carries a term below the candidate's own, or it would not be counted.
            ReplyToVote(from, message, new RaftMessage
            {
                Kind = RaftMessageKind.PreVoteReply, Yes = granted,
                Term = granted ? message.Term : ulong.Max(Term, message.Term - 1),
            });
            return;
        }

        if (granted)
        {
            Invariant.Holds(Vote == MemberId.None || Vote == candidate, "R8 one vote per term");
            (Vote, HardStateDirty) = (candidate, HardStateDirty || Vote != candidate);
            Role = RaftRole.Follower;
            _electionDeadline = _now + FullTimeout();
        }

        ReplyToVote(
            from, message, new RaftMessage { Kind = RaftMessageKind.VoteReply, Term = Term, Yes = granted },
            afterDurable: true);
    }

    private void OnVoteReply(int slot, bool granted)
    {
        if (slot < 0)
        {
            return;
        }

        _tracker.RecordVote(slot, granted);
        switch (_tracker.TallyVotes(out _, out _))
        {
            case VoteResult.Won when Role == RaftRole.PreCandidate:
                BeginElection();
                break;
            case VoteResult.Won:
                BecomeLeader();
                break;
            case VoteResult.Lost:
                BecomeFollower(Term, None);
                break;
            default:
                break;
        }
    }

    /// <summary>Pre-votes soon, at a random moment so that two nodes rarely ask at once.</summary>
    private void Hurry()
    {
        _hurry = Hurries;
        RestartElectionTimer();
    }

    private void RestartElectionTimer()
    {
        var hurried = _hurry > 0 && Role != RaftRole.Leader;
        _hurry -= hurried ? 1 : 0;
        _electionDeadline = _now + (hurried ? HurriedDelay() : FullTimeout());
    }

    private long HurriedDelay() => _options.LinkLossDelayMinMicros
        + _random.Below(_options.LinkLossDelayMaxMicros - _options.LinkLossDelayMinMicros + 1);

    private long FullTimeout() => _options.ElectionTimeoutMicros + _random.Below(_options.ElectionTimeoutMicros);
}
