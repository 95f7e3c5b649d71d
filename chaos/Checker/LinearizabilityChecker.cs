using System.Runtime.InteropServices;

namespace Testbed.Checker;

/// <summary>
/// Decides whether a history of reads, writes and deletes is linearizable, key by key. Exact and O(n log n)
/// where the values written to a key are unique (Gibbons and Korach 1997; zones of Golab, Li and Shah 2011;
/// deletes by placement, see <see cref="AbsencePlacement"/>; compare-and-sets by contraction, see
/// <see cref="CasChains"/>); a bounded exhaustive search otherwise.
/// </summary>
/// <remarks>
/// Single-threaded; a host that wants more cores cuts the history with <see cref="HistoryByKey"/>, gives
/// every thread its own <see cref="KeyChecker"/>, and joins with <see cref="Combine"/>.
/// </remarks>
public static class LinearizabilityChecker
{
    /// <summary>
    /// Checks a whole history. Throws <see cref="ArgumentException"/> when an operation ends before it
    /// begins.
    /// </summary>
    public static CheckResult Check(IEnumerable<HistoryOperation> history, CheckOptions? options = null) =>
        history switch
        {
            HistoryOperation[] array => Check(array.AsSpan(), options),
            List<HistoryOperation> list => Check(CollectionsMarshal.AsSpan(list), options),
            _ => Check(history.ToArray().AsSpan(), options),
        };

    /// <summary>Checks a whole history.</summary>
    public static CheckResult Check(ReadOnlySpan<HistoryOperation> history, CheckOptions? options = null)
    {
        options ??= CheckOptions.Default;
        var byKey = HistoryByKey.Group(history);
        var checker = new KeyChecker(options);
        var results = new KeyResult[byKey.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = checker.Check(byKey.Key(i), byKey.Operations(i));
        }

        return Combine(byKey, results, options);
    }

    /// <summary>
    /// Joins the verdicts on keys, and tells phantoms from values that were written to another key.
    /// </summary>
    public static CheckResult Combine(
        HistoryByKey history, IEnumerable<KeyResult> results, CheckOptions? options = null)
    {
        var counts = default(CheckCounts);
        var violations = new List<Violation>();
        foreach (var result in results)
        {
            counts.Add(result.Counts);
            violations.AddRange(result.Violations);
        }

        RelabelWrongKeys(history, violations, new Explain(options?.Texts));
        violations.Sort((a, b) => a.Key.CompareTo(b.Key));
        var verdict = counts.InvalidKeys > 0 ? Verdict.Invalid
            : counts.UnknownKeys > 0 ? Verdict.Unknown
            : Verdict.Valid;
        return new CheckResult(verdict, counts, violations);
    }

    private static void RelabelWrongKeys(HistoryByKey history, List<Violation> violations, Explain explain)
    {
        var wanted = new Dictionary<ulong, HistoryOperation?>();
        foreach (var violation in violations)
        {
            if (IsPhantomRead(violation))
            {
                wanted[violation.Operations[0].Value] = null;
            }
        }

        if (wanted.Count == 0)
        {
            return;
        }

        for (var i = 0; i < history.Count; i++)
        {
            foreach (ref readonly var operation in history.Operations(i))
            {
                if (operation.Kind is HistoryKind.Write or HistoryKind.Cas && wanted.ContainsKey(operation.Value))
                {
                    wanted[operation.Value] = operation;
                }
            }
        }

        for (var i = 0; i < violations.Count; i++)
        {
            var violation = violations[i];
            if (IsPhantomRead(violation) && wanted[violation.Operations[0].Value] is { } write)
            {
                violations[i] = explain.WrongKey(violation.Operations[0], write);
            }
        }
    }

    private static bool IsPhantomRead(Violation violation) =>
        violation.Kind == ViolationKind.Phantom && violation.Operations is [{ Kind: HistoryKind.Read }];
}
