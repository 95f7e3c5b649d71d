using System.Globalization;

namespace Testbed.Checker;

/// <summary>
/// Checks one key at a time. Holds scratch memory that is used again, so one instance serves one thread.
/// </summary>
public sealed class KeyChecker
{
    private readonly CheckOptions _options;
    private readonly ValueClusters _clusters = new();
    private readonly AbsencePlacement _absence = new();
    private readonly CasChains _chains;
    private readonly Culprits _culprits;
    private readonly Explain _explain;
    private int[] _clusterOf = new int[64];
    private int _deletes;
    private int _absentReads;
    private bool _absentIsValue;

    /// <summary>Marks in <see cref="_clusterOf"/>: no read with a value.</summary>
    internal const int NoCluster = -1;

    /// <summary>Marks in <see cref="_clusterOf"/>: a read already reported, set aside.</summary>
    internal const int SetAside = -2;

    /// <summary>Creates it.</summary>
    public KeyChecker(CheckOptions? options = null)
    {
        _options = options ?? CheckOptions.Default;
        _explain = new Explain(_options.Texts);
        _chains = new CasChains(_clusters);
        _culprits = new Culprits(_clusters, _absence, _chains, _explain);
    }

    /// <summary>
    /// Checks the operations of one key, in any order. Throws <see cref="ArgumentException"/> when an
    /// operation ends before it begins.
    /// </summary>
    public KeyResult Check(long key, ReadOnlySpan<HistoryOperation> operations)
    {
        var initial = _options.InitialValue(key);
        var counts = new CheckCounts { Operations = operations.Length, Keys = 1 };
        if (!CollectWrites(operations, initial, ref counts))
        {
            return Search(key, operations, initial, counts);
        }

        _culprits.Begin(_options.MaxViolationsPerKey);
        CollectReads(operations);
        if (_chains.Any)
        {
            counts.IndefiniteSeen += _chains.Contract(operations, _culprits);
        }

        _clusters.Sort();
        foreach (ref readonly var cluster in _clusters.Sorted)
        {
            counts.IndefiniteSeen += !_chains.Any && cluster is { Acknowledged: false, Write: >= 0 } ? 1 : 0;
        }

        if (_clusters.HasConflict())
        {
            _culprits.Conflicts(operations, _clusterOf);
        }
        else if (_absentReads > 0 || _deletes > 0)
        {
            CheckAbsence(operations, initial);
            counts.IndefiniteSeen += _absence.IndefiniteUsed;
        }

        counts.Violations = _culprits.Count;
        counts.StaleReads = _culprits.StaleReads;
        counts.LostWrites = _culprits.LostWrites;
        counts.InvalidKeys = _culprits.Count > 0 ? 1 : 0;
        var verdict = _culprits.Count > 0 ? Verdict.Invalid : Verdict.Valid;
        return new KeyResult(key, verdict, counts, _culprits.Take());
    }

    /// <summary>
    /// False when two writes that may both have happened wrote the same value, or when something is of a kind
    /// that only the search can settle: appends, and deletes beside compare-and-sets that expect or leave
    /// "absent".
    /// </summary>
    private bool CollectWrites(ReadOnlySpan<HistoryOperation> operations, ulong initial, ref CheckCounts counts)
    {
        var writes = 2;
        foreach (ref readonly var operation in operations)
        {
            if (operation.CompleteNanos < operation.InvokeNanos)
            {
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                    $"An operation ends before it begins: {operation}"), nameof(operations));
            }

