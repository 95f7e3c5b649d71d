using Testbed.Harness.Runs;
using Testbed.Workloads;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>workload dump</c>.</summary>
internal static class WorkloadVerb
{
    private const long DefaultCount = 20;

    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context)
    {
        var workload = Values.Text("--workload", "a..f|FILE", "YCSB workload a to f, or a property file. [default: b]");
        var properties = Values.Pairs("--property", "-p", "Sets one property of the workload; may come many times.");
        var count = Values.Count("--count", "Operations to print. [default: 20]", 1, 100_000_000);
        var seed = Values.Seed("Seed of the stream. [default: 1]");
        var dump = new Verb(
            "dump",
            "Prints the first operations of a workload and their hash; the same seed gives the same stream on any machine.",
            "harness workload dump --workload b --count 20 --seed 1");
        dump.With(workload, properties, count, seed).Does((parse, cancel) =>
        {
            var options = new RunOptions
            {
                Workload = parse.GetValue(workload) ?? "b",
                Properties = (parse.GetValue(properties) ?? [])
                    .Select(p => p.Split('=', 2))
                    .GroupBy(p => p[0].Trim(), StringComparer.Ordinal)
                    .ToDictionary(g => g.Key, g => g.Last()[1].Trim(), StringComparer.Ordinal),
            };
            var (spec, warnings) = WorkloadChoice.Resolve(options, context.Folder);
            foreach (var warning in warnings)
            {
                context.Error.WriteLine("warning: " + warning);
            }

            foreach (var line in WorkloadDump.Lines(spec, parse.GetValue(seed) ?? 1, parse.GetValue(count) ?? DefaultCount))
            {
                cancel.ThrowIfCancellationRequested();
                context.Out.WriteLine(line);
            }

            return Task.FromResult(ExitCodes.Ok);
        });
        return new Verb("workload", "Looks at workloads.", "harness workload dump --workload b --count 20 --seed 1").With(dump);
    }
}
