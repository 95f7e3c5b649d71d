using System.Globalization;

namespace Testbed.Harness.Clusters.Links;

/// <summary>One link as the proxy is told of it.</summary>
/// <param name="From">Who dials.</param>
/// <param name="To">Who is dialled.</param>
/// <param name="Listen">IP:port the proxy listens on.</param>
/// <param name="Target">IP:port where the dialled one really listens.</param>
internal sealed record PlannedLink(string From, string To, string Listen, string Target);

/// <summary>
/// Who dials whom through the link proxy: one listener per ordered pair of nodes and one per node for the
/// client. Clusters of processes and of containers differ only in the addresses.
/// </summary>
internal sealed class LinkPlan
{
    /// <summary>Name of the client, of which there is one.</summary>
    public const string Client = "client";

    private readonly string[][] _views;

    /// <summary>Plans the links.</summary>
    /// <param name="nodes">IP:port of every node as the proxy reaches it.</param>
    /// <param name="listenAt">
    /// IP:port of the proxy's listener with a number from 0 to <see cref="CountFor"/> - 1, reachable by nodes
    /// and client.
    /// </param>
    public LinkPlan(IReadOnlyList<string> nodes, Func<int, string> listenAt)
    {
        var links = new List<PlannedLink>(CountFor(nodes.Count));
        _views = [.. nodes.Select(_ => nodes.ToArray())];
        var client = new string[nodes.Count];
        for (var to = 0; to < nodes.Count; to++)
        {
            client[to] = Add(Client, to);
            for (var from = 0; from < nodes.Count; from++)
            {
                if (from != to)
                {
                    _views[from][to] = Add(NodeName(from), to);
                }
            }
        }

        Links = links;
        ClientView = client;

        string Add(string from, int to)
        {
            var listen = listenAt(links.Count);
            links.Add(new PlannedLink(from, NodeName(to), listen, nodes[to]));
            return listen;
        }
    }

    /// <summary>The links.</summary>
    public IReadOnlyList<PlannedLink> Links { get; }

    /// <summary>What the client dials, in node order: a cluster's <see cref="ICluster.Addresses"/>.</summary>
    public IReadOnlyList<string> ClientView { get; }

    /// <summary>Number of nodes.</summary>
    public int Nodes => _views.Length;

    /// <summary>
    /// A node's own view, for its <c>--nodes</c>: the listeners it dials, and its real address as its own.
    /// </summary>
    public IReadOnlyList<string> NodeView(int node) => _views[node];

    /// <summary>How many listeners a cluster needs.</summary>
    public static int CountFor(int nodes) => nodes * nodes;

    /// <summary>The name of a node in rules and counters.</summary>
    public static string NodeName(int node) => string.Create(CultureInfo.InvariantCulture, $"n{node}");

    /// <summary>Arguments of <c>testbed-linkd</c>.</summary>
    /// <param name="control">IP:port where it takes commands.</param>
    /// <param name="exitWithParent">True: it ends when its standard input ends.</param>
    public IReadOnlyList<string> Arguments(string control, bool exitWithParent)
    {
        var words = new List<string> { "--control", control };
        if (exitWithParent)
        {
            words.Add("--exit-with-parent");
        }

        foreach (var link in Links)
        {
            words.Add("--link");
            words.Add($"{link.From}>{link.To}={link.Listen}={link.Target}");
        }

        return words;
    }
}