            writes += operation.Kind is HistoryKind.Write or HistoryKind.Cas ? 1 : 0;
        }

        _clusters.Begin(writes);
        _chains.Begin();
        _deletes = 0;
        _absentIsValue = false;
        var unique = true;
        var onAbsent = false;
        var appends = false;
        if (initial != 0)
        {
            unique = AddInitial(initial);
        }

        for (var i = 0; i < operations.Length; i++)
        {
            ref readonly var operation = ref operations[i];
            if (operation.Kind == HistoryKind.Read || operation.Outcome == HistoryOutcome.Fail)
            {
                continue;
            }

            var acknowledged = operation.Outcome == HistoryOutcome.Ok;
            counts.AcknowledgedWrites += acknowledged ? 1 : 0;
            counts.IndefiniteWrites += acknowledged ? 0 : 1;
            if (IsDelete(operation))
            {
                _deletes++;
                continue;
            }

            if (operation.Kind == HistoryKind.Cas)
            {
                _chains.Any = true;
                onAbsent |= operation.Expected == 0;
                unique &= operation.Value != 0;
            }

            appends |= operation.Kind == HistoryKind.Append;
            var end = acknowledged ? operation.CompleteNanos : ValueClusters.Forever;
            unique &= _clusters.TryAdd(new Cluster
            {
                Value = operation.Value, Write = i, Acknowledged = acknowledged, FirstEnd = end, FirstEndBy = i,
                LastStart = operation.InvokeNanos, LastStartBy = i, LastSeen = end,
            });
        }

        // Without a delete "absent" is but the initial value, written once.
        _absentIsValue = onAbsent && _deletes == 0 && initial == 0;
        unique &= !_absentIsValue || AddInitial(0);
        return unique && !appends && (!onAbsent || _deletes == 0);
    }

    private bool AddInitial(ulong value) => _clusters.TryAdd(new Cluster
    {
        Value = value, Write = -1, FirstEnd = ValueClusters.Never, FirstEndBy = -1,
        LastStart = ValueClusters.Never, LastStartBy = -1, LastSeen = ValueClusters.Never,
    });

    private void CollectReads(ReadOnlySpan<HistoryOperation> operations)
    {
        _absentReads = 0;
        if (_clusterOf.Length < operations.Length)
        {
            _clusterOf = new int[Math.Max(operations.Length, _clusterOf.Length * 2)];
        }

        for (var i = 0; i < operations.Length; i++)
        {
            _clusterOf[i] = NoCluster;
            ref readonly var read = ref operations[i];
            if (read.Kind != HistoryKind.Read || read.Outcome != HistoryOutcome.Ok)
            {
                continue;
            }

            if (read.Value == 0 && !_absentIsValue)
            {
                _absentReads++;
                continue;
            }

            var found = _clusters.Find(read.Value);
            if (found < 0)
            {
                _clusterOf[i] = SetAside;
                _culprits.Unwritten(operations, i);
                continue;
            }

            ref var cluster = ref _clusters.Added(found);
            if (cluster.Write >= 0 && read.CompleteNanos < operations[cluster.Write].InvokeNanos)
            {
                _clusterOf[i] = SetAside;
                _culprits.FromTheFuture(operations, i, cluster.Write);
                continue;
            }

            _clusterOf[i] = found;
            Join(ref cluster, i, read);
        }
    }

    private static void Join(ref Cluster cluster, int index, in HistoryOperation read)
    {
        cluster.LastSeen = cluster.Reads == 0
            ? read.CompleteNanos
            : Math.Max(cluster.LastSeen, read.CompleteNanos);
        cluster.Reads++;
        if (read.CompleteNanos < cluster.FirstEnd)
        {
            cluster.FirstEnd = read.CompleteNanos;
            cluster.FirstEndBy = index;
        }

        if (read.InvokeNanos > cluster.LastStart)
        {
            cluster.LastStart = read.InvokeNanos;
            cluster.LastStartBy = index;
        }
    }

    private void CheckAbsence(ReadOnlySpan<HistoryOperation> operations, ulong initial)
    {
        _absence.Begin(_clusters);
        for (var i = 0; i < operations.Length; i++)
        {
            ref readonly var operation = ref operations[i];
            if (IsDelete(operation) && operation.Outcome != HistoryOutcome.Fail)
            {
                _absence.AddDelete(i, operation);
            }
            else if (IsAbsentRead(operation))
            {
                _absence.AddRead(i, operation, initial == 0);
            }
        }

        _absence.Place();
        _culprits.Absence(operations, _clusterOf, _deletes);
    }

    private KeyResult Search(
        long key, ReadOnlySpan<HistoryOperation> operations, ulong initial, CheckCounts counts)
    {
        var found = WingGong.Check(
            operations, initial, _options.SearchSteps, _options.SearchBytes, _options.Texts);
        counts.UnknownKeys = found.Verdict == Verdict.Unknown ? 1 : 0;
        if (found.Verdict != Verdict.Invalid)
        {
            return new KeyResult(key, found.Verdict, counts, []);
        }

        counts.InvalidKeys = 1;
        counts.Violations = 1;
        return new KeyResult(key, Verdict.Invalid, counts, [_explain.NoOrder(key, found.Stuck)]);
    }

    /// <summary>A delete, or what amounts to one: a write of "absent".</summary>
    internal static bool IsDelete(in HistoryOperation operation) =>
        operation.Kind == HistoryKind.Delete || (operation.Kind == HistoryKind.Write && operation.Value == 0);

    /// <summary>A read that found nothing.</summary>
    internal static bool IsAbsentRead(in HistoryOperation operation) =>
        operation is { Kind: HistoryKind.Read, Outcome: HistoryOutcome.Ok, Value: 0 };
}
