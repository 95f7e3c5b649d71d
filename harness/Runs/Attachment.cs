using System.Globalization;
using Testbed.Harness.Cli;
using Testbed.Harness.Clusters;

namespace Testbed.Harness.Runs;

/// <summary>
/// Finds out what the cluster at the given addresses is. Its nodes know; what the user typed is only
/// compared with what they say.
/// </summary>
internal static class Attachment
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// The options with strategy, code, durability and build as the nodes have them, and the addresses in
    /// node order. Throws <see cref="AttachException"/> when a node does not answer and
    /// <see cref="UsageException"/> when the nodes contradict each other or what was typed; both one line.
    /// </summary>
    public static async Task<RunOptions> ResolveAsync(RunOptions options, CancellationToken cancel)
    {
        using var probe = new GrpcNodeProbe();
        return await ResolveAsync(options, probe, AnswerLimit, cancel).ConfigureAwait(false);
    }

    /// <summary>The same with another way to ask the nodes, for tests.</summary>
    internal static async Task<RunOptions> ResolveAsync(
        RunOptions options, INodeProbe probe, TimeSpan patience, CancellationToken cancel)
    {
        var statuses = await Task.WhenAll(
            options.AttachTo.Select(a => AskAsync(a, probe, patience, cancel))).ConfigureAwait(false);
        var strategy = Agreed(options.AttachTo, statuses, "strategy");
        var durability = Agreed(options.AttachTo, statuses, "durability");
        var build = Agreed(options.AttachTo, statuses, "build");
        var nodes = Number(Agreed(options.AttachTo, statuses, "nodes"));
        var elements = Number(Agreed(options.AttachTo, statuses, "data_elements"));
        if (nodes != options.AttachTo.Count)
        {
            throw new UsageException(string.Create(CultureInfo.InvariantCulture,
                $"--nodes: the cluster has {nodes} nodes, {options.AttachTo.Count} addresses were given"));
        }

        var typed = options.Typed;
        Match("--strategy", typed.Strategy, strategy);
        Match("--durability", typed.Durability, durability);
        if (typed.DataElements is { } k && strategy == "raft")
        {
            throw new UsageException("--code is for an ecc cluster; this one is raft");
        }

        Match("--code: k =", typed.DataElements?.ToString(CultureInfo.InvariantCulture),
            elements.ToString(CultureInfo.InvariantCulture));
        if (typed.Width == "fixed" && strategy == "raft")
        {
            throw new UsageException("--width is for an ecc cluster; this one is raft");
        }

        var reads = NodeStatus.Text(statuses[0], "reads") is { Length: > 0 } said ? said : "index";
        Match("--reads", typed.Reads, reads);
        return options with
        {
            Strategy = strategy,
            Nodes = nodes,
            DataElements = strategy == "raft" ? options.DataElements : elements,
            Width = typed.Width ?? (NodeStatus.Text(statuses[0], "width") is { Length: > 0 } width ? width : "adaptive"),
            Durability = durability,
            Reads = reads,
            NodeBuild = build,
            AttachTo = InNodeOrder(options.AttachTo, statuses),
        };
    }

    private static async Task<IReadOnlyDictionary<string, string>> AskAsync(
        string address, INodeProbe probe, TimeSpan patience, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(patience);
        try
        {
            while (true)
            {
                if (await AskOnceAsync(address, probe, limit.Token).ConfigureAwait(false) is { } status)
                {
                    return status;
                }

                await Task.Delay(Poll, limit.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new AttachException(string.Create(CultureInfo.InvariantCulture,
                $"no testbed node answers at {address} within {patience.TotalSeconds} s; is the cluster up?"));
        }
    }

    private static async Task<IReadOnlyDictionary<string, string>?> AskOnceAsync(
        string address, INodeProbe probe, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(AskLimit);
        try
        {
            return await probe.StatusAsync(address, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    private static string Agreed(IReadOnlyList<string> addresses,
        IReadOnlyList<IReadOnlyDictionary<string, string>> statuses, string name)
    {
        var first = NodeStatus.Text(statuses[0], name);
        for (var i = 1; i < statuses.Count; i++)
        {
            var other = NodeStatus.Text(statuses[i], name);
            if (other != first)
            {
                throw new UsageException($"--nodes: not one cluster: {addresses[0]} says {name} {first}, "
                    + $"{addresses[i]} says {other}");
            }
        }

        return first.Length > 0
            ? first
            : throw new UsageException($"--nodes: {addresses[0]} does not say its {name}; is it a node of this version?");
    }

    private static void Match(string option, string? typed, string actual)
    {
        if (typed is not null && typed != actual)
        {
            throw new UsageException($"{option} {typed}: the cluster says {actual}; leave the option out");
        }
    }

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;

    /// <summary>Nodes refuse clients that take them for another, so each address goes to its own place.</summary>
    private static string[] InNodeOrder(
        IReadOnlyList<string> addresses, IReadOnlyList<IReadOnlyDictionary<string, string>> statuses)
    {
        var ordered = new string?[addresses.Count];
        for (var i = 0; i < addresses.Count; i++)
        {
            var name = NodeStatus.Text(statuses[i], "node");
            var place = Number(name.TrimStart('n'));
            if (place < 0 || place >= ordered.Length)
            {
                throw new UsageException($"--nodes: {addresses[i]} calls itself '{name}'");
            }

            if (ordered[place] is { } other)
            {
                throw new UsageException($"--nodes: {other} and {addresses[i]} are the same node, {name}");
            }

            ordered[place] = addresses[i];
        }

        return [.. ordered.OfType<string>()];
    }
}
