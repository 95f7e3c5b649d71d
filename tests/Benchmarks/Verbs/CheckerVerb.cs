using System.Diagnostics;
using Testbed.Benchmarks.Support;
using Testbed.Checker;
using Testbed.Results;

namespace Testbed.Benchmarks.Verbs;

/// <summary>
/// <c>checker</c>: how long the verdict on histories in memory and in files takes, and what a growing history
/// costs. Histories are valid, the slowest case: everything is looked at.
/// </summary>
internal static class CheckerVerb
{
    private const int Rounds = 5;

    /// <summary>Operations, keys; the last is one key alone, which no second core can help.</summary>
    private static readonly (int Operations, int Keys, int DeletePercent)[] Cases =
        [(1_000_000, 10_000, 0), (1_000_000, 10_000, 5), (1_000_000, 1, 0), (10_000_000, 10_000, 0),
            (10_000_000, 1_000_000, 0)];

    public static void Run(TextWriter output, int divisor, CancellationToken cancel)
    {
        var table = new TextTable(1, "history", "operations", "keys", "deletes %", "median s", "least s",
            "ns/operation", "CPU s");
        foreach (var (operations, keys, deletes) in Cases)
        {
            cancel.ThrowIfCancellationRequested();
            var history = Draw(operations / divisor, Math.Max(1, keys / divisor), deletes);
            Add(table, "in memory", history, keys / divisor, deletes, () => HistoryCheck.Run(history).Result);
            if (operations == 1_000_000 && deletes == 0 && keys > 1)
            {
                AddFile(table, history, keys / divisor);
                AddStreaming(table, history, keys / divisor);
            }
        }

        output.WriteLine("Checker: time to the verdict on a valid history, half of it reads, all cores, medians of "
            + "five after one to warm up.");
        output.WriteLine("File: reading and checking history.jsonl.gz. Growing: one thread, all events one by one.");
        table.Print(output);
    }

    private static void AddFile(TextTable table, HistoryOperation[] history, int keys)
    {
        var folder = Directory.CreateTempSubdirectory("testbed-checker-");
        try
        {
            var path = Path.Combine(folder.FullName, "history.jsonl.gz");
            using (var writer = new HistoryWriter(path))
            {
                foreach (ref readonly var operation in history.AsSpan())
                {
                    writer.Add(operation);
                }

                writer.Complete();
            }

            Add(table, "file", history, keys, 0, () => HistoryCheck.RunFile(path).Result);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void AddStreaming(TextTable table, HistoryOperation[] history, int keys)
    {
        var events = new (long Time, int Operation)[history.Length * 2];
        for (var i = 0; i < history.Length; i++)
        {
            events[2 * i] = (history[i].InvokeNanos, i);
            events[(2 * i) + 1] = (history[i].CompleteNanos, ~i);
        }

        Array.Sort(events, (a, b) => a.Time != b.Time ? a.Time.CompareTo(b.Time) : b.Operation.CompareTo(a.Operation));
        Add(table, "growing", history, keys, 0, () =>
        {
            var checker = new StreamingChecker();
            foreach (var (time, index) in events)
            {
                ref readonly var operation = ref history[index < 0 ? ~index : index];
                if (index < 0)
                {
                    checker.Complete(operation.Process, operation.Value, operation.Outcome, time);
                }
                else
                {
                    checker.Invoke(operation.Process, operation.Kind, operation.Key, operation.Value, 0, time);
                }
            }

            return new CheckResult(
                checker.First is null ? Verdict.Valid : Verdict.Invalid, default, []);
        });
    }

    private static void Add(TextTable table, string name, HistoryOperation[] history, int keys, int deletes,
        Func<CheckResult> check)
    {
        var seconds = new double[Rounds];
        var cpu = new double[Rounds];
        for (var round = -1; round < Rounds; round++)
        {
            var cpuBefore = Environment.CpuUsage.TotalTime;
            var begun = Stopwatch.GetTimestamp();
            var verdict = check().Verdict;
            if (round >= 0)
            {
                seconds[round] = Stopwatch.GetElapsedTime(begun).TotalSeconds;
                cpu[round] = (Environment.CpuUsage.TotalTime - cpuBefore).TotalSeconds;
            }

            if (verdict != Verdict.Valid)
            {
                throw new InvalidOperationException($"the verdict on a valid history is {verdict}");
            }
        }

        Array.Sort(seconds);
        Array.Sort(cpu);
        var median = seconds[Rounds / 2];
        table.Add(name, TextTable.Number(history.Length), TextTable.Number(Math.Max(1, keys)),
            TextTable.Number(deletes), TextTable.Number(median, 3), TextTable.Number(seconds[0], 3),
            TextTable.Number(median * 1e9 / history.Length),
            TextTable.Number(cpu[Rounds / 2], 3));
    }

    /// <summary>
    /// What registers did: operation i takes effect at its own moment, some 60 are under way at once.
    /// </summary>
    private static HistoryOperation[] Draw(int count, int keys, int deletePercent)
    {
        const int Spread = 30_000;
        var random = new Random(42);
        var state = new ulong[keys];
        var history = new HistoryOperation[count];
        for (var i = 0; i < count; i++)
        {
            var key = random.Next(keys);
            var point = i * 1_000L;
            var start = point - random.Next(Spread);
            var end = point + random.Next(Spread);
            var draw = random.Next(100);
            var kind = draw < deletePercent ? HistoryKind.Delete
                : draw < 50 ? HistoryKind.Write
                : HistoryKind.Read;
            state[key] = kind switch
            {
                HistoryKind.Read => state[key],
                HistoryKind.Write => ValueIdentity.Compose(1, (ulong)i + 1),
                _ => 0,
            };
            // Of processes there are as many as can be under way at once.
            history[i] = new HistoryOperation(
                i % (2 * Spread / 1_000 * 2), kind, key, state[key], start, end, HistoryOutcome.Ok);
        }

        return history;
    }
}
