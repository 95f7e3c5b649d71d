using System.Globalization;
using System.Text;
using Testbed.Ecc;
using Testbed.Erasure;
using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>
/// What the whole ECC cluster must hold, judged twice: by the replicas that run, and by what each disk would
/// give back. For the second a replica of its own takes back, record by record, what became durable. A node
/// that starts again shows the same records first, which is checked, so the replica need not begin anew.
/// </summary>
internal sealed class EccChecks : IClusterChecks
{
    private readonly SimCluster _cluster;
    private readonly EccCode _code;
    private readonly Replica[] _disks;

    /// <summary>Checksums of the records that each disk's replica has taken back, oldest first.</summary>
    private readonly List<ulong>[] _records;

    /// <summary>Records of each disk that were shown since its node started last.</summary>
    private readonly int[] _shown;
    private readonly DiskStanding[] _standings;
    private readonly Replica?[] _voting;
    private readonly int[] _readySlots;
    private readonly (long Life, uint Incarnation)[] _registered;
    private string? _reused;
    private readonly EccVersion[] _completed;
    private readonly EccVersion[] _fins;

    public EccChecks(SimCluster cluster)
    {
        _cluster = cluster;
        var shape = cluster.Shape;
        _code = new EccCode(shape.Nodes, shape.DataElements);
        _disks = [.. Enumerable.Range(0, shape.Nodes).Select(NewReplica)];
        _records = [.. Enumerable.Range(0, shape.Nodes).Select(_ => new List<ulong>())];
        _shown = new int[shape.Nodes];
        _standings = [.. Enumerable.Range(0, shape.Nodes).Select(_ => new DiskStanding())];
        _voting = new Replica?[shape.Nodes];
        _readySlots = new int[shape.Nodes];
        _registered = new (long, uint)[shape.Nodes];
        _completed = new EccVersion[shape.Keys];
        _fins = new EccVersion[shape.Nodes];
    }

    public void Forget(int node, ulong firstSequence) => _shown[node] = (int)firstSequence - 1;

    public void Wiped(int node)
    {
        _disks[node] = NewReplica(node);
        _standings[node].Wiped();
        _records[node].Clear();
    }

    public void Durable(int node, byte type, ReadOnlyMemory<byte> payload)
    {
        var record = Checksum.Of(payload.Span) + type;
        var place = _shown[node]++;
        if (place < _records[node].Count)
        {
            if (_records[node][place] != record)
            {
                throw new SimulationViolation($"E5: record {place + 1} that was durable on n{node} is another now");
            }

            return;
        }

        _records[node].Add(record);
        if (!_standings[node].Takes(type, payload.Span))
        {
            _disks[node].Recover(type, payload);
        }
    }

    public void Recovered(SimNode node)
    {
        _readySlots[node.Index] = 0;
        CheckAll();
    }

    private void CheckAll()
    {
        for (var key = 0; key < _completed.Length; key++)
        {
            CheckKey(key);
        }
    }

    public void Batch(SimNode node)
    {
        CheckIncarnation(node);

        // Every batch of every node would be too dear; each completion looks at its key on all nodes. But a node
        // that votes where it did not before is looked at whole.
        var slots = node.Ecc!.Readiness.ReadySlots;
        if (slots > _readySlots[node.Index])
        {
            CheckAll();
        }

        _readySlots[node.Index] = slots;
    }

    // E7: at level memory every process that acknowledges anything has an incarnation of its own.
    private void CheckIncarnation(SimNode node)
    {
        var readiness = node.Ecc!.Readiness;
        if (readiness.IsStarting || !_cluster.Shape.Volatile)
        {
            return;
        }

        ref var last = ref _registered[node.Index];
        if (last.Life != node.Life && last.Life != 0 && readiness.Incarnation <= last.Incarnation)
        {
            _reused ??= $"E7: incarnation {readiness.Incarnation} of n{node.Index} had been registered before";
        }

        last = (node.Life, readiness.Incarnation);
    }

    public void Completed(KvKind kind, int key, ulong identity, EccVersion version)
    {
        _completed[key] = version > _completed[key] ? version : _completed[key];
        CheckKey(key);
    }

