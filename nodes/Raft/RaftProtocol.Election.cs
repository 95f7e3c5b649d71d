using System.Numerics;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// Elections: section 5.2 and 5.4.1, pre-vote and check-quorum from the thesis (9.6, 6.2).
/// </summary>
internal sealed partial class RaftProtocol
{
    /// <summary>Nodes that granted, and that refused, the vote or pre-vote under way.</summary>
    private uint _granted;
    private uint _refused;

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
        Role == RaftRole.Leader || _promise.Holds(_now) || (Leader != None && _now - _leaderContact < _options.ElectionTimeoutMicros);

    private void BecomeFollower(ulong term, int leader)
    {
        Invariant.Holds(term >= Term, "R9 term never falls");
        if (term > Term)
        {
            (Term, Vote, _termLeader, HardStateDirty) = (term, None, None, true);
        }

        CommitAtStepDown = Role == RaftRole.Leader ? Commit : CommitAtStepDown;
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
            case RaftMessageKind.Vote when HasLiveLeader:
                return false;
            case RaftMessageKind.Append or RaftMessageKind.Heartbeat:
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
            case RaftMessageKind.Append or RaftMessageKind.Heartbeat:
                Send(from, new RaftMessage { Kind = RaftMessageKind.HeartbeatReply, Term = Term });
                break;
            case RaftMessageKind.Vote:
                Send(from, new RaftMessage { Kind = RaftMessageKind.VoteReply, Term = Term });
                break;
            case RaftMessageKind.PreVote:
                Send(from, new RaftMessage { Kind = RaftMessageKind.PreVoteReply, Term = Term });
                break;
            default:
                break;
        }
    }

    private void BeginPreVote()
    {
        PreVotes++;
        (Role, Leader, _granted, _refused, _selfVote) = (RaftRole.PreCandidate, None, 0, 0, SelfVote.No);
        RestartElectionTimer();
        SendAll(new RaftMessage
        {
            Kind = RaftMessageKind.PreVote, Term = Term + 1, Index = Log.LastIndex, LogTerm = Log.LastTerm,
        });
        OnVoteReply(Self, granted: true);
    }

    private void BeginElection()
    {
        Elections++;
        (Role, Term, Vote, _termLeader, HardStateDirty) = (RaftRole.Candidate, Term + 1, Self, None, true);
        (_granted, _refused, _selfVote) = (0, 0, SelfVote.Wanted);
        Invariant.Holds(Term < RaftEntryCodec.Largest, "R9 term never falls");
        _electionDeadline = _now + FullTimeout();

        // After durable: the request claims a log and spends our vote. Were either lost in a crash, a vote
        // that comes back later could elect us with a log that the voters never compared.
        SendAll(
            new RaftMessage
            {
                Kind = RaftMessageKind.Vote, Term = Term, Index = Log.LastIndex, LogTerm = Log.LastTerm,
            },
            afterDurable: true);
    }

    private void OnVoteRequest(int from, in RaftMessage message)
    {
        var pre = message.Kind == RaftMessageKind.PreVote;
        var free = Vote == from || (Vote == None && _termLeader == None) || (pre && message.Term > Term);

        // Section 5.4.1: the candidate's log must be at least as up to date as ours.
        var upToDate = message.LogTerm > Log.LastTerm
            || (message.LogTerm == Log.LastTerm && message.Index >= Log.LastIndex)
            || IsPlanted(RaftMutants.VoteForAnyLog);
        var granted = free && upToDate && !HasLiveLeader;
        if (pre)
        {
            // A refusal never carries a term below the candidate's own, or it would not be counted.
            Send(from, new RaftMessage
            {
                Kind = RaftMessageKind.PreVoteReply, Yes = granted,
                Term = granted ? message.Term : ulong.Max(Term, message.Term - 1),
            });
            return;
        }

        if (granted)
        {
            Invariant.Holds(Vote == None || Vote == from, "R8 one vote per term");
            (Vote, HardStateDirty) = (from, HardStateDirty || Vote != from);
            Role = RaftRole.Follower;
            _electionDeadline = _now + FullTimeout();
        }

        Send(
            from, new RaftMessage { Kind = RaftMessageKind.VoteReply, Term = Term, Yes = granted },
            afterDurable: true);
    }

    private void OnVoteReply(int from, bool granted)
    {
        if (granted)
        {
            _granted |= 1u << from;
        }
        else
        {
            _refused |= 1u << from;
        }

        if (BitOperations.PopCount(_granted) >= Quorum)
        {
            if (Role == RaftRole.PreCandidate)
            {
                BeginElection();
            }
            else
            {
                BecomeLeader();
            }
        }
        else if (BitOperations.PopCount(_refused) >= Quorum)
        {
            BecomeFollower(Term, None);
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
        _electionDeadline = _now + (hurried
            ? _options.LinkLossDelayMinMicros
                + _random.Below(_options.LinkLossDelayMaxMicros - _options.LinkLossDelayMinMicros + 1)
            : FullTimeout());
    }

    private long FullTimeout() => _options.ElectionTimeoutMicros + _random.Below(_options.ElectionTimeoutMicros);
}
