using System.Globalization;
using Testbed.Benchmarks.Support;
using Testbed.Erasure;

namespace Testbed.Benchmarks.Verbs;

/// <summary><c>codec</c>: value bytes per second of the erasure code, by an own timing loop.</summary>
internal static class CodecVerb
{
    private static readonly string[] Geometries = ["3,2", "5,3", "6,4", "9,6"];
    private static readonly int[] Sizes = [1024, 4096, 65536];

    public static void Run(TextWriter output, TimeSpan sample, Kernel? kernel = null)
    {
        var table = new TextTable(2, "code", "kernel", "value B", "encode GB/s", "decode degraded GB/s",
            "decode healthy GB/s", "rebuild one GB/s");
        foreach (var geometry in Geometries)
        {
            foreach (var valueBytes in Sizes)
            {
                var codec = new CodecCase(geometry, valueBytes, kernel);
                table.Add($"({geometry})", codec.KernelName, TextTable.Number(valueBytes),
                    Rate(codec.Encode), Rate(codec.DecodeDegraded), Rate(codec.DecodeHealthy),
                    Rate(codec.Rebuild));

                string Rate(Action call) => (valueBytes / Timing.MedianNanos(call, sample))
                    .ToString("F2", CultureInfo.InvariantCulture);
            }
        }

        output.WriteLine("Codec: GB of value per second, one thread, data in the cache, medians of nine.");
        output.WriteLine("Degraded: as many data elements missing as the code allows. Healthy: all there.");
        table.Print(output);
    }
}
