using System.Globalization;
using System.Text;
using Testbed.Erasure;
using Testbed.Raft;
using Testbed.Raft.Membership;
using Testbed.Raft.Snapshots;
using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>
/// What the whole Raft cluster has agreed on, seen from outside: leaders by term, entries by index, and what
/// disks, or at level memory processes, hold of both.
/// </summary>
internal sealed partial class RaftChecks : IClusterChecks
{
    /// <summary>So many batches of a node from one comparison of its state to the next.</summary>
    private const int CompareEvery = 64;

    private readonly SimCluster _cluster;
    private readonly RaftTruth _truth;

    /// <summary>What each node's disk, or process, holds now.</summary>
    private readonly LogView[] _views;

    /// <summary>The same by life, also of lives that are over.</summary>
    private readonly Dictionary<MemberId, LogView> _lives = [];
    private readonly ulong[] _seen;
    private readonly ulong[] _leaderTerm;
    private readonly int[] _batches;
    private readonly Dictionary<ulong, int> _leaders = [];

    public RaftChecks(SimCluster cluster)
    {
        _cluster = cluster;
        _truth = new RaftTruth(cluster);
        var nodes = cluster.Shape.Nodes;
        _views = [.. Enumerable.Range(0, nodes).Select(_ => new LogView())];
        (_seen, _leaderTerm, _batches) = (new ulong[nodes], new ulong[nodes], new int[nodes]);
        (_installed, _configurations, _inForce) = (new long[nodes], new ulong[nodes], new Roster?[nodes]);
        for (var node = 0; node < cluster.Shape.Founders && !cluster.Shape.Volatile; node++)
        {
            Live(node, 1);
        }
    }

    public void Forget(int node, ulong firstSequence) => _views[node].Clear();

    public void Wiped(int node) => _views[node] = new LogView();

    public void Durable(int node, byte type, ReadOnlyMemory<byte> payload)
    {
        switch (type)
        {
            case RaftRecords.HardState:
                var reader = new WireReader(payload);
                var term = reader.U64();
                var vote = new MemberId(new NodeId(reader.U8()), reader.U32());
                Live(node, reader.U32());
                SeeVote(node, term, vote);
                break;
            case RaftRecords.Snapshot:
                RaftRecords.TryReadSnapshot(type, payload, out var index, out var at, out var number, out var piece);
                _views[node].AddPiece(index, at, number, SnapshotFormat.Open(piece, out _, out _) == SnapshotFormat.Foot);
                break;
            case RaftRecords.Entries:
                SeeEntries(node, payload.Span[16..]);
                break;
            default:
                throw new SimulationViolation($"the disk of n{node} holds a record of type {type}");
        }
    }

    public void Recovered(SimNode node)
    {
        (_seen[node.Index], _leaderTerm[node.Index], _installed[node.Index]) = (0, 0, 0);
        _configurations[node.Index] = 0;
        var raft = node.Raft!.Protocol;
        if (_cluster.Shape.Volatile)
        {
            _views[node.Index] = new LogView();
        }

        SeeCommitted(node.Index, raft);
        Compare(node);
    }

    public void Batch(SimNode node)
    {
        if (node.Raft is not { } core)
        {
            return;
        }

        var raft = core.Protocol;
        SeeLife(node, raft);
        SeeConfiguration(node.Index, raft);
        if (raft.Commit > _seen[node.Index])
        {
            // A node that has just stepped up may have learned it as a follower.
            if (raft.Role == RaftRole.Leader && _leaderTerm[node.Index] == raft.Term
                && raft.Log.Term(raft.Commit) != raft.Term)
            {
                throw new SimulationViolation(
                    $"R13: n{node.Index} leads term {raft.Term} and commits entry {raft.Commit} of term "
                    + $"{raft.Log.Term(raft.Commit)} by counting");
            }

            SeeCommitted(node.Index, raft);
        }

        if (raft.Role == RaftRole.Leader && _leaderTerm[node.Index] != raft.Term)
        {
            _leaderTerm[node.Index] = raft.Term;
            SeeLeader(node.Index, raft);
            _cluster.Elected();
        }

        if (core.SnapshotsInstalled != _installed[node.Index] || ++_batches[node.Index] % CompareEvery == 0)
        {
            _installed[node.Index] = core.SnapshotsInstalled;
            Compare(node);
        }
    }

    public void Completed(KvKind kind, int key, ulong identity, EccVersion version)
    {
        if (kind is KvKind.Put or KvKind.CompareAndSet && !_truth.HasWritten(identity))
        {
            throw new SimulationViolation(
                $"R6: a {kind} of key {key} was acknowledged, but no committed entry made it");
        }
    }

    public void AtRest()
    {
        foreach (var node in _cluster.Nodes)
        {
            if (!IsMember(node.Index))
            {
                continue;
            }

            Compare(node);
            for (var index = 1UL; index <= _truth.Count; index++)
            {
                if (!_views[node.Index].Holds(index, _truth.Hash(index)))
                {
                    throw new SimulationViolation(
                        $"R3: at rest n{node.Index} does not hold entry {index} as it was committed");
                }
            }
        }
    }

    public string Describe()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{_truth.Count} entries committed, {Text(_truth.Members)}");
        foreach (var node in _cluster.Nodes)
        {
            text.Append(CultureInfo.InvariantCulture, $"; n{node.Index} ");
            text.Append(node.Raft?.Protocol is { } raft
                ? $"life {raft.Incarnation} {raft.Role} in term {raft.Term}, leader {raft.Leader}, "
                    + $"log {raft.Log.BaseIndex}..{raft.Log.LastIndex}, "
                    + $"durable {raft.Durable}, commit {raft.Commit}, applied {raft.Applied}, {Text(raft.Roster)}"
                : "down");
        }

