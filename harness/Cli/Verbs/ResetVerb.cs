using Testbed.Harness.Clusters;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>cluster reset</c>: gives up the data of an ECC cluster that is LOST.</summary>
internal static class ResetVerb
{
    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context)
    {
        var yes = Values.Flag("--yes", "Confirms that all data of the cluster are given up.");
        var state = ClusterVerbs.StateOption();
        var nodes = Values.Text("--nodes", "host:port,...", "Addresses of all nodes, instead of a state file.");
        return new Verb(
            "reset",
            "Gives up all data of an ecc cluster that says it is LOST: it serves again, empty. "
            + "Exit code 4 when it does not say so.",
            "harness cluster reset --yes",
            "harness cluster reset --yes --nodes 10.0.0.1:7000,10.0.0.2:7000,10.0.0.3:7000")
            .With(yes, state, nodes).Does(async (parse, cancel) =>
            {
                var addresses = parse.GetValue(nodes) is { } given
                    ? ClusterTarget.Addresses(given)
                    : OfState(ClusterVerbs.StatePath(parse.GetValue(state), context));
                if (!parse.GetValue(yes))
                {
                    throw new UsageException(
                        "cluster reset gives up all data of the cluster; add --yes if that is meant");
                }

                context.Out.WriteLine(await ClusterReset.RunAsync(addresses, cancel).ConfigureAwait(false));
                return ExitCodes.Ok;
            });
    }

    private static IReadOnlyList<string> OfState(string path)
    {
        using var cluster = ClusterVerbs.Require(path);
        return cluster.State.Strategy == "ecc"
            ? [.. cluster.State.Members.Select(m => m.Address)]
            : throw ClusterReset.NotForRaft();
    }
}
