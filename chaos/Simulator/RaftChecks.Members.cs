using Testbed.Erasure;
using Testbed.Raft;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>Who is a member in which life, and who may forget what without the cluster being lost.</summary>
internal sealed partial class RaftChecks
{
    /// <summary>Snapshots a node's process had installed when it was looked at last.</summary>
    private readonly long[] _installed;

    /// <summary>The last change of the members in each node's log, as it was seen last.</summary>
    private readonly ulong[] _configurations;

    /// <summary>The members in force at each node, as it was seen last.</summary>
    private readonly Roster?[] _inForce;

    /// <summary>Changes of the members that some log holds and that were not committed when they were seen.</summary>
    private readonly Dictionary<ulong, List<MembershipEntry>> _open = [];

    /// <summary>Which memory uses an incarnation: a process at level memory, otherwise a disk.</summary>
    private readonly Dictionary<MemberId, long> _users = [];

    /// <summary>The promise by which the cluster was founded, once some process knows it.</summary>
    private ulong _founded;

    /// <summary>
    /// Whether, with these nodes' memories gone, those that remember are still a quorum of all members that are or
    /// may soon be in force. Before the cluster is founded there is nothing to forget.
    /// </summary>
    public bool Survives(int node, bool all, MembershipEntry? change = null)
    {
        if (_cluster.Shape.Volatile && _founded == 0)
        {
            return true;
        }

        if (!Remain(_truth.Members, node, all) || (change is { } asked && !Remain(RaftTruth.After(_truth.Members, asked), node, all)))
        {
            return false;
        }

        // Who is elected next may not know yet that a change was committed, and needs the quorums of before.
        foreach (var slot in _truth.Members.Configuration.Voters)
        {
            var voter = _truth.Members[slot];
            if (!all && voter.Node.Index != node && Remembers(voter)
                && _inForce[voter.Node.Index] is { Configuration.Members.IsEmpty: false } known
                && !Remain(known, node, all))
            {
                return false;
            }
        }

        foreach (var (index, changes) in _open)
        {
            foreach (var open in changes)
            {
                var next = RaftTruth.After(_truth.Members, open);
                if (index > _truth.Count && (!Remain(next, node, all)
                    || (change is { } more && !Remain(RaftTruth.After(next, more), node, all))))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>True when no founder would remember anything: they would found another, empty cluster.</summary>
    public bool StartsAnew(int node, bool all)
    {
        for (var founder = 0; founder < _cluster.Shape.Founders && _founded != 0 && !all; founder++)
        {
            if (founder != node && _cluster.Nodes[founder].Raft is { Protocol.Incarnation: > 0 })
            {
                return false;
            }
        }

        return _founded != 0 && _cluster.Shape.Volatile;
    }

    /// <summary>
    /// Too few founders know that the cluster is founded, and the others have come back since: nothing was ever
    /// committed, nothing can be, and an operator must begin again.
    /// </summary>
    public bool IsUnborn()
    {
        var parts = _cluster.Nodes.Count(node => node.Raft is { Protocol.Incarnation: 1 });
        return _cluster.Shape.Volatile && _truth.Count == 0 && parts > 0 && !Remain(_truth.Members, -1, all: false);
    }

    /// <summary>True for nodes that belong to the cluster in some life.</summary>
    public bool IsMember(int node) => NewestOf(node) != MemberId.None;

    /// <summary>The node's process has a life that the cluster no longer knows.</summary>
    public bool IsStale(int node) =>
        !IsMember(node) && _cluster.Nodes[node].Raft is { Protocol.Incarnation: > 0 };

    /// <summary>The change that removes a node.</summary>
    public MembershipEntry Removal(int node) => new(
        new ConfigurationChange(
            Transition.Automatic,
            _truth.Members.Of(_truth.Members.Configuration.Members).Where(member => member.Node.Index == node)
                .Select(member => new MemberChange(MemberChangeKind.Remove, member)).ToArray()),
        null);

    /// <summary>The change by which a node's newest life votes.</summary>
    public MembershipEntry Promotion(int node) => new(
        new ConfigurationChange(
            Transition.Automatic, new[] { new MemberChange(MemberChangeKind.Voter, NewestOf(node)) }),
        null);

    /// <summary>True when the node learns and has no life that votes.</summary>
    public bool IsLearner(int node) => _truth.Members.Of(_truth.Members.Configuration.Learners).Any(IsOf(node))
        && !_truth.Members.Of(_truth.Members.Configuration.Voters).Any(IsOf(node));

    /// <summary>
    /// All members are up and have applied everything; nobody is on the way in or out; every node has at most one
    /// life, the one its process knows.
    /// </summary>
    public bool IsAtRest()
    {
        var configuration = _truth.Members.Configuration;
        if (configuration.IsJoint)
        {
            return false;
        }

        foreach (var slot in configuration.Members)
        {
            var member = _truth.Members[slot];
            var isOnly = _truth.Members.Of(configuration.Members).Count(other => other.Node == member.Node) == 1;
            if (!isOnly || _cluster.Nodes[member.Node.Index].Raft?.Protocol is not { } raft
                || raft.Incarnation != member.Incarnation || raft.Applied != _truth.Count
                || raft.Leader == RaftProtocol.None || raft.Log.LastIndex != raft.Applied
                || raft.Durable != raft.Applied)
            {
                return false;
            }
        }

        foreach (var node in _cluster.Nodes)
        {
            // Who may join and knows nothing is on its way.
            if (node.Raft?.Protocol is not { } raft
                || (raft.Incarnation == 0 && _truth.Book.MayJoin(new NodeId((byte)node.Index))))
            {
                return false;
            }
        }

        return true;
    }

    private static Func<MemberId, bool> IsOf(int node) => member => member.Node.Index == node;

    private MemberId NewestOf(int node) =>
        _truth.Members.Of(_truth.Members.Configuration.Members).LastOrDefault(IsOf(node));

    private bool Remain(Roster members, int node, bool all)
    {
        var remembering = default(PeerSet);
        foreach (var slot in members.Configuration.Voters)
        {
            var member = members[slot];
            remembering |= !all && member.Node.Index != node && Remembers(member) ? PeerSet.Of(slot) : default;
        }

        return members.Configuration.Quorum.Result(remembering, ~remembering) == VoteResult.Won;
    }

    private bool Remembers(MemberId member)
    {
        if (!_cluster.Shape.Volatile)
        {
            return _views[member.Node.Index].Incarnation == member.Incarnation;
        }

        return _cluster.Nodes[member.Node.Index].Raft?.Protocol is { } raft
            && (raft.Incarnation == member.Incarnation
                || (raft.Incarnation == 0 && member.Incarnation == 1 && raft.FoundersPromise == _founded));
    }

    private bool IsQuorum(Roster members, Func<LogView, bool> holds, out int held)
    {
        var holders = default(PeerSet);
        foreach (var slot in members.Configuration.Voters)
        {
            holders |= _lives.GetValueOrDefault(members[slot]) is { } view && holds(view) ? PeerSet.Of(slot) : default;
        }

        held = holders.Count;
        return members.Configuration.Quorum.Result(holders, ~holders) == VoteResult.Won;
    }

    // A disk, or process, has a life from now on.
    private void Live(int node, uint incarnation)
    {
        if (incarnation > 0 && _views[node].Incarnation != incarnation)
        {
            if (_views[node].Incarnation != 0)
            {
                throw new SimulationViolation(
                    $"R15: n{node} is life {incarnation}, but was {_views[node].Incarnation} before");
            }

            _views[node].Incarnation = incarnation;
            _lives[new MemberId(new NodeId((byte)node), incarnation)] = _views[node];
        }
    }

    private void SeeLife(SimNode node, RaftProtocol raft)
    {
        if (raft.Incarnation == 0)
        {
            return;
        }

        SeeFounding(node.Index, raft);
        _inForce[node.Index] = raft.Roster;
        var me = new MemberId(new NodeId((byte)node.Index), raft.Incarnation);
        if (!_users.TryAdd(me, node.Memory) && _users[me] != node.Memory)
        {
            throw new SimulationViolation($"R15: two memories of n{node.Index} use incarnation {raft.Incarnation}");
        }

        if (!_cluster.Shape.Volatile)
        {
            return;
        }

        Live(node.Index, raft.Incarnation);
        SeeVote(node.Index, raft.Term, raft.Vote);
        SeeMemory(_views[node.Index], raft);
    }

    // When founders come back before the others have heard that all had promised, the cluster is founded anew: with
    // the same lives, so nothing may have been committed by then.
    private void SeeFounding(int node, RaftProtocol raft)
    {
        if (!_cluster.Shape.Volatile || raft.Incarnation != 1 || node >= _cluster.Shape.Founders
            || raft.FoundersPromise == _founded)
        {
            return;
        }

        if (_founded != 0 && _truth.Count > 0)
        {
            throw new SimulationViolation($"R15: n{node} founds a cluster beside one of {_truth.Count} entries");
        }

        _founded = raft.FoundersPromise;
        _users.Clear();
        _lives.Clear();
        _leaders.Clear();
    }

    // What an acknowledgement may stand for at level memory: the log of the process before anything leaves.
    private static void SeeMemory(LogView view, RaftProtocol raft)
    {
        if (raft.Log.BaseIndex > view.Base
            && (raft.Log.BaseIndex > view.Last || view.Term(raft.Log.BaseIndex) != raft.Log.BaseTerm))
        {
            view.TakeSnapshot(raft.Log.BaseIndex, raft.Log.BaseTerm);
        }

        var last = ulong.Min(view.Last, raft.Log.LastIndex);
        while (last > ulong.Max(view.Base, raft.Log.BaseIndex) && view.Term(last) != raft.Log.Term(last))
        {
            last--;
        }

        view.CutAfter(last);
        while (last < raft.Log.LastIndex)
        {
            last++;
            view.Add(last, raft.Log.Term(last), Checksum.Of(raft.Log.Entry(last)), isFirst: false);
        }
    }

    // Section 6: one change at a time, whoever leads.
    private void SeeConfiguration(int node, RaftProtocol raft)
    {
        var (before, now) = (_configurations[node], raft.LastConfiguration);
        if (now == before)
        {
            return;
        }

        _configurations[node] = now;
        if (now <= _truth.Count || now > raft.Log.LastIndex || !TryRead(raft, now, out var change))
        {
            return;
        }

        if (raft.Role == RaftRole.Leader && raft.Log.Term(now) == raft.Term && now > before && before > raft.Applied
            && TryRead(raft, before, out _))
        {
            throw new SimulationViolation(
                $"R11: n{node} proposes change {now} of the members before change {before} is in force");
        }

        if (!_open.TryGetValue(now, out var changes))
        {
            _open.Add(now, changes = []);
        }

        changes.Add(change);
    }

    private static bool TryRead(RaftProtocol raft, ulong index, out MembershipEntry change)
    {
        change = default;
        return index > raft.Log.BaseIndex && index <= raft.Log.LastIndex
            && RaftEntryCodec.TryRead(raft.Log.Entry(index), out var entry)
            && entry.Kind == RaftEntryKind.Configuration && MembershipEntry.TryRead(entry.Value, out change);
    }
}
