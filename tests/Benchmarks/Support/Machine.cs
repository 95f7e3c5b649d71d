using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Testbed.Benchmarks.Support;

/// <summary>Says on what a figure was measured.</summary>
internal static class Machine
{
    /// <summary>One line each: processor, memory, software, and how busy the machine is.</summary>
    public static IReadOnlyList<string> Describe()
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024);
        return
        [
            string.Create(CultureInfo.InvariantCulture,
                $"processor  {Processor()}, {Environment.ProcessorCount} logical, {Vectors()}"),
            string.Create(CultureInfo.InvariantCulture, $"memory     {memory:F1} GiB"),
            $"software   {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}, " +
            RuntimeInformation.ProcessArchitecture + (IsOptimised() ? ", Release" : ", Debug: void figures"),
            $"load       {LoadAverage()} before the first measurement",
        ];
    }

    private static bool IsOptimised() => !typeof(Machine).Assembly
        .GetCustomAttributes(typeof(System.Diagnostics.DebuggableAttribute), false)
        .Cast<System.Diagnostics.DebuggableAttribute>().Any(attribute => attribute.IsJITOptimizerDisabled);

    private static string Processor()
    {
        const string path = "/proc/cpuinfo";
        var line = File.Exists(path)
            ? File.ReadLines(path).FirstOrDefault(line =>
                line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line is null
            ? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown processor"
            : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }

    private static string Vectors()
    {
        var sets = new List<string>();
        if (Avx512BW.IsSupported)
        {
            sets.Add("AVX-512");
        }
        else if (Avx2.IsSupported)
        {
            sets.Add("AVX2");
        }

        if (Gfni.IsSupported)
        {
            sets.Add("GFNI");
        }

        if (System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported)
        {
            sets.Add("AdvSimd");
        }

        return sets.Count == 0 ? "no vectors" : string.Join(" + ", sets);
    }

    private static string LoadAverage()
    {
        const string path = "/proc/loadavg";
        return File.Exists(path) ? string.Join(' ', File.ReadAllText(path).Split(' ')[..3]) : "unknown";
    }
}
