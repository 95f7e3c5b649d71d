using System.Buffers.Binary;
using System.Text;
using Testbed.Erasure;
using Testbed.Raft;
using Testbed.Store;
using Testbed.Wire;
using Testbed.Workloads;

namespace Testbed.Simulator;

/// <summary>
/// What the whole Raft cluster has agreed on, seen from outside: leaders by term, entries by index, and what
/// the disks hold of both.
/// </summary>
internal sealed class RaftChecks(SimCluster cluster) : IClusterChecks
{
    private const int IdentityAt = 8;

    private readonly DiskView[] _disks = [.. Enumerable.Range(0, cluster.Shape.Nodes).Select(_ => new DiskView())];
    private readonly ulong[] _seen = new ulong[cluster.Shape.Nodes];
    private readonly ulong[] _leaderTerm = new ulong[cluster.Shape.Nodes];
    private readonly Dictionary<ulong, int> _leaders = [];
    private readonly List<byte[]> _committed = [];
    private readonly List<ulong> _committedHashes = [];

    /// <summary>Terms of the nodes that first took an entry for committed.</summary>
    private readonly List<ulong> _committedTerms = [];
    private readonly HashSet<ulong> _written = [];

    /// <summary>Which committed entries changed the store: not those that a session had seen before.</summary>
    private readonly List<bool> _changed = [];

    /// <summary>What the committed entries make of nothing.</summary>
    private readonly StateMachine _model = new(
        new KvStore(), new SessionTable(cluster.Shape.RaftNode(0).Sessions), RaftMutants.None);

    private int Quorum => (cluster.Shape.Nodes / 2) + 1;

    public void Forget(int node) => _disks[node].Clear();

    public void Durable(int node, byte type, ReadOnlyMemory<byte> payload)
    {
        var disk = _disks[node];
        if (type == RaftRecords.HardState)
        {
            var term = BinaryPrimitives.ReadUInt64LittleEndian(payload.Span);
            var vote = payload.Span[sizeof(ulong)];
            var incarnation = BinaryPrimitives.ReadUInt32LittleEndian(payload.Span[(sizeof(ulong) + 1)..]);
            if (incarnation > 0 && !disk.Votes.TryAdd(term, vote) && disk.Votes[term] != vote)
            {
                throw new SimulationViolation(
                    $"R8: the disk of n{node} holds votes for n{disk.Votes[term]} and n{vote} in term {term}");
            }

            return;
        }

        if (type != RaftRecords.Entries)
        {
            return;
        }

        var isFirst = true;
        for (var rest = payload.Span[16..]; !rest.IsEmpty; isFirst = false)
        {
            if (!RaftEntryCodec.TryRead(rest, out var entry))
            {
                throw new SimulationViolation($"R3: the disk of n{node} holds an entry that is none");
            }

            disk.Set(entry.Index, Checksum.Of(rest[..entry.Bytes]), isFirst);
            rest = rest[entry.Bytes..];
        }
    }

    public void Recovered(SimNode node)
    {
        _seen[node.Index] = 0;
        _leaderTerm[node.Index] = 0;
        SeeCommitted(node.Index, node.Raft!.Protocol);
        CompareStore(node);
        CompareSessions(node);
    }