    public bool IsAtRest()
    {
        foreach (var node in _cluster.Nodes)
        {
            // E9: what was left behind by writers that are gone goes, too.
            if (node.Ecc is not { IsIdle: true } core || core.Replica.NarrowKeys > 0
                || core.Replica.Held.Count > core.Replica.Held.PinnedCount)
            {
                return false;
            }
        }

        for (var key = 0; key < _completed.Length; key++)
        {
            var name = _cluster.Key(key).Span;
            var fin = _cluster.Nodes[0].Ecc!.Replica.FinOf(name);
            foreach (var node in _cluster.Nodes)
            {
                if (node.Ecc!.Replica.FinOf(name) != fin)
                {
                    return false;
                }
            }
        }

        return true;
    }

    public void AtRest()
    {
        // Said last, so that what comes of it is seen first.
        if (_reused is not null)
        {
            throw new SimulationViolation(_reused);
        }

        for (var key = 0; key < _completed.Length; key++)
        {
            CheckKey(key);
            foreach (var node in _cluster.Nodes)
            {
                CheckWhole(node, key);
            }
        }
    }

    /// <summary>A node that has finalised what no other one has; null: none.</summary>
    public int? KnowsAlone()
    {
        for (var key = 0; key < _completed.Length; key++)
        {
            var name = _cluster.Key(key).Span;
            var (first, second, node) = (EccVersion.None, EccVersion.None, -1);
            foreach (var other in _cluster.Nodes)
            {
                var fin = other.Ecc?.Replica.FinOf(name) ?? EccVersion.None;
                second = fin > first ? first : fin > second ? fin : second;
                (first, node) = fin > first ? (fin, other.Index) : (first, node);
            }

            if (first > second)
            {
                return node;
            }
        }

        return null;
    }

    public string Describe()
    {
        var text = new StringBuilder();
        foreach (var node in _cluster.Nodes)
        {
            text.Append(CultureInfo.InvariantCulture, $"n{node.Index} ");
            if (node.Ecc is not { } core)
            {
                text.Append("down; ");
                continue;
            }

            text.Append(CultureInfo.InvariantCulture,
                $"{core.Readiness.Standing} in {core.Readiness.ReadySlots} slots ");
            text.Append(CultureInfo.InvariantCulture,
                $"idle {core.IsIdle} caught up {core.IsCaughtUp} missing {core.Replica.MissingElements}");
            text.Append(CultureInfo.InvariantCulture,
                $" narrow {core.Replica.NarrowKeys} held {core.Replica.Held.Count} fins");
            var gauges = new GaugeSink();
            core.Report(gauges);
            text.Append(CultureInfo.InvariantCulture, $" of {gauges.LiveNodes} live nodes");
            for (var key = 0; key < Math.Min(3, _completed.Length); key++)
            {
                text.Append(CultureInfo.InvariantCulture, $" {core.Replica.FinOf(_cluster.Key(key).Span)}");
            }

            text.Append("; ");
        }

        return text.ToString();
    }

    public void GiveBack()
    {
        foreach (var disk in _disks)
        {
            _cluster.Memory.GiveBack(disk.Store, _cluster.Keys);
        }
    }

    public void Collect()
    {
        var sink = new CountSink(_cluster);
        foreach (var node in _cluster.Nodes)
        {
            node.Ecc?.Report(sink);
        }
    }

    private Replica NewReplica(int node) => new(_code, _cluster.Memory.TakeStore(), _cluster.Shape.EccNode(node));

    private void CheckKey(int key)
    {
        var hash = EccCode.HashOf(_cluster.Key(key).Span);
        foreach (var node in _cluster.Nodes)
        {
            _voting[node.Index] = node.Ecc is { } core && core.Readiness.Votes(hash) ? core.Replica : null;
            if (node.Ecc is { } running)
            {
                CheckHeld(running.Replica, node.Index, key);
            }
        }

        if (_cluster.CountsSince == long.MaxValue)
        {
            // Given up, and not founded anew: nothing is promised.
            _completed[key] = EccVersion.None;
            return;
        }

        CheckQuorums(_voting, key, "by what is in memory");
        if (!_cluster.Shape.Volatile)
        {
            for (var i = 0; i < _disks.Length; i++)
            {
                _voting[i] = _standings[i].Votes(hash) ? _disks[i] : null;
            }

            CheckQuorums(_voting, key, "by what is on the disks");
        }
    }

