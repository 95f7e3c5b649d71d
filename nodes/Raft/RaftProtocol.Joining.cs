using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>How a node without a part in the cluster gets one, and how members help it.</summary>
internal sealed partial class RaftProtocol
{
    /// <summary>
    /// By node: the process that asked last, and since when. A leader's; what is left of an earlier reign costs a
    /// repetition at most.
    /// </summary>
    private readonly (ulong Nonce, long SinceMicros)[] _asking = new (ulong, long)[Limits.Nodes];

    private void TickJoining()
    {
        _founding.Tick(_now);
        if (_now >= _joinDue)
        {
            TellJoin();
        }
    }

    private void TellJoin()
    {
        _joinDue = _now + _options.HeartbeatMicros;
        for (var node = 0; node < Limits.Nodes; node++)
        {
            if (node != Self)
            {
                Send(node, _founding.Join);
            }
        }
    }

    private void StepOutside(int from, in RaftMessage message)
    {
        if (message.Kind == RaftMessageKind.Join && Incarnation == 0)
        {
            if (_founding.Hear(from, message, _now))
            {
                TellJoin();
            }

            if (_founding.IsComplete)
            {
                TakeFoundersPart();
            }
        }
        else if (message.Kind == RaftMessageKind.Join)
        {
            OnJoin(new NodeId((byte)from), message);
        }
        else if (message.Kind == RaftMessageKind.Welcome && Incarnation == 0)
        {
            OnWelcome(message);
        }
    }

    /// <summary>A process that knows nothing asks us, who are a member.</summary>
    private void OnJoin(NodeId node, in RaftMessage join)
    {
        if (_founding.IsFounder(node.Index, join.Round))
        {
            Send(node.Index, new RaftMessage
            {
                Kind = RaftMessageKind.Welcome, Term = Term, Round = join.Round, Hint = _founding.Promise,
            });
        }
        else if (Role == RaftRole.Leader && Book.MayJoin(node) && join.Round != 0)
        {
            var newest = new MemberId(node, Book.Highest(node));
            if (Book.Nonce(node) == join.Round && Roster.SlotOf(newest) >= 0)
            {
                Send(node.Index, new RaftMessage
                {
                    Kind = RaftMessageKind.Welcome, Term = Term, To = newest.Incarnation, Round = join.Round,
                });
            }
            else if (AsksStill(node, join.Round))
            {
                Admit(node, newest, join.Round);
            }
        }
        else if (join.Yes)
        {
            // There is a cluster: who knows nothing must not found another one, not even with others like it.
            Send(node.Index, new RaftMessage { Kind = RaftMessageKind.Welcome, Term = Term, Round = join.Round });
        }
    }

    /// <summary>
    /// True for a process that has asked for half a heartbeat, nobody else of its node between: what a dead one had
    /// asked may arrive late, all at once, and must not push aside the one that lives.
    /// </summary>
    private bool AsksStill(NodeId node, ulong nonce)
    {
        ref var asking = ref _asking[node.Index];
        if (asking.Nonce != nonce)
        {
            asking = (nonce, _now);
        }

        return _now - asking.SinceMicros >= _options.HeartbeatMicros / 2;
    }

    /// <summary>
    /// Gives the process an incarnation that none had before, and no founder has, as a learner: it counts for
    /// nothing until it has caught up. A former life that learned itself goes with it; one that votes stays until then, for its vote
    /// is part of the quorums.
    /// </summary>
    private void Admit(NodeId node, MemberId former, ulong nonce)
    {
        var learner = new MemberId(node, uint.Max(1, Book.Highest(node)) + 1);
        var slot = Roster.SlotOf(former);
        var leaves = slot >= 0 && Roster.Configuration.Learners.Contains(slot);
        MemberChange[] changes = leaves
            ? [new MemberChange(MemberChangeKind.Remove, former), new MemberChange(MemberChangeKind.Learner, learner)]
            : [new MemberChange(MemberChangeKind.Learner, learner)];
        TryChangeMembers(new MembershipEntry(
            new ConfigurationChange(Transition.Automatic, changes),
            new NodeNote(node, nonce, MayJoin: true, default)));
    }

    private void OnWelcome(in RaftMessage welcome)
    {
        if (welcome.Round != _founding.Nonce)
        {
            return;
        }

        if (welcome.Hint != 0)
        {
            if (_founding.HearFounded(welcome))
            {
                TakeFoundersPart();
            }
        }
        else if (welcome.To == 0)
        {
            _founding.Renounce();
        }
        else
        {
            TakePart(welcome.To);
            HardStateDirty = true;
        }
    }

    private void TakeFoundersPart()
    {
        TakePart(1);
        Found();
        HardStateDirty = true;
        TellJoin();
        Hurry();
    }

    /// <summary>R8: a life has one incarnation, for good.</summary>
    private void TakePart(uint incarnation)
    {
        Invariant.Holds(Incarnation == 0 || Incarnation == incarnation, "R8 one vote per term");
        Incarnation = incarnation;
        _self = Roster.SlotOf(Me);
    }

    /// <summary>The first members, in no entry: all who hold the empty log.</summary>
    private void Found()
    {
        var voters = new MemberId[_options.Nodes];
        for (var node = 0; node < voters.Length; node++)
        {
            voters[node] = new MemberId(new NodeId((byte)node), 1);
        }

        var sane = Roster.TryRestore(new RosterRecord { Voters = voters }, out var roster);
        Invariant.Holds(sane, "R10 one part per member");
        _tracker.Restore(roster, 1);
        _self = Roster.SlotOf(Me);
    }
}
