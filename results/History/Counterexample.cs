using Testbed.Checker;

namespace Testbed.Results;

/// <summary>A violation with what happened to its key at that time: what a timeline draws.</summary>
/// <param name="Violation">What is wrong.</param>
/// <param name="Operations">Operations of the key around it, by invocation.</param>
/// <param name="Omitted">Operations of the key that are not among them.</param>
public sealed record Counterexample(
    ViolationEntry Violation, IReadOnlyList<CounterexampleOperation> Operations, int Omitted)
{
    /// <summary>Most operations of one counterexample.</summary>
    public const int MaxOperations = 2_000;

    /// <summary>Most counterexamples taken from one history, each of another key.</summary>
    public const int MaxKeys = 4;

    /// <summary>
    /// The smallest counterexample of each of the first offending keys, with the operations at the same time.
    /// </summary>
    internal static IReadOnlyList<Counterexample> From(
        HistoryByKey history, IReadOnlyList<Violation> violations, HistoryTexts? texts)
    {
        var chosen = violations.GroupBy(v => v.Key).Take(MaxKeys)
            .Select(key => key.MinBy(v => v.Operations.Count)!).ToList();
        var found = new List<Counterexample>();
        for (var i = 0; i < history.Count && found.Count < chosen.Count; i++)
        {
            if (chosen.Find(v => v.Key == history.Key(i)) is { } violation)
            {
                found.Add(Around(violation, history.Operations(i), texts));
            }
        }

        return [.. found.OrderBy(c => c.Violation.Key)];
    }

    private static Counterexample Around(
        Violation violation, ReadOnlySpan<HistoryOperation> operations, HistoryTexts? texts)
    {
        var from = violation.Operations.Min(o => o.InvokeNanos);
        var to = violation.Operations.Max(o => o.CompleteNanos);
        var margin = Math.Max(1_000_000, (to - from) / 10);
        var witness = violation.Operations.ToHashSet();
        var near = new List<(long Distance, HistoryOperation Operation)>();
        var centre = violation.Offending ?? violation.Operations[^1];
        foreach (ref readonly var operation in operations)
        {
            if (witness.Contains(operation))
            {
                near.Add((-1, operation));
            }
            else if (operation.InvokeNanos <= to + margin && operation.CompleteNanos >= from - margin)
            {
                near.Add((Distance(operation, centre), operation));
            }
        }

        near.Sort((a, b) => a.Distance.CompareTo(b.Distance));
        var shown = near.Take(MaxOperations).Select(n => n.Operation).OrderBy(o => o.InvokeNanos);
        return new Counterexample(
            ViolationEntry.From(violation, texts),
            [.. shown.Select(o => new CounterexampleOperation(
                OperationEntry.From(o, texts), witness.Contains(o), violation.Offending == o))],
            operations.Length - Math.Min(near.Count, MaxOperations));
    }

    private static long Distance(in HistoryOperation a, in HistoryOperation b) =>
        Math.Max(0, Math.Max(a.InvokeNanos - b.CompleteNanos, b.InvokeNanos - a.CompleteNanos));
}

/// <summary>One operation beside a counterexample.</summary>
/// <param name="Operation">What it was.</param>
/// <param name="IsWitness">True when it belongs to the counterexample.</param>
/// <param name="IsOffending">True for the one whose answer is wrong.</param>
public sealed record CounterexampleOperation(OperationEntry Operation, bool IsWitness, bool IsOffending);