    // E3: what is held beside fin is above it, or kept for a pinned reader.
    private void CheckHeld(Replica replica, int node, int key)
    {
        var name = _cluster.Key(key).Span;
        var hash = EccCode.HashOf(name);
        var fin = replica.FinOf(name);
        for (var i = replica.Held.First(name, hash); i >= 0; i = replica.Held.Next(i, name, hash))
        {
            if (replica.Held.VersionAt(i) <= fin && !replica.Held.IsPinnedAt(i))
            {
                throw new SimulationViolation($"E3: n{node} holds a version of key {key} that is not above fin");
            }
        }
    }

    // E5: every q replicas know of every completed operation. They do exactly when at most q - 1 do not.
    // E4: every q replicas can decode their highest fin, looked at for each fin that some replica has.
    private void CheckQuorums(Replica?[] replicas, int key, string by)
    {
        var name = _cluster.Key(key).Span;
        var hash = EccCode.HashOf(name);
        var behind = 0;
        for (var i = 0; i < replicas.Length; i++)
        {
            _fins[i] = replicas[i]?.FinOf(name) ?? EccVersion.None;
            behind += replicas[i] is not null && _fins[i] < _completed[key] ? 1 : 0;
        }

        if (behind >= _code.Quorum)
        {
            throw new SimulationViolation(
                $"E5: {behind} nodes do not know of {_completed[key]} of key {key}, which completed, {by}");
        }

        for (var i = 0; i < replicas.Length; i++)
        {
            if (_fins[i].Width > 0 && Array.IndexOf(_fins, _fins[i]) == i)
            {
                CheckDecodes(replicas, name, hash, _fins[i], key, by);
            }
        }
    }

    // The worst q of those whose fin is not higher: one that has it for fin, and as many as possible without
    // its element.
    private void CheckDecodes(
        Replica?[] replicas, ReadOnlySpan<byte> name, ulong hash, EccVersion fin, int key, string by)
    {
        var (candidates, holders, knowsWithout) = (0, 0, false);
        for (var i = 0; i < replicas.Length; i++)
        {
            if (replicas[i] is not { } replica || _fins[i] > fin)
            {
                continue;
            }

            var holds = Holds(replica, name, hash, fin);
            candidates++;
            holders += holds ? 1 : 0;
            knowsWithout |= !holds && _fins[i] == fin;
        }

        var without = candidates - holders;
        var least = Math.Max(knowsWithout ? 0 : 1, _code.Quorum - without);
        if (candidates >= _code.Quorum && least < fin.Width)
        {
            throw new SimulationViolation(
                $"E4: {_code.Quorum} nodes can show {fin} of key {key} and hold {least} elements of it, {by}");
        }
    }

    private static bool Holds(Replica replica, ReadOnlySpan<byte> key, ulong hash, EccVersion version) =>
        replica.Held.Find(key, hash, version) >= 0
        || (replica.Store.TryGet(key, out var header, out _) && header.Version == version.Value
            && !Replica.IsMissing(header));

    // E10: one element per node and key, at full width.
    private void CheckWhole(SimNode node, int key)
    {
        var replica = node.Ecc!.Replica;
        if (replica.Store.TryGet(_cluster.Key(key).Span, out var header, out _)
            && (Replica.IsMissing(header) || replica.IsNarrow(header)))
        {
            throw new SimulationViolation($"E10: n{node.Index} at rest lacks key {key} or holds it narrow");
        }
    }

    private sealed class GaugeSink : IStatusSink
    {
        public long LiveNodes { get; private set; }

        public void Gauge(string name, long value) => LiveNodes = name == "live_nodes" ? value : LiveNodes;

        public void Counter(string name, long value)
        {
            // What happened before does not say what is.
        }

        public void Text(string name, string value)
        {
            // Every ECC node is a replica.
        }
    }

    private sealed class CountSink(SimCluster cluster) : IStatusSink
    {
        private static readonly string[] Names = 
        [
            "fills", "widens", "adopted_fins", "rebuild_keys", "rebuilt_bytes", "checkpoints", "lost_refusals",
            "orphans_dropped", "finalises_refused",
        ];

        public void Gauge(string name, long value)
        {
            // Counters tell what happened; gauges only what is.
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
            // Words say nothing about how often.
        }
    }
}
