using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Benchmarks.Stores;

/// <summary>
/// Fills every store with the same keys, one after another, then lets them take turns with the other operations:
/// five rounds, of which the median counts. Times are CPU time of the whole process, so a neighbour's load
/// counts only for the cache it takes, and the garbage collector's threads count.
/// </summary>
internal static class StoreRun
{
    private const int Rounds = 5;
    private const int MostOperations = 500_000;

    // An element of a coded value has all the fields of a header; a replicated value has few.
    private const int CodedPayloadBytes = 342;

    private static readonly RecordHeader CodedHeader = new(
        EccVersion.Of(1_790_000_000_000_000, 0x1234_5678, 1, 0, 3).Value, ulong.MaxValue, 1024, 3);

    /// <summary>Names of the operations.</summary>
    public static IReadOnlyList<string> Operations { get; } =
        ["insert", "get", "miss", "same size", "other size"];

    /// <summary>Measures all stores with one size of payload.</summary>
    public static IReadOnlyList<StoreFigures> Measure(int keys, byte[] payload, CancellationToken cancel)
    {
        var header = payload.Length == CodedPayloadBytes
            ? CodedHeader
            : new RecordHeader(1_000_000, 0, payload.Length, 0);
        Func<StoreSubject>[] make = [() => new SlabSubject(), () => new BytesSubject(), () => new StringsSubject()];
        var subjects = new StoreSubject[make.Length];
        var filled = new StoreFigures[make.Length];
        for (var i = 0; i < make.Length; i++)
        {
            var (heap, resident) = Memory();
            subjects[i] = make[i]();
            var insert = CpuNanos(keys, cancel, n => subjects[i].Put(n, header, payload));
            var (heapAfter, residentAfter) = Memory();
            filled[i] = new StoreFigures(subjects[i].Name, keys, payload.Length,
                (double?)subjects[i].OwnBytes / keys, (heapAfter - heap) / (double)keys,
                (residentAfter - resident) / (double)keys, [insert]);
        }

        var turns = new List<double[]>[make.Length];
        for (var round = -1; round < Rounds; round++)
        {
            for (var i = 0; i < make.Length; i++)
            {
                var turn = Turn(subjects[i], keys, header, payload, cancel);
                turns[i] ??= [];
                if (round >= 0)
                {
                    turns[i].Add(turn);
                }
            }
        }

        return [.. filled.Select((figures, i) => figures with
        {
            CpuNanos = [.. figures.CpuNanos, .. Medians(turns[i])],
        })];
    }

    private static double[] Turn(StoreSubject subject, int keys, RecordHeader header, byte[] payload,
        CancellationToken cancel)
    {
        var operations = Math.Min(keys, MostOperations);
        long Scattered(int i) => i * 7919L % keys;
        return
        [
            CpuNanos(operations, cancel, i => Expect(payload.Length, subject.Get(Scattered(i)))),
            CpuNanos(operations, cancel, i => Expect(-1, subject.Get(keys + Scattered(i)))),
            CpuNanos(operations, cancel, i => subject.Put(Scattered(i), header, payload)),

            // Every value becomes shorter and as long as before again.
            CpuNanos(operations, cancel, i => subject.Put(Scattered(i / 2), header,
                payload.AsSpan(0, payload.Length - (i % 2 == 0 ? payload.Length / 4 : 0)))),
        ];
    }

    private static void Expect(int expected, int found)
    {
        if (expected != found)
        {
            throw new InvalidOperationException($"a get gave {found} B where {expected} were put");
        }
    }

    private static IEnumerable<double> Medians(List<double[]> turns) =>
        Enumerable.Range(0, turns[0].Length).Select(i => turns.Select(turn => turn[i]).Order().ElementAt(Rounds / 2));

    private static (long Heap, long Resident) Memory()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return (GC.GetTotalMemory(forceFullCollection: true), Environment.WorkingSet);
    }

    private static double CpuNanos(int operations, CancellationToken cancel, Action<int> call)
    {
        var start = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < operations; i++)
        {
            if (i % 65_536 == 0)
            {
                cancel.ThrowIfCancellationRequested();
            }

            call(i);
        }

        return (Environment.CpuUsage.TotalTime - start).TotalNanoseconds / operations;
    }
}
