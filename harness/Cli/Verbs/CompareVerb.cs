using System.CommandLine;
using Testbed.Harness.Runs;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>compare</c>: finished runs, or runs made now.</summary>
internal static class CompareVerb
{
    private const int MaxRepeat = 100;

    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context)
    {
        var set = new RunOptionSet();
        var sides = new Argument<string[]>("runs")
        {
            HelpName = "BASELINE CANDIDATE",
            Arity = ArgumentArity.ZeroOrMore,
            Description = "Two run folders, or two lists of run folders with commas between.",
        };
        var strategies = Values.Text("--strategies", "A,B", "Makes the runs now, with these two strategies, interleaved.");
        var repeat = Values.Number("--repeat", "Runs per side when they are made now. [default: 1]", 1, MaxRepeat);
        var force = Values.Flag("--force", "Compares even across durability levels, node builds or workloads.");
        var verb = new Verb(
            "compare",
            "Compares two runs, or makes the runs first; prints a table and leaves a page with pictures.",
            "harness compare results/runs/20261123T101500Z-raft-b-kill2-1a2b results/runs/20261123T101700Z-ecc-b-kill2-3c4d",
            "harness compare --strategies raft,ecc --workload b --kill 2 --repeat 3",
            "harness compare --strategies raft,ecc --value-size 128,1KiB,16KiB,256KiB");
        verb.With(sides).With("Comparison", strategies, repeat, force);
        set.AddTo(verb, withStrategy: false);
        return verb.Does(async (parse, cancel) =>
        {
            var options = Read(parse, context, set, parse.GetValue(sides) ?? [], parse.GetValue(strategies)) with
            {
                Argv = context.Argv,
                Repeat = parse.GetValue(repeat) ?? 1,
                Force = parse.GetValue(force),
            };
            if (options.Strategies.Count == 0 && parse.GetResult(repeat) is { Implicit: false })
            {
                throw new UsageException("--repeat is for --strategies; finished runs are compared as they are");
            }

            ResultsRoot.RequireWritable(options.Run.ResultsRoot);
            await using var view = context.CreateView(options.Run.Quiet);
            return await context.Compare(options, view, cancel).ConfigureAwait(false);
        });
    }

    private static CompareOptions Read(
        ParseResult parse, CliContext context, RunOptionSet set, string[] sides, string? strategiesText)
    {
        if (strategiesText is not null)
        {
            var strategies = strategiesText.Split(',');
            if (sides.Length > 0)
            {
                throw new UsageException("give either two runs or --strategies, not both");
            }

            if (strategies.Length != 2 || strategies.Any(s => s is not ("raft" or "ecc")))
            {
                throw new UsageException($"--strategies: '{strategiesText}' is not two of raft and ecc, such as raft,ecc");
            }

            // Both are read, so that what only one of them refuses is said before the first run.
            _ = set.ReadCells(parse, context, strategies[0]);
            return new CompareOptions { Strategies = strategies, Cells = set.ReadCells(parse, context, strategies[1]) };
        }

        if (sides.Length != 2)
        {
            throw new UsageException("compare needs two runs, or --strategies raft,ecc to make them now");
        }

        if (!set.NoneGiven(parse))
        {
            throw new UsageException("options of a run are for --strategies; finished runs are compared as they are");
        }

        return new CompareOptions
        {
            Baseline = sides[0].Split(',', StringSplitOptions.RemoveEmptyEntries),
            Candidate = sides[1].Split(',', StringSplitOptions.RemoveEmptyEntries),
            Cells = [set.Read(parse, context)],
        };
    }
}
