using System.Diagnostics;
using Testbed.Benchmarks.Support;
using Testbed.Checker;
using Testbed.Harness.Load;
using Testbed.Results;
using Testbed.Workloads;

namespace Testbed.Benchmarks.Verbs;

/// <summary>
/// <c>load</c>: what the load generator itself costs, against a client that ends every operation at once.
/// </summary>
internal static class LoadVerb
{
    private const int Records = 10_000;

    // Closed loop (no rate) and open loop; the last rate is beyond what a cluster on one machine takes.
    private static readonly (string Workload, double? Rate)[] Cases =
        [("a", null), ("b", null), ("c", null), ("e", null), ("b", 2_000), ("b", 20_000), ("b", 100_000)];

    public static async Task RunAsync(TextWriter output, TimeSpan warmup, TimeSpan measured,
        CancellationToken cancel)
    {
        var table = new TextTable(2, "workload", "loop", "ops/s", "CPU ns/op", "allocated B/op", "lag p50 us",
            "lag p99 us", "shed");
        foreach (var (workload, rate) in Cases)
        {
            await RunCaseAsync(table, workload, rate, warmup, measured, cancel).ConfigureAwait(false);
        }

        output.WriteLine("Load generator against a client that ends every operation at once. The record");
        output.WriteLine("that a get finds is filled in and checked. CPU is that of the whole process.");
        table.Print(output);
    }

    private static async Task RunCaseAsync(TextTable table, string workload, double? rate, TimeSpan warmup,
        TimeSpan measured, CancellationToken cancel)
    {
        var spec = WorkloadSpec.Parse(WorkloadFile.Shipped(workload)!, [$"recordcount={Records}"]).Spec!;
        var client = new NoOpClient(spec.MaxValueBytes);
        await using var owned = client.ConfigureAwait(false);
        var sink = new CountingSink();
        var generator =
            new LoadGenerator(client, spec, new LoadOptions { Seed = 1, RatePerSecond = rate }, sink);
        await generator.LoadRecordsAsync(cancel).ConfigureAwait(false);
        await generator.RunAsync(warmup, cancel).ConfigureAwait(false);

        using var process = Process.GetCurrentProcess();
        var cpu = process.TotalProcessorTime;
        var allocated = GC.GetTotalAllocatedBytes();
        var begun = Stopwatch.GetTimestamp();
        var report = await generator.RunAsync(measured, cancel).ConfigureAwait(false);
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        process.Refresh();
        cpu = process.TotalProcessorTime - cpu;
        allocated = GC.GetTotalAllocatedBytes() - allocated;

        var operations = Math.Max(1, report.Attempted);
        var loop = rate is { } perSecond ? $"open {TextTable.Number(perSecond)}/s" : "closed, 64 clients";
        table.Add(workload, loop,
            TextTable.Number(report.Attempted / seconds), TextTable.Number(cpu.TotalNanoseconds / operations),
            TextTable.Number((double)allocated / operations, 1), Micros(report.LagP50Nanos),
            Micros(report.LagP99Nanos), TextTable.Number(report.Shed));
        if (sink.Completed == 0)
        {
            throw new InvalidOperationException("the load generator reported nothing");
        }
    }

    private static string Micros(long? nanos) => nanos is { } value
        ? TextTable.Number(value / 1000.0, 1) : "";

    private sealed class CountingSink : IOperationSink
    {
        public long Completed { get; private set; }

        void IOperationSink.Completed(in CompletedOperation op) => Completed++;

        void IOperationSink.Invoked(in HistoryEvent invocation)
        {
        }

        void IOperationSink.History(in HistoryOperation op)
        {
        }
    }
}
