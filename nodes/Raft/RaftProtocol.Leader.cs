using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>One append message to build: entries First to Last, possibly none, after First - 1.</summary>
internal readonly record struct AppendPlan(ulong First, ulong Last, int EntryBytes);

/// <summary>What a leader does: sections 5.3, 5.4.2 and 8.</summary>
internal sealed partial class RaftProtocol
{
    private long _heartbeatDue;

    /// <summary>Index of this leader's first entry; reads wait until it is committed (section 8).</summary>
    private ulong _termStart;

    /// <summary>
    /// Latest read round begun. Never falls in a life, so answers to other terms' rounds cannot be confused.
    /// </summary>
    public ulong ReadRound { get; private set; }

    /// <summary>Rounds up to here were confirmed by a quorum after they began.</summary>
    public ulong ConfirmedRound { get; private set; }

    /// <summary>Entry bytes of a leader's log that are not committed yet.</summary>
    public long UncommittedBytes => Log.BytesBetween(ulong.Max(Commit, Log.BaseIndex), Log.LastIndex);

    /// <summary>
    /// True when this leader has committed an entry of its term: only then it knows what is committed.
    /// </summary>
    public bool CanServeReads => Role == RaftRole.Leader
        && (Commit >= _termStart || IsPlanted(RaftMutants.ReadBeforeTermCommit));

    /// <summary>Appends an entry to a leader's log (5.3); returns its index.</summary>
    public ulong Propose(RaftEntryKind kind, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Invariant.Holds(Role == RaftRole.Leader, "R2 leader append only");
        var index = Log.LastIndex + 1;
        var entry = Log.Add(Term, RaftEntryCodec.Bytes(kind, key.Length, value.Length));
        RaftEntryCodec.Write(entry, index, Term, kind, key, value);
        return index;
    }

    /// <summary>
    /// Begins a read round: once a quorum has answered it, this node led when the round began, so every
    /// write completed before that is at or below the commit index of that moment (section 8; thesis, 6.4).
    /// </summary>
    public ulong BeginReadRound()
    {
        ReadRound++;
        SendHeartbeats();
        ConfirmRounds();
        return ReadRound;
    }

    /// <summary>
    /// The next append to a member, if one may leave now; the caller sends it. Call until it returns
    /// false.
    /// </summary>
    public bool TryPlanAppend(int slot, out AppendPlan plan)
    {
        plan = default;
        ref var member = ref _tracker[slot];
        ref var times = ref _times[slot];
        if (Role != RaftRole.Leader || slot == _self || member.State == ReplicationState.Snapshot
            || NeedsSnapshot(slot))
        {
            return false;
        }

        var pending = member.Next <= Log.LastIndex;
        var replicating = member.State == ReplicationState.Replicate;
        if (replicating ? !pending || member.Paused : member.Paused)
        {
            var ask = replicating && times.AskEmpty;
            times.AskEmpty = false;
            plan = new AppendPlan(member.Next, member.Next - 1, 0);
            return ask;
        }

        var bytes = 0;
        var last = pending ? Log.Fit(member.Next, _options.AppendBytes, out bytes) : member.Next - 1;
        plan = new AppendPlan(member.Next, last, bytes);
        if (replicating)
        {
            // Optimistic: the stream keeps order, so what follows may be sent before this is acknowledged.
            member.SentUpTo(last);
            member.Window.Add(last, bytes);
        }
        else
        {
            (member.ProbeSent, times.ProbedMicros) = (true, _now);
        }

        return true;
    }

    /// <summary>Head of a planned append.</summary>
    public RaftMessage AppendHead(int slot, in AppendPlan plan) => new()
    {
        Kind = RaftMessageKind.Append, Term = Term, From = Incarnation, To = _tracker.Roster[slot].Incarnation,
        Index = plan.First - 1, LogTerm = Log.Term(plan.First - 1),
        Commit = Commit, Trim = Trim,
    };