    public void Batch(SimNode node)
    {
        if (node.Raft is not { } core)
        {
            return;
        }

        var raft = core.Protocol;
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
            cluster.Elected();
        }
    }

    public void Completed(KvKind kind, int key, ulong identity, EccVersion version)
    {
        if (kind is KvKind.Put or KvKind.CompareAndSet && !_written.Contains(identity))
        {
            throw new SimulationViolation(
                $"R6: a {kind} of key {key} was acknowledged, but no committed entry made it");
        }
    }

    public bool IsAtRest()
    {
        foreach (var node in cluster.Nodes)
        {
            if (node.Raft?.Protocol is not { } raft || raft.Applied != (ulong)_committed.Count
                || raft.Leader == RaftProtocol.None || raft.Log.LastIndex != raft.Applied
                || raft.Durable != raft.Applied)
            {
                return false;
            }
        }

        return true;
    }

    public void AtRest()
    {
        foreach (var node in cluster.Nodes)
        {
            CompareStore(node);
            CompareSessions(node);
            for (var index = 1; index <= _committed.Count; index++)
            {
                if (!_disks[node.Index].Holds((ulong)index, _committedHashes[index - 1]))
                {
                    throw new SimulationViolation(
                        $"R3: at rest the disk of n{node.Index} does not hold entry {index} as it was committed");
                }
            }
        }
    }

    public string Describe()
    {
        var text = new StringBuilder();
        text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{_committed.Count} entries committed");
        foreach (var node in cluster.Nodes)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"; n{node.Index} ");
            text.Append(node.Raft?.Protocol is { } raft
                ? $"{raft.Role} in term {raft.Term}, leader {raft.Leader}, log {raft.Log.BaseIndex}..{raft.Log.LastIndex}, "
                    + $"durable {raft.Durable}, commit {raft.Commit}, applied {raft.Applied}"
                : "down");
        }

        return text.ToString();
    }

    public void GiveBack()
    {
        // What it knows of disks are checksums.
    }

    public void Collect()
    {
        cluster.Count("terms_with_leader", _leaders.Count);
        cluster.Count("entries_committed", _committed.Count);
        cluster.Count("retries_deduplicated", _model.Deduplicated);
        cluster.Count("writes_of_expired_sessions", _model.Expired);
        cluster.Count("sessions_evicted", _model.Sessions.Evictions);
    }

    // Section 5.2: at most one leader per term. It was elected by votes that a quorum of disks holds, and its
    // log holds everything committed before (5.4).
    private void SeeLeader(int node, RaftProtocol raft)
    {
        if (!_leaders.TryAdd(raft.Term, node) && _leaders[raft.Term] != node)
        {
            throw new SimulationViolation(
                $"R1: term {raft.Term} has two leaders, n{_leaders[raft.Term]} and n{node}");
        }

        var votes = 0;
        foreach (var disk in _disks)
        {
            votes += disk.Votes.TryGetValue(raft.Term, out var vote) && vote == node ? 1 : 0;
        }

        if (votes < Quorum)
        {
            throw new SimulationViolation(
                $"R6: n{node} leads term {raft.Term}, but only {votes} disks hold a vote for it");
        }

        // A late vote may still make a leader of a term that is over: it need not know what later ones did.
        for (var index = raft.Log.BaseIndex + 1; index <= (ulong)_committed.Count; index++)
        {
            if (_committedTerms[(int)index - 1] >= raft.Term)
            {
                break;
            }

            if (index > raft.Log.LastIndex || !raft.Log.Entry(index).SequenceEqual(_committed[(int)index - 1]))
            {
                throw new SimulationViolation(
                    $"R4: n{node} leads term {raft.Term} without committed entry {index}");
            }
        }
    }

    // Sections 5.3, 5.4: what one node takes for committed, all others do, for ever; and it lies on a quorum
    // of disks when the first node takes it so.
    private void SeeCommitted(int node, RaftProtocol raft)
    {
        var seen = Math.Max(_seen[node], raft.Log.BaseIndex);
        while (seen < raft.Commit)
        {
            seen++;
            var entry = raft.Log.Entry(seen);
            if (seen <= (ulong)_committed.Count)
            {
                if (!entry.SequenceEqual(_committed[(int)seen - 1]))
                {
                    throw new SimulationViolation($"R5: n{node} commits another entry {seen} than others before");
                }

                continue;
            }

            SeeFirst(node, seen, entry, raft.Term);
        }

        _seen[node] = seen;
    }

    private void SeeFirst(int node, ulong index, ReadOnlySpan<byte> entry, ulong term)
    {
        if (index != (ulong)_committed.Count + 1)
        {
            throw new SimulationViolation($"R5: n{node} commits entry {index} before anybody committed those below");
        }

        var hash = Checksum.Of(entry);
        var held = 0;
        foreach (var disk in _disks)
        {
            held += disk.Holds(index, hash) ? 1 : 0;
        }

        if (held < Quorum)
        {
            throw new SimulationViolation(
                $"R6: n{node} takes entry {index} for committed, but only {held} disks hold it");
        }

        _committed.Add(entry.ToArray());
        _committedHashes.Add(hash);
        _committedTerms.Add(term);
        RaftEntryCodec.TryRead(entry, out var read);
        var before = _model.Deduplicated;
        var isDone = _model.Apply(read) == KvStatus.Ok && _model.Deduplicated == before;
        _changed.Add(isDone && !read.Key.IsEmpty);
        if (isDone && Sets(read.Kind) && read.Value.Length >= RecordValue.HeaderBytes)
        {
            _written.Add(BinaryPrimitives.ReadUInt64LittleEndian(read.Value[IdentityAt..]));
        }
    }

    // Section 5.4.3: the store is what the committed entries make of an empty one, in order.
    private void CompareStore(SimNode node)
    {
        var applied = (int)node.Raft!.Protocol.Applied;
        var last = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < applied; i++)
        {
            if (_changed[i])
            {
                RaftEntryCodec.TryRead(_committed[i], out var entry);
                last[Encoding.ASCII.GetString(entry.Key)] = i;
            }
        }

        var expected = 0;
        foreach (var (key, index) in last)
        {
            RaftEntryCodec.TryRead(_committed[index], out var entry);
            var present = Sets(entry.Kind);
            expected += present ? 1 : 0;
            var found = node.Raft!.Store.TryGet(entry.Key, out _, out var value);
            if (found != present || (present && !value.SequenceEqual(entry.Value)))
            {
                throw new SimulationViolation(
                    $"R5: n{node.Index} holds another value of {key} than {applied} entries make");
            }
        }

        if (node.Raft!.Store.Count != expected)
        {
            throw new SimulationViolation($"R5: n{node.Index} holds {node.Raft!.Store.Count} keys, not {expected}");
        }
    }

    // The sessions are part of the state, too: thesis, 6.3.
    private void CompareSessions(SimNode node)
    {
        if (node.Raft!.Protocol.Applied == (ulong)_committed.Count
            && node.Raft.Machine.Sessions.Digest() != _model.Sessions.Digest())
        {
            throw new SimulationViolation(
                $"R5: n{node.Index} holds other sessions than {_committed.Count} entries make");
        }
    }

    private static bool Sets(RaftEntryKind kind) => kind is RaftEntryKind.Put or RaftEntryKind.CompareAndSet;

    /// <summary>What one disk holds durably.</summary>
    private sealed class DiskView
    {
        private readonly List<ulong> _hashes = [];

        public Dictionary<ulong, int> Votes { get; } = [];

        public void Clear()
        {
            _hashes.Clear();
            Votes.Clear();
        }

        // A record replaces everything from its first entry on.
        public void Set(ulong index, ulong hash, bool isFirst)
        {
            if (index == 0 || index > (ulong)_hashes.Count + 1)
            {
                throw new SimulationViolation($"R3: entry {index} reaches a disk that holds {_hashes.Count}");
            }

            if (isFirst)
            {
                _hashes.RemoveRange((int)index - 1, _hashes.Count - (int)index + 1);
            }

            _hashes.Add(hash);
        }

        public bool Holds(ulong index, ulong hash) =>
            index <= (ulong)_hashes.Count && _hashes[(int)index - 1] == hash;
    }
}
