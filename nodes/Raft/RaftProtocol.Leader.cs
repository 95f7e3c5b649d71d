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
    /// The next append to a follower, if one may leave now; the caller sends it. Call until it returns
    /// false.
    /// </summary>
    public bool TryPlanAppend(int to, out AppendPlan plan)
    {
        plan = default;
        ref var peer = ref _peers[to];
        if (Role != RaftRole.Leader || to == Self || peer.Next <= Log.BaseIndex)
        {
            return false;
        }

        var pending = peer.Next <= Log.LastIndex;
        if (peer.Replicating ? !pending || peer.Window.Full : peer.Paused)
        {
            var ask = peer.Replicating && peer.AskEmpty;
            peer.AskEmpty = false;
            plan = new AppendPlan(peer.Next, peer.Next - 1, 0);
            return ask;
        }

        var bytes = 0;
        var last = pending ? Log.Fit(peer.Next, _options.AppendBytes, out bytes) : peer.Next - 1;
        plan = new AppendPlan(peer.Next, last, bytes);
        if (peer.Replicating)
        {
            // Optimistic: the stream keeps order, so what follows may be sent before this is acknowledged.
            peer.Next = last + 1;
            peer.Window.Add(last, bytes);
        }
        else
        {
            (peer.Paused, peer.ProbedMicros) = (true, _now);
        }

        return true;
    }

    /// <summary>Head of a planned append.</summary>
    public RaftMessage AppendHead(in AppendPlan plan) => new()
    {
        Kind = RaftMessageKind.Append, Term = Term, Index = plan.First - 1, LogTerm = Log.Term(plan.First - 1),
        Commit = Commit, Trim = Trim,
    };

    /// <summary>Followers that need entries which are no longer in memory.</summary>
    public int PeersBehindLog()
    {
        var count = 0;
        for (var i = 0; Role == RaftRole.Leader && i < _peers.Length; i++)
        {
            count += i != Self && _peers[i].Next <= Log.BaseIndex ? 1 : 0;
        }

        return count;
    }

    private void BecomeLeader()
    {
        Invariant.Holds(_termLeader == None && Vote == Self, "R1 election safety");
        (Role, Leader, _termLeader, _hurry) = (RaftRole.Leader, Self, Self, 0);
        for (var i = 0; i < _peers.Length; i++)
        {
            ref var peer = ref _peers[i];
            peer.Window.Clear();
            peer = new PeerProgress { Next = Log.LastIndex + 1, HeardMicros = _now, Window = peer.Window };
        }

        // Rounds of an earlier reign must not confirm reads of this one.
        ReadRound++;
        ConfirmedRound = ReadRound;
        _termStart = Propose(RaftEntryKind.Nothing, default, default);
        SendHeartbeats();
    }

    private void TickLeader()
    {
        var heard = 1;
        for (var i = 0; i < _peers.Length; i++)
        {
            heard += i != Self && _now - _peers[i].HeardMicros <= _options.ElectionTimeoutMicros ? 1 : 0;
        }

        if (heard < Quorum)
        {
            BecomeFollower(Term, None);
        }
        else if (_now >= _heartbeatDue)
        {
            SendHeartbeats();
            for (var i = 0; i < _peers.Length; i++)
            {
                ref var peer = ref _peers[i];
                peer.AskEmpty = peer.Replicating && peer.Window.Count > 0 && peer.Match == peer.MatchAtHeartbeat;
                peer.MatchAtHeartbeat = peer.Match;
            }
        }
    }

    private void SendHeartbeats()
    {
        _heartbeatDue = _now + _options.HeartbeatMicros;
        for (var i = 0; i < _peers.Length; i++)
        {
            if (i != Self)
            {
                Send(i, new RaftMessage
                {
                    Kind = RaftMessageKind.Heartbeat, Term = Term, Index = _peers[i].Match, Commit = Commit,
                    Trim = Trim, Round = ReadRound,
                });
            }
        }
    }

    private void OnAppendReply(int from, in RaftMessage message)
    {
        ref var peer = ref _peers[from];
        peer.HeardMicros = _now;
        if (message.Index > Log.LastIndex)
        {
            return;
        }

        if (!message.Yes)
        {
            OnRefused(ref peer, message);
        }
        else if (message.Index > peer.Match || !peer.Replicating)
        {
            peer.Match = ulong.Max(peer.Match, message.Index);
            peer.Next = ulong.Max(peer.Next, peer.Match + 1);
            (peer.Replicating, peer.Paused) = (true, false);
            peer.Window.Acknowledge(peer.Match);
            AdvanceByQuorum();
        }
    }

    /// <summary>
    /// Skips back over whole terms (end of 5.3): to the last index whose term the follower may share.
    /// </summary>
    private void OnRefused(ref PeerProgress peer, in RaftMessage message)
    {
        var stale = peer.Replicating ? message.Index <= peer.Match : message.Index != peer.Next - 1;
        if (stale)
        {
            return;
        }

        var hint = ulong.Min(message.Hint, Log.LastIndex);
        var floor = ulong.Min(hint, Log.BaseIndex);
        var shared = hint > Log.BaseIndex ? Log.HighestWithin(hint, message.LogTerm, Log.BaseIndex) : floor;
        if (peer.Replicating)
        {
            (peer.Replicating, peer.Next) = (false, peer.Match + 1);
            peer.Window.Clear();
        }
        else
        {
            peer.Next = ulong.Max(ulong.Min(message.Index, shared + 1), peer.Match + 1);
        }

        peer.Paused = false;
    }

    private void OnHeartbeatReply(int from, in RaftMessage message)
    {
        ref var peer = ref _peers[from];
        peer.HeardMicros = _now;
        peer.Paused &= _now - peer.ProbedMicros < _options.HeartbeatMicros;
        var round = IsPlanted(RaftMutants.StaleReadRound) ? ReadRound : message.Round;
        if (round > peer.ReadRound && round <= ReadRound)
        {
            peer.ReadRound = round;
            ConfirmRounds();
        }
    }

    /// <summary>Back to one append at a time: what was in flight may be lost.</summary>
    private void Probe(int index)
    {
        ref var peer = ref _peers[index];
        peer.Window.Clear();
        (peer.Replicating, peer.Paused) = (false, true);

        // Before the first answer nothing is known: keep asking from the end, where a follower in step
        // agrees.
        peer.Next = peer.Match > 0 ? peer.Match + 1 : ulong.Min(peer.Next, Log.LastIndex + 1);
    }

    /// <summary>
    /// Section 5.4.2: only an entry of the current term is committed by counting; earlier ones follow with
    /// it.
    /// </summary>
    private void AdvanceByQuorum()
    {
        Span<ulong> held = stackalloc ulong[_peers.Length];
        for (var i = 0; i < held.Length; i++)
        {
            held[i] = i == Self ? OwnMatch : _peers[i].Match;
        }

        held.Sort();
        Trim = ulong.Max(Trim, ulong.Min(held[0], Commit));
        var agreed = held[held.Length - Quorum];
        var anyTerm = IsPlanted(RaftMutants.CommitEarlierTerm);
        if (IsPlanted(RaftMutants.AckBeforeQuorum))
        {
            agreed = OwnMatch;
        }

        if (agreed > Commit && (Log.Term(agreed) == Term || anyTerm))
        {
            Advance(agreed);
        }
    }

    private ulong OwnMatch => IsPlanted(RaftMutants.AckBeforeDurable) ? Log.LastIndex : Durable;

    private void ConfirmRounds()
    {
        Span<ulong> rounds = stackalloc ulong[_peers.Length];
        for (var i = 0; i < rounds.Length; i++)
        {
            rounds[i] = i == Self ? ReadRound : _peers[i].ReadRound;
        }

        rounds.Sort();
        ConfirmedRound = ulong.Max(ConfirmedRound, rounds[rounds.Length - Quorum]);
    }
}