        return text.ToString();
    }

    public void GiveBack() => _truth.GiveBack();

    public void Collect()
    {
        _cluster.Count("terms_with_leader", _leaders.Count);
        _cluster.Count("entries_committed", (long)_truth.Count);
        foreach (var node in _cluster.Nodes)
        {
            if (node.Raft is { } core)
            {
                core.Report(new CountSink(_cluster));
            }
        }
    }

    private static string Text(Roster roster)
    {
        var record = roster.ToRecord();
        return $"voters {Names(record.Voters)}"
            + (record.VotersOutgoing.Length > 0 ? $" outgoing {Names(record.VotersOutgoing)}" : "")
            + (record.Learners.Length > 0 ? $" learners {Names(record.Learners)}" : "");
    }

    private static string Names(MemberId[] members) =>
        string.Join(' ', members.Select(member => $"{member.Node}.{member.Incarnation}"));

    private void SeeEntries(int node, ReadOnlySpan<byte> rest)
    {
        for (var isFirst = true; !rest.IsEmpty; isFirst = false)
        {
            if (!RaftEntryCodec.TryRead(rest, out var entry))
            {
                throw new SimulationViolation($"R3: the disk of n{node} holds an entry that is none");
            }

            _views[node].Add(entry.Index, entry.Term, Checksum.Of(rest[..entry.Bytes]), isFirst);
            rest = rest[entry.Bytes..];
        }
    }

    private void SeeVote(int node, ulong term, MemberId vote)
    {
        if (vote != MemberId.None && !_views[node].TryVote(term, vote))
        {
            throw new SimulationViolation(
                $"R8: n{node} holds votes for {_views[node].Votes[term]} and {vote} in term {term}");
        }
    }

    // Section 5.2: at most one leader per term. It was elected by votes that a quorum holds, by the members in
    // force at the leader, and its log holds everything committed before (5.4).
    private void SeeLeader(int node, RaftProtocol raft)
    {
        if (!_leaders.TryAdd(raft.Term, node) && _leaders[raft.Term] != node)
        {
            throw new SimulationViolation(
                $"R1: term {raft.Term} has two leaders, n{_leaders[raft.Term]} and n{node}");
        }

        var me = new MemberId(new NodeId((byte)node), raft.Incarnation);
        if (!IsQuorum(raft.Roster, view => view.Votes.GetValueOrDefault(raft.Term) == me, out var votes))
        {
            throw new SimulationViolation(
                $"R6: n{node} leads term {raft.Term}, but only {votes} members hold a vote for it");
        }

        // A late vote may still make a leader of a term that is over: it need not know what later ones did.
        for (var index = raft.Log.BaseIndex + 1; index <= _truth.Count && _truth.Term(index) < raft.Term; index++)
        {
            if (index > raft.Log.LastIndex || !raft.Log.Entry(index).SequenceEqual(_truth.Entry(index)))
            {
                throw new SimulationViolation(
                    $"R4: n{node} leads term {raft.Term} without committed entry {index}");
            }
        }
    }

    // Sections 5.3, 5.4: what one node takes for committed, all others do, for ever; and a quorum holds it when
    // the first node takes it so.
    private void SeeCommitted(int node, RaftProtocol raft)
    {
        var seen = Math.Max(_seen[node], raft.Log.BaseIndex);
        while (seen < raft.Commit && seen < raft.Log.LastIndex)
        {
            seen++;
            var entry = raft.Log.Entry(seen);
            if (seen <= _truth.Count)
            {
                if (!entry.SequenceEqual(_truth.Entry(seen)))
                {
                    throw new SimulationViolation($"R5: n{node} commits another entry {seen} than others before");
                }

                continue;
            }

            SeeFirst(node, seen, entry, raft);
        }

        _seen[node] = seen;
    }

    private void SeeFirst(int node, ulong index, ReadOnlySpan<byte> entry, RaftProtocol raft)
    {
        if (index != _truth.Count + 1)
        {
            throw new SimulationViolation($"R5: n{node} commits entry {index} before anybody committed those below");
        }

        var hash = Checksum.Of(entry);
        if (!IsQuorum(raft.Roster, view => view.Holds(index, hash), out var held))
        {
            throw new SimulationViolation(
                $"R6: n{node} takes entry {index} for committed, but only {held} members hold it");
        }

        _truth.Add(entry, hash, raft.Term);
    }

    // Section 5.4.3: records, sessions and members are what the committed entries make of nothing, in order.
    private void Compare(SimNode node)
    {
        var applied = node.Raft!.Protocol.Applied;
        if (applied == 0)
        {
            return;
        }

        if (applied > _truth.Count)
        {
            throw new SimulationViolation($"R5: n{node.Index} has applied {applied} of {_truth.Count} committed entries");
        }

        var (is_, should) = (_truth.StateOf(node.Raft!), _truth.State(applied));
        if (is_ != should)
        {
            var what = is_.Records != should.Records ? "records" : is_.Sessions != should.Sessions ? "sessions" : "members";
            throw new SimulationViolation($"R5: n{node.Index} has other {what} than {applied} entries make");
        }
    }

    private sealed class CountSink(SimCluster cluster) : IStatusSink
    {
        private static readonly string[] Names =
        [
            "members_replaced", "leader_transfers", "snapshots_sent", "snapshots_installed", "checkpoints",
            "snapshots_damaged", "sessions_evicted", "retries_deduplicated",
        ];

        public void Gauge(string name, long value)
        {
            // Only what was counted matters.
        }

        public void Counter(string name, long value)
        {
            if (Names.Contains(name))
            {
                cluster.Count(name, value);
            }
        }

        public void Text(string name, string value)
        {
            // Only what was counted matters.
        }
    }
}
