using System.Diagnostics;
using System.Globalization;
using System.Runtime;
using Testbed.Benchmarks.Isal;
using Testbed.Benchmarks.Support;
using Testbed.Erasure;

namespace Testbed.Benchmarks.Verbs;

/// <summary>
/// <c>isal</c>: our codec against Intel ISA-L, same buffers, one process, one thread. Rounds alternate, so that
/// a ratio compares neighbours in time.
/// </summary>
internal static class IsalVerb
{
    private static readonly (int Data, int Parity)[] Codes = [(2, 1), (3, 2), (4, 2), (6, 3), (10, 4)];
    // At 64 B a call is all there is.
    private static readonly int[] BlockBytes = [64, 342, 1024, 4096, 65536, 1 << 20];

    private const int WarmUpBytes = 4096;
    private const int QuietRounds = 3;
    private const int MostWarmUpRounds = 100;
    private static readonly TimeSpan WarmUpSample = TimeSpan.FromMicroseconds(50);
    private static readonly TimeSpan WarmUpPause = TimeSpan.FromSeconds(0.4);

    /// <summary>
    /// Prints a table and writes codec-isal.csv into the folder; says in one line when there is no ISA-L.
    /// </summary>
    public static void Run(TextWriter output, string folder, int rounds, TimeSpan sample, Kernel kernel,
        CancellationToken cancel)
    {
        if (!IsalLibrary.IsPresent)
        {
            output.WriteLine("isal: skipped: " + IsalLibrary.Absent);
            return;
        }

        output.WriteLine($"Our codec ({kernel.Name}) against ISA-L {IsalLibrary.Version}: GB read per second, one");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"thread, same buffers, used again and again. Ratio ours / ISA-L: median of {rounds} pairs, quartiles."));
        if (rounds > 1)
        {
            WarmUp(kernel);
        }

        var table = new TextTable(2, "data+parity", "task", "block B", "ours GB/s", "ISA-L GB/s", "ratio", "q1", "q3");
        var csv = new List<string>
        {
            "data_blocks,parity_blocks,task,block_bytes,kernel,round,testbed_ns_per_call,isal_ns_per_call",
        };
        foreach (var (data, parity, task) in Tasks())
        {
            foreach (var bytes in BlockBytes)
            {
                cancel.ThrowIfCancellationRequested();
                var work = new IsalCase(data, parity, bytes, task, kernel);
                var pairs = Measure(work, rounds, sample);
                csv.AddRange(pairs.Select((pair, round) => string.Create(CultureInfo.InvariantCulture,
                    $"{data},{parity},{Word(task)},{bytes},{kernel.Name},{round},{pair.Ours:F2},{pair.Theirs:F2}")));
                var ratios = pairs.Select(pair => pair.Theirs / pair.Ours).Order().ToArray();
                table.Add($"{data}+{parity}", Word(task), TextTable.Number(bytes),
                    Rate(pairs.Select(pair => pair.Ours)), Rate(pairs.Select(pair => pair.Theirs)),
                    TextTable.Number(ratios[rounds / 2], 2), TextTable.Number(ratios[rounds / 4], 2),
                    TextTable.Number(ratios[rounds * 3 / 4], 2));

                string Rate(IEnumerable<double> nanos) => TextTable.Number(
                    work.InputBytes / nanos.Order().ElementAt(rounds / 2), 1);
            }
        }

        table.Print(output);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"The loop alone takes {Timing.MedianNanos(() => { }, sample):F1} ns per call, with gf_mul of ISA-L in it "
            + $"{Timing.MedianNanos(() => IsalLibrary.Multiply(3, 5), sample):F1} ns."));
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, "codec-isal.csv");
        File.WriteAllText(path, string.Join('\n', csv) + "\n");
        output.WriteLine("wrote " + path);
    }

    private static IEnumerable<(int Data, int Parity, IsalTask Task)> Tasks()
    {
        foreach (var (data, parity) in Codes)
        {
            foreach (var task in Enum.GetValues<IsalTask>())
            {
                // With one parity block the others rebuild one by XOR, too.
                if (parity > 1 || task is IsalTask.Encode or IsalTask.RebuildOne)
                {
                    yield return (data, parity, task);
                }
            }
        }
    }

    // The runtime compiles a loop well only when it was seen to be hot, in the background: on a busy machine that
    // takes seconds, so all is measured until nothing is compiled any more.
    private static void WarmUp(Kernel kernel)
    {
        var quiet = 0;
        for (var round = 0; quiet < QuietRounds && round < MostWarmUpRounds; round++)
        {
            var compiled = JitInfo.GetCompiledMethodCount();
            foreach (var (data, parity, task) in Tasks())
            {
                foreach (var bytes in BlockBytes.Where(bytes => bytes <= WarmUpBytes))
                {
                    Measure(new IsalCase(data, parity, bytes, task, kernel), 2, WarmUpSample);
                }
            }

            Thread.Sleep(WarmUpPause);
            quiet = JitInfo.GetCompiledMethodCount() == compiled ? quiet + 1 : 0;
        }
    }

    private static string Word(IsalTask task) => task switch
    {
        IsalTask.Encode => "encode",
        IsalTask.RebuildOne => "rebuild one",
        IsalTask.RebuildOneAny => "rebuild one without XOR",
        _ => "rebuild most",
    };

    private static (double Ours, double Theirs)[] Measure(IsalCase work, int rounds, TimeSpan sample)
    {
        Timing.MedianNanos(work.Ours, sample);
        var calls = (int)Math.Clamp(sample.TotalNanoseconds / Timing.MedianNanos(work.Theirs, sample), 1, 1 << 24);
        var pairs = new (double Ours, double Theirs)[rounds];
        for (var round = 0; round < rounds; round++)
        {
            if (round % 2 == 0)
            {
                pairs[round].Ours = Nanos(work.Ours, calls);
                pairs[round].Theirs = Nanos(work.Theirs, calls);
            }
            else
            {
                pairs[round].Theirs = Nanos(work.Theirs, calls);
                pairs[round].Ours = Nanos(work.Ours, calls);
            }
        }

        return pairs;
    }

    private static double Nanos(Action call, int calls)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < calls; i++)
        {
            call();
        }

        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls;
    }
}
