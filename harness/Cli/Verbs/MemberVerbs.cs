using Testbed.Harness.Clusters.Processes;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>cluster add|remove|replace|transfer</c>: the members of the cluster that is up.</summary>
internal static class MemberVerbs
{
    /// <summary>Adds a node.</summary>
    public static Verb Add(CliContext context) => Make(
        "add", "Starts one more node and lets it join: it learns first, and votes once it has caught up. Raft only.",
        "harness cluster add", context, async (cluster, progress, cancel) =>
        {
            RequireRaft(cluster, "add");
            return await cluster.AddNodeAsync(progress, cancel).ConfigureAwait(false);
        });

    /// <summary>Removes a node.</summary>
    public static Verb Remove(CliContext context) => NodeVerbs.Make(context, "cluster",
        "remove", "Takes a node out of the cluster and ends it. Raft only.", async (cluster, node, cancel) =>
        {
            RequireRaft(cluster, "remove");
            return await cluster.RemoveNodeAsync(node, cancel).ConfigureAwait(false);
        });

    /// <summary>Replaces a node.</summary>
    public static Verb Replace(CliContext context) => NodeVerbs.Make(context, "cluster",
        "replace", "Kills a node, removes its data and starts it empty: it comes back as a new member.",
        async (cluster, node, cancel) => await cluster.ReplaceNodeAsync(node, cancel).ConfigureAwait(false));

    /// <summary>Hands over the leadership.</summary>
    public static Verb Transfer(CliContext context) => NodeVerbs.Make(context, "cluster",
        "transfer", "Hands the leadership to a node. Raft only.", async (cluster, node, cancel) =>
        {
            RequireRaft(cluster, "transfer");
            using var changes = cluster.Members();
            return await changes.TransferAsync(node, cancel).ConfigureAwait(false);
        });

    private static void RequireRaft(DetachedCluster cluster, string verb)
    {
        if (cluster.State.Strategy != "raft")
        {
            throw new UsageException(verb == "transfer"
                ? "no node of an ecc cluster leads"
                : "the nodes of an ecc cluster are fixed; 'cluster replace' gives one a new start");
        }
    }

    private static Verb Make(
        string name, string description, string example, CliContext context,
        Func<DetachedCluster, Action<string>, CancellationToken, Task<string>> act)
    {
        var state = ClusterVerbs.StateOption();
        return new Verb(name, description, example).With(state).Does(async (parse, cancel) =>
        {
            using var cluster = ClusterVerbs.Require(ClusterVerbs.StatePath(parse.GetValue(state), context));
            context.Out.WriteLine(await act(cluster, context.Out.WriteLine, cancel).ConfigureAwait(false));
            return ExitCodes.Ok;
        });
    }
}