    private void BecomeLeader()
    {
        Invariant.Holds(_termLeader == None && Vote == _tracker.Roster[_self], "R1 election safety");
        (Role, Leader, _termLeader, _hurry) = (RaftRole.Leader, Self, Self, 0);
        foreach (var slot in _tracker.Roster.Configuration.Members)
        {
            BeginProgress(slot);
        }

        // Rounds of an earlier reign must not confirm reads of this one.
        ReadRound++;
        ConfirmedRound = ReadRound;

        // Whatever earlier leaders changed may not be applied yet; until then nothing is changed further.
        _pendingConfiguration = Log.LastIndex;
        _diskProgressMicros = _now;
        _termStart = Propose(RaftEntryKind.Nothing, default, default);
        _tracker[_self].Acknowledge(OwnMatch);
        SendHeartbeats();
    }

    private void BeginProgress(int slot)
    {
        _tracker[slot].Begin(Log.LastIndex + 1);
        _times[slot] = new MemberTimes { HeardMicros = _now };
    }

    private void TickLeader()
    {
        var voters = _tracker.Roster.Configuration.Voters;
        var active = default(PeerSet);
        foreach (var slot in voters)
        {
            var heard = slot == _self || _now - _times[slot].HeardMicros <= _options.ElectionTimeoutMicros;
            active |= heard ? PeerSet.Of(slot) : default;
        }

        // A leader whose disk stands still only holds the others up: they can do without it, it cannot.
        var stuck = _writing.Count > 0 && _now - _diskProgressMicros > _options.ElectionTimeoutMicros;
        StuckDisks += stuck ? 1 : 0;
        if (stuck || _tracker.Roster.Configuration.Quorum.Result(active, ~active) != VoteResult.Won)
        {
            BecomeFollower(Term, None);
            return;
        }

        TickTransfer();
        if (_now >= _heartbeatDue)
        {
            SendHeartbeats();
            foreach (var slot in _tracker.Roster.Configuration.Members)
            {
                ref var member = ref _tracker[slot];
                ref var times = ref _times[slot];
                times.AskEmpty = member.State == ReplicationState.Replicate && member.Window.Count > 0
                    && member.Match == times.MatchAtHeartbeat;
                times.MatchAtHeartbeat = member.Match;
            }
        }
    }

    private void SendHeartbeats()
    {
        _heartbeatDue = _now + _options.HeartbeatMicros;
        foreach (var slot in _tracker.Roster.Configuration.Members)
        {
            if (slot != _self)
            {
                SendToSlot(slot, new RaftMessage
                {
                    Kind = RaftMessageKind.Heartbeat, Term = Term, Index = _tracker[slot].Match, Commit = Commit,
                    Trim = Trim, Round = ReadRound,
                });
            }
        }
    }

    private void OnAppendReply(int slot, in RaftMessage message)
    {
        _times[slot].HeardMicros = _now;
        if (message.Index > Log.LastIndex)
        {
            return;
        }

        ref var member = ref _tracker[slot];
        if (!message.Yes)
        {
            OnRefused(slot, message);
        }
        else if (message.Index > member.Match || member.State != ReplicationState.Replicate)
        {
            _times[slot].HoldsNothing = false;
            member.Acknowledge(message.Index);
            if (member.State == ReplicationState.Probe
                || (member.State == ReplicationState.Snapshot && member.Match >= member.PendingSnapshot))
            {
                member.BecomeReplicate();
            }

            member.Window.Acknowledge(member.Match);
            AdvanceByQuorum();
            ContinueTransfer(slot);
        }
    }

