namespace Testbed.Checker;

/// <summary>What is wrong with a chain: operations by index, -1 where there is none.</summary>
internal readonly record struct ChainFault(ChainFaultKind Kind, int First, int Second);

/// <summary>In what way a chain is impossible.</summary>
internal enum ChainFaultKind
{
    /// <summary>First is a compare-and-set whose expected value no operation that may have happened wrote.</summary>
    NeverWritten,

    /// <summary>First and second both replaced the same value.</summary>
    ReplacedTwice,

    /// <summary>First, of a later value, ended before second, of an earlier value, began.</summary>
    OutOfOrder,

    /// <summary>First is one of several compare-and-sets that each need another one to come first.</summary>
    Circular,
}

/// <summary>
/// Compare-and-sets with unique values. One from u to v makes v's cluster follow u's at once, so clusters
/// form chains. Each chain is contracted to one block with the smallest m and the largest M of its clusters;
/// between blocks the same condition holds as between clusters (m before M both ways is a contradiction, and
/// any circle of blocks contains such a pair). Inside a chain the order is given: a later cluster must not
/// have an operation that ended before one of an earlier cluster began.
/// </summary>
/// <remarks>
/// An indefinite write or compare-and-set whose value is neither read nor replaced by one that counts can be
/// removed from any order, so it is set aside; one that is needed keeps its end at infinity.
/// </remarks>
internal sealed class CasChains(ValueClusters clusters)
{
    /// <summary>Most compare-and-sets shown to link the operations of a counterexample.</summary>
    private const int MaxLinks = 64;

    private readonly List<int> _pending = [];
    private int[] _parent = [];
    private int[] _child = [];
    private bool[] _needed = [];
    private bool[] _walked = [];

    /// <summary>True when the key has a compare-and-set that may have happened.</summary>
    public bool Any { get; set; }

    /// <summary>Forgets the last key.</summary>
    public void Begin() => Any = false;

    /// <summary>
    /// Links and contracts, reports what is impossible. Returns how many indefinite writes count.
    /// </summary>
    public long Contract(ReadOnlySpan<HistoryOperation> operations, Culprits culprits)
    {
        var count = clusters.AddedCount;
        if (_parent.Length < count)
        {
            _parent = new int[count * 2];
            _child = new int[count * 2];
            _needed = new bool[count * 2];
            _walked = new bool[count * 2];
        }

        _parent.AsSpan(0, count).Fill(-1);
        _child.AsSpan(0, count).Fill(-1);
        _needed.AsSpan(0, count).Clear();
        _walked.AsSpan(0, count).Clear();
        Link(operations, culprits, count);
        long indefinite = 0;
        for (var i = 0; i < count; i++)
        {
            ref var cluster = ref clusters.Added(i);
            indefinite += _needed[i] && cluster is { Acknowledged: false, Write: >= 0 } ? 1 : 0;
        }

        for (var i = 0; i < count; i++)
        {
            if (_parent[i] < 0)
            {
                Walk(operations, culprits, i);
            }
        }

        for (var i = 0; i < count; i++)
        {
            if (!_walked[i])
            {
                culprits.Chain(operations, new ChainFault(ChainFaultKind.Circular, clusters.Added(i).Write, -1));
                for (var at = i; !_walked[at]; at = _child[at])
                {
                    _walked[at] = true;
                }
            }
        }

        return indefinite;
    }

    /// <summary>
    /// Adds to a counterexample what gives a block its m and M, and the compare-and-sets in between.
    /// </summary>
    public void AddLinks(
        List<HistoryOperation> witness, ReadOnlySpan<HistoryOperation> operations, in Cluster block)
    {
        var first = ClusterOf(operations, block.FirstEndBy, clusters.Find(block.Value));
        var last = ClusterOf(operations, block.LastStartBy, clusters.Find(block.Value));
        AddPath(witness, operations, first, last);
        foreach (var index in (ReadOnlySpan<int>)[block.FirstEndBy, block.LastStartBy])
        {
            if (index >= 0)
            {
                witness.Add(operations[index]);
            }
        }
    }

    /// <summary>Puts a fault into words.</summary>
    public Violation Describe(ReadOnlySpan<HistoryOperation> operations, in ChainFault fault, Explain explain)
    {
        List<HistoryOperation> witness = [];
        ref readonly var first = ref operations[fault.First];
        switch (fault.Kind)
        {
            case ChainFaultKind.NeverWritten:
                AddEvidence(witness, operations, fault.First);
                foreach (ref readonly var other in operations)
                {
                    if (other is { Kind: HistoryKind.Write or HistoryKind.Cas, Outcome: HistoryOutcome.Fail }
                        && other.Value == first.Expected && first.Expected != 0)
                    {
                        return explain.FailedExpectation(first, other, witness);
                    }
                }

                return explain.DeadExpectation(first, witness);
            case ChainFaultKind.ReplacedTwice:
                AddEvidence(witness, operations, fault.First);
                AddEvidence(witness, operations, fault.Second);
                AddWrite(witness, operations, clusters.Find(first.Expected));
                // Which of the two is wrong nobody can say; told is the one that began later.
                ref readonly var second = ref operations[fault.Second];
                return first.InvokeNanos <= second.InvokeNanos
                    ? explain.LostUpdate(first, second, witness)
                    : explain.LostUpdate(second, first, witness);
            case ChainFaultKind.OutOfOrder:
                ref readonly var late = ref operations[fault.Second];
                AddPath(witness, operations, ClusterOf(operations, fault.Second, -1),
                    ClusterOf(operations, fault.First, -1));
                witness.Add(first);
                witness.Add(late);
                var kind = late.Kind == HistoryKind.Read ? ViolationKind.StaleRead : ViolationKind.FutureRead;
                return explain.ChainBroken(kind, first, late, witness);
            default:
                var start = clusters.Find(first.Value);
                for (var at = start; witness.Count < MaxLinks; at = _child[at])
                {
                    AddEvidence(witness, operations, clusters.Added(at).Write);
                    if (_child[at] == start)
                    {
                        break;
                    }
                }

                return explain.Circular(witness);
        }
    }

