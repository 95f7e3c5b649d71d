using System.Diagnostics;

namespace Testbed.Benchmarks.Support;

/// <summary>Own timing loop for figures that shall be there in seconds.</summary>
internal static class Timing
{
    private const int Samples = 9;

    // So many samples' time goes by before anything counts: the runtime compiles what is called often once more.
    private const int WarmUpSamples = 20;

    /// <summary>
    /// Nanoseconds of one call: the median of nine samples, each of as many calls as fill <paramref
    /// name="sample"/>, after the time of twenty that warm up.
    /// </summary>
    public static double MedianNanos(Action call, TimeSpan sample)
    {
        var warmUp = Stopwatch.StartNew();
        do
        {
            call();
        }
        while (warmUp.Elapsed < WarmUpSamples * sample);

        var calls = 1;
        while (Run(call, calls) is var nanos && nanos < sample.TotalNanoseconds && calls < 1 << 24)
        {
            var factor = sample.TotalNanoseconds / Math.Max(nanos, 1);
            calls = (int)Math.Min(calls * Math.Clamp(factor * 1.2, 2, 100), 1 << 24);
        }

        var results = new double[Samples];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = Run(call, calls) / calls;
        }

        Array.Sort(results);
        return results[Samples / 2];
    }

    private static double Run(Action call, int calls)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < calls; i++)
        {
            call();
        }

        return Stopwatch.GetElapsedTime(start).TotalNanoseconds;
    }
}
