using System.Diagnostics;

namespace Testbed.Benchmarks.Peers;

/// <summary>What a closed loop of callers measured.</summary>
internal sealed record CallerResult(
    double PerSecond, double P50Micros, double P99Micros, long Operations, long Failed, string FirstFailure,
    double ClientCpuSeconds);

/// <summary>N concurrent callers over a few connections, each with one call at a time.</summary>
internal static class CallerLoop
{
    /// <summary>Callers that share a connection.</summary>
    public const int CallersPerConnection = 16;

    // A caller that only fails waits a little, and gives up after that many: the cell is void then.
    private const int MostFailuresInRow = 200;
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMilliseconds(5);

    /// <summary>Connections that so many callers use.</summary>
    public static int Connections(int callers) => Math.Max(1, callers / CallersPerConnection);

    /// <summary>
    /// Runs <paramref name="call"/>, given a connection, the caller's number and its count; it throws when the
    /// operation fails. Latency percentiles are exact, of operations that succeeded.
    /// </summary>
    public static async Task<CallerResult> RunAsync(IReadOnlyList<KvCalls> connections, int callers, TimeSpan duration,
        Func<KvCalls, int, long, Task> call, CancellationToken cancel)
    {
        using var process = Process.GetCurrentProcess();
        var cpu = process.TotalProcessorTime;
        var begun = Stopwatch.GetTimestamp();
        var until = begun + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        var work = Enumerable.Range(0, callers)
            .Select(i => new Caller(connections[i % connections.Count], i, call)).ToArray();
        await Task.WhenAll(work.Select(caller => Task.Run(() => caller.RunAsync(until, cancel), cancel)))
            .ConfigureAwait(false);
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        process.Refresh();
        cpu = process.TotalProcessorTime - cpu;

        long[] ticks = [.. work.SelectMany(caller => caller.Ticks)];
        Array.Sort(ticks);
        return new CallerResult(ticks.Length / seconds, Percentile(ticks, 0.5), Percentile(ticks, 0.99),
            ticks.Length, work.Sum(caller => caller.Failed),
            work.Select(caller => caller.FirstFailure).FirstOrDefault(text => text.Length > 0) ?? "",
            cpu.TotalSeconds);
    }

    // The smallest value that the given share does not exceed.
    private static double Percentile(long[] sorted, double share) => sorted.Length == 0
        ? double.NaN
        : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)]
            * (1e6 / Stopwatch.Frequency);

    private sealed class Caller(KvCalls connection, int number, Func<KvCalls, int, long, Task> call)
    {
        public List<long> Ticks { get; } = new(4096);

        public long Failed { get; private set; }

        public string FirstFailure { get; private set; } = "";

        public async Task RunAsync(long until, CancellationToken cancel)
        {
            var inRow = 0;
            for (var count = 0L; Stopwatch.GetTimestamp() < until && inRow < MostFailuresInRow; count++)
            {
                cancel.ThrowIfCancellationRequested();
                var begun = Stopwatch.GetTimestamp();
                try
                {
                    await call(connection, number, count).ConfigureAwait(false);
                    Ticks.Add(Stopwatch.GetTimestamp() - begun);
                    inRow = 0;
                }
                catch (Exception e) when (e is Grpc.Core.RpcException or InvalidDataException)
                {
                    cancel.ThrowIfCancellationRequested();
                    Failed++;
                    inRow++;
                    FirstFailure = FirstFailure.Length == 0 ? e.Message : FirstFailure;
                    await Task.Delay(AfterFailure, cancel).ConfigureAwait(false);
                }
            }
        }
    }
}
