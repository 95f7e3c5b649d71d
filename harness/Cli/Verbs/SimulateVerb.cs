using System.Globalization;
using Testbed.Faults;
using Testbed.Harness.Simulate;
using Testbed.Simulator;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>simulate</c>: whole clusters in virtual time, every delay and fault drawn from a seed.</summary>
internal static class SimulateVerb
{
    private const int MostJobs = 256;
    private const int ShrinkRuns = 400;
    private const ulong DefaultSeeds = 1_000;
    private const long PlanNanos = SimulationLimits.LongestPlanMicros * 1_000;

    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context)
    {
        var strategy = Values.Word(
            "--strategy", "both", "Whose cores to run.", "raft", "ecc", "both");
        var seeds = Values.Text("--seeds", "A..B", "Seeds from A to B. [default: 1..1000]");
        var seed = Values.Seed("One seed.");
        var jobs = Values.Number("--jobs", "Simulations at the same time. [default: cores]", 1, MostJobs);
        var faults = Values.Many(
            "--fault", "FAULT", "A fault instead of those the seed draws, such as \"kill:leader@2s for 1s\"; may come many times.");
        var trace = Values.Flag("--trace", "Prints one line per event; needs --seed.");
        var noShrink = Values.Flag("--no-shrink", "Leaves a failing simulation as it is.");
        var keep = Values.Text("--keep-faults", "N,N", "Only these of the seed's faults, or none.");
        var clients = Values.Number("--clients", "Client processes instead of those the seed draws.", 0, 4);
        var operations = Values.Number(
            "--operations", "Most operations of each logical client while faults act.", 0, 1_000_000);
        var plant = Values.Text("--plant", "NAME", "Test only: plants a bug in the cores.");
        plant.Hidden = true;
        var verb = new Verb(
            "simulate",
            "Runs whole clusters in virtual time under faults drawn from seeds, and checks them; exit code 0 clean, 2 a violation.",
            "harness simulate --strategy raft --seeds 1..10000",
            "harness simulate --strategy ecc --seed 17 --trace");
        return verb
            .With("What to run", strategy, seeds, seed, jobs, faults)
            .With("To look into one", trace, noShrink, keep, clients, operations, plant)
            .Does((parse, cancel) =>
            {
                var (first, last) = Range(parse.GetValue(seeds), parse.GetValue(seed));
                var strategies = Strategies(parse.GetValue(strategy) ?? "both");
                var texts = parse.GetValue(faults) ?? [];
                var traces = parse.GetValue(trace);
                if (traces && first != last)
                {
                    throw new UsageException("--trace needs one seed: add --seed N");
                }

                CheckPlant(parse.GetValue(plant), strategies);
                var options = new SimulateOptions
                {
                    Strategies = strategies,
                    FirstSeed = first,
                    LastSeed = last,
                    Jobs = Jobs(parse.GetValue(jobs), first, last),
                    Trace = traces,
                    ShrinkRuns = parse.GetValue(noShrink) ? 0 : ShrinkRuns,
                    FaultTexts = texts,
                    Common = new SimulationOptions
                    {
                        Strategy = strategies[0],
                        Seed = first,
                        KeepFaults = Kept(parse.GetValue(keep)),
                        Clients = parse.GetValue(clients),
                        Operations = parse.GetValue(operations),
                        Plan = texts.Length == 0 ? null : Plan(texts, first, strategies),
                        Plant = parse.GetValue(plant),
                        Trace = traces ? context.Out.WriteLine : null,
                    },
                };
                return Task.FromResult(SimulateCommand.Execute(options, context, cancel));
            });
    }

    private static int Jobs(int? asked, ulong first, ulong last)
    {
        var jobs = asked ?? Math.Min(MostJobs, Environment.ProcessorCount);
        return last - first < (ulong)jobs ? (int)(last - first) + 1 : jobs;
    }

    private static (ulong First, ulong Last) Range(string? seeds, ulong? seed)
    {
        if (seed is { } one)
        {
            return seeds is null ? (one, one) : throw new UsageException("--seed and --seeds exclude each other");
        }

        if (seeds is null)
        {
            return (1, DefaultSeeds);
        }

        var words = seeds.Split("..");
        return words.Length == 2
            && ulong.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
            && ulong.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            && first <= last
            ? (first, last)
            : throw new UsageException($"--seeds: '{seeds}' is not a range such as 1..10000");
    }

    private static IReadOnlyList<SimulatedStrategy> Strategies(string word) => word switch
    {
        "raft" => [SimulatedStrategy.Raft],
        "ecc" => [SimulatedStrategy.Ecc],
        _ => [SimulatedStrategy.Raft, SimulatedStrategy.Ecc],
    };

    private static List<int>? Kept(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var kept = new List<int>();
        foreach (var word in text == "none" ? [] : text.Split(','))
        {
            kept.Add(int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new UsageException($"--keep-faults: '{text}' is not a list such as 1,4,9, or none"));
        }

        return kept;
    }

    // The seed draws the cluster's size, so the plan is made for the smallest one there is: n0 to n2.
    private static FaultPlan Plan(string[] texts, ulong seed, IReadOnlyList<SimulatedStrategy> strategies) =>
        FaultPlanCompiler.Compile(
            new FaultRequest { Faults = texts },
            new FaultLimits
            {
                Strategy = strategies is [SimulatedStrategy.Raft] ? "raft" : "ecc",
                Nodes = 3,
                Tolerance = 1,
                DurationNanos = PlanNanos,
                AllowOutage = true,
                ClusterName = "a simulated cluster",
            },
            seed);

    private static void CheckPlant(string? plant, IReadOnlyList<SimulatedStrategy> strategies)
    {
        foreach (var strategy in strategies)
        {
            if (plant is not null && !Simulation.PlantNames(strategy).Contains(plant))
            {
                throw new UsageException($"--plant: '{plant}' is not one of {string.Join(", ", Simulation.PlantNames(strategy))}");
            }
        }
    }
}