    private void Link(ReadOnlySpan<HistoryOperation> operations, Culprits culprits, int count)
    {
        _pending.Clear();
        for (var i = 0; i < count; i++)
        {
            Need(i, clusters.Added(i).Acknowledged || clusters.Added(i).Reads > 0);
        }

        while (_pending.Count > 0)
        {
            var at = _pending[^1];
            _pending.RemoveAt(_pending.Count - 1);
            var write = clusters.Added(at).Write;
            if (write < 0 || operations[write].Kind != HistoryKind.Cas)
            {
                continue;
            }

            var from = clusters.Find(operations[write].Expected);
            if (from < 0)
            {
                culprits.Chain(operations, new ChainFault(ChainFaultKind.NeverWritten, write, -1));
            }
            else if (_child[from] >= 0)
            {
                var other = clusters.Added(_child[from]).Write;
                culprits.Chain(operations, new ChainFault(ChainFaultKind.ReplacedTwice, other, write));
            }
            else
            {
                _child[from] = at;
                _parent[at] = from;
                Need(from, true);
            }
        }
    }

    private void Need(int cluster, bool needed)
    {
        if (needed && !_needed[cluster])
        {
            _needed[cluster] = true;
            _pending.Add(cluster);
        }
    }

    private void Walk(ReadOnlySpan<HistoryOperation> operations, Culprits culprits, int root)
    {
        _walked[root] = true;
        var latest = clusters.Added(root).LastStart;
        var latestBy = clusters.Added(root).LastStartBy;
        for (var at = _child[root]; at >= 0; at = _child[at])
        {
            _walked[at] = true;
            ref var cluster = ref clusters.Added(at);
            var broken = cluster.FirstEnd < latest;
            if (broken)
            {
                culprits.Chain(
                    operations, new ChainFault(ChainFaultKind.OutOfOrder, cluster.FirstEndBy, latestBy));
            }

            // The operation that came late is told once, not again for each cluster behind this one.
            if (broken || cluster.LastStart > latest)
            {
                (latest, latestBy) = (cluster.LastStart, cluster.LastStartBy);
            }

            clusters.Merge(at, root);
        }
    }

    /// <summary>The cluster an operation belongs to by its own value.</summary>
    private int ClusterOf(ReadOnlySpan<HistoryOperation> operations, int index, int otherwise) =>
        index >= 0 ? clusters.Find(operations[index].Value) : otherwise;

    /// <summary>
    /// The writes of two clusters of a chain and of all between; and what shows that the last took effect.
    /// </summary>
    private void AddPath(List<HistoryOperation> witness, ReadOnlySpan<HistoryOperation> operations, int a, int b)
    {
        var upper = IsAbove(a, b) ? a : b;
        var lower = upper == a ? b : a;
        if (lower >= 0 && clusters.Added(lower).Write is >= 0 and var last
            && operations[last] is { Kind: HistoryKind.Cas, Outcome: HistoryOutcome.Info })
        {
            AddEvidence(witness, operations, last);
        }

        for (var links = 0; lower >= 0 && links < MaxLinks; lower = _parent[lower], links++)
        {
            AddWrite(witness, operations, lower);
            if (lower == upper)
            {
                return;
            }
        }
    }

    private bool IsAbove(int upper, int lower)
    {
        while (lower >= 0 && lower != upper)
        {
            lower = _parent[lower];
        }

        return lower >= 0;
    }

    private void AddWrite(List<HistoryOperation> witness, ReadOnlySpan<HistoryOperation> operations, int cluster)
    {
        if (cluster >= 0 && clusters.Added(cluster).Write is >= 0 and var write)
        {
            witness.Add(operations[write]);
        }
    }

    /// <summary>
    /// A compare-and-set, and when it is indefinite the chain down to what shows that it took effect: a read of
    /// a value, or a compare-and-set that was acknowledged.
    /// </summary>
    private void AddEvidence(List<HistoryOperation> witness, ReadOnlySpan<HistoryOperation> operations, int write)
    {
        witness.Add(operations[write]);
        var at = clusters.Find(operations[write].Value);
        for (var links = 0; at >= 0 && links < MaxLinks; at = _child[at], links++)
        {
            ref var cluster = ref clusters.Added(at);
            AddWrite(witness, operations, at);
            if (operations[cluster.Write].Outcome == HistoryOutcome.Ok)
            {
                return;
            }

            if (cluster.Reads > 0)
            {
                witness.Add(operations[cluster.FirstEndBy]);
                return;
            }
        }
    }
}
