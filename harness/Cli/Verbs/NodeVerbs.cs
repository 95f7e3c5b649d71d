using System.CommandLine;
using System.Globalization;
using Testbed.Faults;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>node start|stop|kill|restart</c>: one node of the cluster that is up.</summary>
internal static class NodeVerbs
{
    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context) => new Verb(
        "node", "Acts on one node of the cluster that is up.", "harness node kill 2", "harness node start 2").With(
        Make(context, "node", "start", "Starts a node that is down, on its former address and data.", async (cluster, node, cancel) =>
            await cluster.StartNodeAsync(node, cancel).ConfigureAwait(false)),
        Make(context, "node", "stop", "Ends a node in an orderly way (SIGTERM).", async (cluster, node, cancel) =>
            await cluster.EndAsync(node, orderly: true, cancel).ConfigureAwait(false)),
        Make(context, "node", "kill", "Ends a node at once (SIGKILL).", async (cluster, node, cancel) =>
            await cluster.EndAsync(node, orderly: false, cancel).ConfigureAwait(false)),
        Make(context, "node", "restart", "Kills a node if it runs, and starts it again.", async (cluster, node, cancel) =>
        {
            if (cluster.IsAlive(node))
            {
                await cluster.EndAsync(node, orderly: false, cancel).ConfigureAwait(false);
            }

            return await cluster.StartNodeAsync(node, cancel).ConfigureAwait(false);
        }));

    /// <summary>A verb below <paramref name="parent"/> that acts on the node whose number is given.</summary>
    public static Verb Make(
        CliContext context, string parent, string name, string description,
        Func<DetachedCluster, int, CancellationToken, Task<string>> act)
    {
        var node = new Argument<string>("node") { HelpName = "NODE", Description = "The node's number, such as 2." };
        var state = ClusterVerbs.StateOption();
        return new Verb(name, description, $"harness {parent} {name} 2").With(node).With(state).Does(async (parse, cancel) =>
        {
            var text = parse.GetRequiredValue(node);
            if (!FaultText.TryTarget(text, out var target) || target.Kind != TargetKind.Node)
            {
                throw new UsageException($"'{text}' is not the number of a node, such as 2");
            }

            using var cluster = ClusterVerbs.Require(ClusterVerbs.StatePath(parse.GetValue(state), context));
            var count = cluster.State.Members.Count;
            if (target.Index >= count)
            {
                throw new UsageException(string.Create(
                    CultureInfo.InvariantCulture, $"there is no node {target.Index}; the cluster has 0 to {count - 1}"));
            }

            context.Out.WriteLine(await act(cluster, target.Index, cancel).ConfigureAwait(false));
            return ExitCodes.Ok;
        });
    }
}
