namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>run</c>: one run.</summary>
internal static class RunVerb
{
    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context)
    {
        var set = new RunOptionSet();
        var verb = new Verb(
            "run",
            "Starts a cluster, loads it, drives a workload, applies faults, checks the history, and leaves a run folder.",
            "harness run --strategy ecc --workload b --kill 2",
            "harness run --strategy raft --workload a --rate 5000 --kill 1 --kill-role leader --duration 60s",
            "harness run --workload a --rate max --clients 256 --duration 20s --max-read-p99 5ms",
            "harness run --strategy raft --fault \"pause:leader@10s for 5s\" --fault \"kill:n2@20s for 5s\"");
        set.AddTo(verb, withStrategy: true);
        return verb.Does(async (parse, cancel) =>
        {
            var options = set.Read(parse, context);
            ResultsRoot.RequireWritable(options.ResultsRoot);
            await using var view = context.CreateView(options.Quiet);
            return await context.Run(options, view, cancel).ConfigureAwait(false);
        });
    }
}
