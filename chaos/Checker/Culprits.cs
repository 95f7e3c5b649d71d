namespace Testbed.Checker;

/// <summary>
/// The slow path: once a key is known to be invalid, says which operations show it, classifies and counts.
/// Never decides the verdict, only describes it.
/// </summary>
internal sealed class Culprits(
    ValueClusters clusters, AbsencePlacement absence, CasChains chains, Explain explain)
{
    private readonly HashSet<int> _lost = [];
    private List<Violation> _violations = [];
    private int _limit;

    /// <summary>Violations found, described or not.</summary>
    public long Count { get; private set; }

    /// <summary>Reads whose answer was provably overwritten before they began.</summary>
    public long StaleReads { get; private set; }

    /// <summary>Acknowledged writes and deletes never seen again.</summary>
    public long LostWrites { get; private set; }

    /// <summary>Begins a key.</summary>
    public void Begin(int limit)
    {
        _limit = limit;
        _lost.Clear();
        Count = 0;
        StaleReads = 0;
        LostWrites = 0;
    }

    /// <summary>The described violations; the list belongs to the caller.</summary>
    public IReadOnlyList<Violation> Take()
    {
        if (_violations.Count == 0)
        {
            return [];
        }

        var taken = _violations;
        _violations = [];
        return taken;
    }

    /// <summary>A read whose value no write that may have happened wrote.</summary>
    public void Unwritten(ReadOnlySpan<HistoryOperation> operations, int read)
    {
        if (!Wanted())
        {
            return;
        }

        foreach (ref readonly var operation in operations)
        {
            if (operation is { Kind: HistoryKind.Write or HistoryKind.Cas, Outcome: HistoryOutcome.Fail }
                && operation.Value == operations[read].Value)
            {
                _violations.Add(explain.FailedWriteVisible(operations[read], operation, []));
                return;
            }
        }

        _violations.Add(explain.Phantom(operations[read]));
    }

    /// <summary>What is wrong with a chain of compare-and-sets.</summary>
    public void Chain(ReadOnlySpan<HistoryOperation> operations, in ChainFault fault)
    {
        StaleReads += fault.Kind == ChainFaultKind.OutOfOrder && operations[fault.Second].Kind == HistoryKind.Read
            ? 1 : 0;
        if (Wanted())
        {
            _violations.Add(chains.Describe(operations, fault, explain));
        }
    }

    /// <summary>A read that ended before its write began.</summary>
    public void FromTheFuture(ReadOnlySpan<HistoryOperation> operations, int read, int write)
    {
        if (Wanted())
        {
            _violations.Add(explain.FutureRead(operations[read], operations[write]));
        }
    }

    /// <summary>
    /// Clusters that must each precede the other. For the older one A (smaller m) the conflicting B have m
    /// before M of A and M behind m of A; the last operation of A is then a read that came too late.
    /// </summary>
    public void Conflicts(ReadOnlySpan<HistoryOperation> operations, ReadOnlySpan<int> clusterOf)
    {
        MarkLost();
        var sorted = clusters.Sorted;
        var overwritten = new long[sorted.Length];
        for (var i = 0; i < sorted.Length; i++)
        {
            overwritten[i] = ValueClusters.Forever;
            // Those skipped have m of A inside [M, m]: as many as operations ran at once, not more.
            for (var j = i + 1; j < sorted.Length && sorted[j].FirstEnd < sorted[i].LastStart; j++)
            {
                if (sorted[j].LastStart > sorted[i].FirstEnd)
                {
                    overwritten[i] = sorted[j].FirstEnd;
                    break;
                }
            }

            if (overwritten[i] != ValueClusters.Forever && Wanted())
            {
                Describe(operations, i, overwritten[i]);
            }
        }

        for (var i = 0; i < operations.Length; i++)
        {
            var rank = clusterOf[i] >= 0 ? clusters.Rank(clusterOf[i]) : -1;
            StaleReads += rank >= 0 && operations[i].InvokeNanos > overwritten[rank] ? 1 : 0;
        }

        LostWrites = _lost.Count;
    }

    /// <summary>What <see cref="AbsencePlacement"/> could not explain.</summary>
    public void Absence(ReadOnlySpan<HistoryOperation> operations, ReadOnlySpan<int> clusterOf, int deletes)
    {
        foreach (var (read, cause) in absence.Unexplained)
        {
            MissingDelete(operations, read, cause, deletes);
        }

        var undone = new Dictionary<int, long>();
        foreach (var (delete, cluster) in absence.Undone)
        {
            LostWrites++;
            DeleteUndone(operations, delete, cluster);
            var end = operations[delete].CompleteNanos;
            undone[cluster] = Math.Min(end, undone.GetValueOrDefault(cluster, ValueClusters.Forever));
        }

        for (var i = 0; i < operations.Length && undone.Count > 0; i++)
        {
            var rank = clusterOf[i] >= 0 ? clusters.Rank(clusterOf[i]) : -1;
            StaleReads += undone.TryGetValue(rank, out var end) && operations[i].InvokeNanos > end ? 1 : 0;
        }

        LostWrites += _lost.Count;
    }

    private bool Wanted()
    {
        Count++;
        return _violations.Count < _limit;
    }

    /// <summary>
    /// An acknowledged write B is lost when an older value A (m of A not behind m of B, before M of B) was
    /// read by an operation that began after B was last seen; unless a value newer than B was in force before
    /// that read began and is seen after it, which may have overwritten B in due order.
    /// </summary>
    private void MarkLost()
    {
        var sorted = clusters.Sorted;
        for (var i = 0; i < sorted.Length; i++)
        {
            ref readonly var cluster = ref sorted[i];
            var older = Math.Min(i, clusters.EndedBefore(cluster.LastStart));
            var seen = Math.Max(cluster.LastSeen, cluster.FirstEnd);
            var contradicted = clusters.LatestStart(older);
            if (cluster.Acknowledged && contradicted > seen
                && clusters.LatestStart(clusters.EndedBefore(contradicted)) <= contradicted)
            {
                _lost.Add(i);
            }
        }
    }

    private void Describe(ReadOnlySpan<HistoryOperation> operations, int older, long overwrittenAt)
    {
        var sorted = clusters.Sorted;
        var end = clusters.EndedBefore(sorted[older].LastStart);
        var newer = -1;
        long versions = 0;
        for (var j = older + 1; j < end; j++)
        {
            if (sorted[j].LastStart > sorted[older].FirstEnd)
            {
                newer = j;
                versions++;
            }
        }

        ref readonly var a = ref sorted[older];
        ref readonly var b = ref sorted[newer];
        List<HistoryOperation> witness = [];
        AddCluster(witness, operations, a);
        AddCluster(witness, operations, b);
        var read = operations[a.LastStartBy];
        var kind = _lost.Contains(newer) ? ViolationKind.LostAcknowledgedWrite : ViolationKind.StaleRead;
        _violations.Add(explain.Overwritten(
            kind, read, At(operations, a.Write), operations[b.FirstEndBy], At(operations, b.Write), witness,
            read.InvokeNanos - overwrittenAt, versions));
    }

    private void MissingDelete(ReadOnlySpan<HistoryOperation> operations, int index, int cause, int deletes)
    {
        StaleReads++;
        ref readonly var read = ref operations[index];
        List<HistoryOperation> witness = [read];
        HistoryOperation? seen = null;
        long? stale = null;
        var kind = ViolationKind.StaleRead;
        if (cause >= 0)
        {
            ref readonly var cluster = ref clusters.Sorted[cause];
            AddCluster(witness, operations, cluster);
            seen = At(operations, cluster.FirstEndBy);
            stale = cluster.FirstEndBy < 0 ? null : read.InvokeNanos - cluster.FirstEnd;
            if (Math.Max(cluster.LastSeen, cluster.FirstEnd) < read.InvokeNanos)
            {
                kind = ViolationKind.LostAcknowledgedWrite;
                if (cluster.Acknowledged)
                {
                    _lost.Add(cause);
                }
            }
        }

        if (!Wanted())
        {
            return;
        }

        var floor = cause >= 0 ? clusters.Sorted[cause].LastStart : ValueClusters.Never;
        foreach (ref readonly var operation in operations)
        {
            if (KeyChecker.IsDelete(operation) && operation.Outcome == HistoryOutcome.Fail
                && Fits(Math.Max(operation.InvokeNanos, floor), read.CompleteNanos))
            {
                _violations.Add(explain.FailedWriteVisible(read, operation, witness));
                return;
            }
        }

        _violations.Add(explain.MissingDelete(kind, read, seen, witness, stale, deletes));
    }

    private void DeleteUndone(ReadOnlySpan<HistoryOperation> operations, int index, int rank)
    {
        if (!Wanted())
        {
            return;
        }

        ref readonly var cluster = ref clusters.Sorted[rank];
        ref readonly var delete = ref operations[index];
        List<HistoryOperation> witness = [delete];
        AddCluster(witness, operations, cluster);
        var kind = ViolationKind.LostDelete;
        foreach (ref readonly var read in operations)
        {
            if (KeyChecker.IsAbsentRead(read) && read.CompleteNanos >= delete.InvokeNanos
                && read.InvokeNanos > cluster.FirstEnd && read.CompleteNanos < cluster.LastStart)
            {
                kind = ViolationKind.ResurrectedValue;
            }
        }

        var after = operations[cluster.LastStartBy];
        var before = cluster.FirstEndBy >= 0 ? operations[cluster.FirstEndBy] : after;
        _violations.Add(explain.DeleteUndone(
            kind, delete, before, after, witness, after.InvokeNanos - delete.CompleteNanos));
    }

    private bool Fits(long from, long to)
    {
        var (first, last) = absence.FreePart(from, to);
        return first <= last;
    }

    private void AddCluster(
        List<HistoryOperation> witness, ReadOnlySpan<HistoryOperation> operations, in Cluster cluster)
    {
        if (chains.Any)
        {
            chains.AddLinks(witness, operations, cluster);
            return;
        }

        foreach (var index in (ReadOnlySpan<int>)[cluster.Write, cluster.FirstEndBy, cluster.LastStartBy])
        {
            if (index >= 0)
            {
                witness.Add(operations[index]);
            }
        }
    }

    private static HistoryOperation? At(ReadOnlySpan<HistoryOperation> operations, int index) =>
        index >= 0 ? operations[index] : null;
}