    /// <summary>
    /// Skips back over whole terms (end of 5.3): to the last index whose term the follower may share.
    /// </summary>
    private void OnRefused(int slot, in RaftMessage message)
    {
        ref var member = ref _tracker[slot];
        var stale = member.State switch
        {
            ReplicationState.Replicate => message.Index <= member.Match,
            ReplicationState.Probe => message.Index != member.Next - 1,
            _ => true,
        };

        // It has lost what it had acknowledged: asking again at once would go on for ever, so the next heartbeat does.
        var forgets = member.State == ReplicationState.Probe && member.Match > 0 && message.Index == member.Match;
        if (stale || forgets)
        {
            return;
        }

        var hint = ulong.Min(message.Hint, Log.LastIndex);
        var floor = ulong.Min(hint, Log.BaseIndex);
        var shared = hint > Log.BaseIndex ? Log.HighestWithin(hint, message.LogTerm, Log.BaseIndex) : floor;

        // Who joined begins with a snapshot: the first members stand in no entry.
        var founded = _tracker.Roster[slot] is { Incarnation: 1 } first && first.Node.Index < _options.Nodes;
        _times[slot].HoldsNothing = hint == 0 && !founded;
        if (member.State == ReplicationState.Replicate)
        {
            member.BecomeProbe();
        }
        else
        {
            member.StepBack(ulong.Min(message.Index, shared + 1));
        }
    }

    private void OnHeartbeatReply(int slot, in RaftMessage message)
    {
        ref var times = ref _times[slot];
        times.HeardMicros = _now;
        if (_now - times.ProbedMicros >= _options.HeartbeatMicros)
        {
            _tracker[slot].ProbeSent = false;
        }

        var round = IsPlanted(RaftMutants.StaleReadRound) ? ReadRound : message.Round;
        if (round > times.ReadRound && round <= ReadRound)
        {
            times.ReadRound = round;
            ConfirmRounds();
        }
    }

    /// <summary>Back to one append at a time: what was in flight to the node may be lost.</summary>
    private void ProbeNode(int node, bool wait)
    {
        foreach (var slot in _tracker.Roster.Configuration.Members)
        {
            if (_tracker.Roster[slot].Node.Index != node || _tracker[slot].State == ReplicationState.Snapshot)
            {
                continue;
            }

            // Before the first answer nothing is known: keep asking from the end, where a follower in step
            // agrees.
            ref var member = ref _tracker[slot];
            var next = member.Match > 0 ? member.Match + 1 : ulong.Min(member.Next, Log.LastIndex + 1);
            member.BecomeProbe();
            member.StepBack(next);
            member.ProbeSent = wait;
        }
    }

    /// <summary>
    /// Section 5.4.2: only an entry of the current term is committed by counting; earlier ones follow with
    /// it.
    /// </summary>
    private void AdvanceByQuorum()
    {
        if (_self >= 0)
        {
            _tracker[_self].Acknowledge(OwnMatch);
        }

        var everywhere = ulong.MaxValue;
        foreach (var slot in _tracker.Roster.Configuration.Members)
        {
            everywhere = ulong.Min(everywhere, _tracker[slot].Match);
        }

        Trim = ulong.Max(Trim, ulong.Min(everywhere, Commit));
        var agreed = IsPlanted(RaftMutants.AckBeforeQuorum) ? OwnMatch : CommittedByQuorum();
        var anyTerm = IsPlanted(RaftMutants.CommitEarlierTerm);
        if (agreed > Commit && (Log.Term(agreed) == Term || anyTerm))
        {
            Advance(agreed);
        }
    }

    private ulong OwnMatch => IsPlanted(RaftMutants.AckBeforeDurable) ? Log.LastIndex : Durable;

    private void ConfirmRounds()
    {
        Span<ulong> rounds = stackalloc ulong[PeerSet.Slots];
        foreach (var slot in _tracker.Roster.Configuration.Voters)
        {
            rounds[slot] = slot == _self ? ReadRound : _times[slot].ReadRound;
        }

        ConfirmedRound = ulong.Max(ConfirmedRound, _tracker.Roster.Configuration.Quorum.CommittedIndex(rounds));
    }
}
