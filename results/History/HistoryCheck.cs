using System.Diagnostics;
using System.Runtime.InteropServices;
using Testbed.Checker;

namespace Testbed.Results;

/// <summary>From a history to its verdict, on all cores.</summary>
/// <param name="Result">What the checker found.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="CorruptReads">Reads whose value was not what its identity says; each makes the history
/// invalid.</param>
/// <param name="Truncated">True when the history's file ended in the middle.</param>
public sealed record HistoryCheck(CheckResult Result, double Seconds, long CorruptReads, bool Truncated)
{
    /// <summary>Texts of values, for people.</summary>
    public HistoryTexts? Texts { get; init; }

    /// <summary>The first counterexamples with what else happened to their keys.</summary>
    public IReadOnlyList<Counterexample> Counterexamples { get; init; } = [];

    /// <summary>valid, invalid or unknown; corrupt reads make it invalid.</summary>
    public string Verdict => CorruptReads > 0 ? "invalid" : Result.Verdict switch
    {
        Checker.Verdict.Valid => "valid",
        Checker.Verdict.Invalid => "invalid",
        _ => "unknown",
    };

    /// <summary>Checks the history of a run folder.</summary>
    public static HistoryCheck Run(RunFolder folder, long corruptReads = 0, CheckOptions? options = null) =>
        RunFile(folder.HistoryPath, corruptReads, options);

    /// <summary>Checks a history file, compressed or not.</summary>
    public static HistoryCheck RunFile(
        string path, long corruptReads = 0, CheckOptions? options = null, HistoryReading? reading = null)
    {
        var history = HistoryReader.Read(path, reading);
        options = (options ?? CheckOptions.Default) with
        {
            Texts = history.Texts,
            InitialValues = history.InitialValues,
            InitialForAll = history.InitialForAll,
        };
        return Run(history.Operations, corruptReads, options) with { Truncated = history.Truncated };
    }

    /// <summary>Checks operations.</summary>
    public static HistoryCheck Run(
        IReadOnlyList<HistoryOperation> operations, long corruptReads = 0, CheckOptions? options = null)
    {
        var clock = Stopwatch.StartNew();
        options ??= CheckOptions.Default;
        var byKey = HistoryByKey.Group(operations switch
        {
            HistoryOperation[] array => array,
            List<HistoryOperation> list => CollectionsMarshal.AsSpan(list),
            _ => [.. operations],
        });
        var results = new KeyResult[byKey.Count];
        // Ranges, not single keys: a key may take less than handing it over does.
        var chunk = Math.Max(1, byKey.Count / (Environment.ProcessorCount * 16));
        Parallel.For(0, (byKey.Count + chunk - 1) / chunk, () => new KeyChecker(options), (part, _, checker) =>
        {
            for (var i = part * chunk; i < Math.Min(byKey.Count, (part + 1) * chunk); i++)
            {
                results[i] = checker.Check(byKey.Key(i), byKey.Operations(i));
            }

            return checker;
        }, _ => { });
        var result = LinearizabilityChecker.Combine(byKey, results, options);
        return new HistoryCheck(result, clock.Elapsed.TotalSeconds, corruptReads, false)
        {
            Texts = options.Texts,
            Counterexamples = Counterexample.From(byKey, result.Violations, options.Texts),
        };
    }

    /// <summary>The figures for the summary.</summary>
    public CheckFigures ToFigures() => new(
        Verdict, Result.Counts.Operations, Result.Counts.Keys, Result.Counts.AcknowledgedWrites,
        Result.Counts.LostWrites, Result.Counts.StaleReads, CorruptReads, Result.Counts.IndefiniteWrites,
        Result.Counts.IndefiniteSeen, Math.Round(Seconds, 3),
        Result.Violations is [var first, ..] ? first.Explanation : null);

    /// <summary>The file <c>checks/verdict.json</c>.</summary>
    public VerdictFile ToFile() => new()
    {
        Result = Verdict,
        Counts = ToFigures(),
        InvalidKeys = Result.Counts.InvalidKeys,
        UnknownKeys = Result.Counts.UnknownKeys,
        ViolationCount = Result.Counts.Violations,
        Violations = [.. Result.Violations.Select(v => ViolationEntry.From(v, Texts))],
    };
}
