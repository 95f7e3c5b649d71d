using System.Diagnostics;
using System.Globalization;
using Testbed.Client;
using Testbed.Harness.Cli;
using Testbed.Injectors;

namespace Testbed.Harness.Clusters;

/// <summary>
/// Has the nodes of an ECC cluster that says it is LOST give up what they hold, and waits until they have founded
/// it anew.
/// </summary>
internal static class ClusterReset
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(25);

    /// <summary>
    /// Returns what was done as one line. Throws <see cref="NodeControlException"/> with one line where the cluster is
    /// not LOST or not all of it can be reset, <see cref="UsageException"/> where it is none that could be.
    /// </summary>
    /// <param name="addresses">host:port of every node.</param>
    /// <param name="cancel">Gives up; nodes that were asked by then stay reset.</param>
    public static async Task<string> RunAsync(IReadOnlyList<string> addresses, CancellationToken cancel)
    {
        NodeProbe[] probes = [.. addresses.Select(a => new NodeProbe(a))];
        try
        {
            var statuses = await AnswersAsync(probes, cancel).ConfigureAwait(false);
            var incarnations = Check(addresses, statuses);
            var begun = Stopwatch.GetTimestamp();
            var failures = await Task.WhenAll(
                probes.Select((p, i) => p.ResetAsync(incarnations[i], cancel))).ConfigureAwait(false);
            var failed = Enumerable.Range(0, probes.Length).Where(i => failures[i] is not null)
                .Select(i => $"{NameOf(statuses[i])}: {failures[i]}").ToList();
            if (failed.Count > 0)
            {
                throw new NodeControlException(Invariant(
                    $"{failed.Count} of {probes.Length} nodes were not reset, ask again; {string.Join("; ", failed)}"));
            }

            await FoundedAsync(probes, begun, cancel).ConfigureAwait(false);
            var took = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            return Invariant($"{probes.Length} nodes gave up what they held; ")
                + Invariant($"the cluster serves again, empty, after {took:F2} s");
        }
        finally
        {
            foreach (var probe in probes)
            {
                probe.Dispose();
            }
        }
    }

    /// <summary>The incarnation of each node to be reset; throws as <see cref="RunAsync"/>.</summary>
    internal static IReadOnlyList<uint> Check(
        IReadOnlyList<string> addresses, IReadOnlyList<IReadOnlyDictionary<string, string>?> statuses)
    {
        for (var i = 0; i < addresses.Count; i++)
        {
            if (statuses[i] is null)
            {
                throw new NodeControlException(
                    $"no node answers at {addresses[i]}: nothing is reset, for that needs every node");
            }
        }

        if (statuses.Any(s => NodeStatus.Text(s, "strategy") != "ecc"))
        {
            throw NotForRaft();
        }

        var names = statuses.Select(NameOf).Distinct(StringComparer.Ordinal).Count();
        if (names != addresses.Count || statuses.Any(s => NodeStatus.Number(s, "nodes") != addresses.Count))
        {
            throw new UsageException(Invariant(
                $"--nodes: {names} nodes answer at {addresses.Count} addresses, the cluster has ")
                + NodeStatus.Text(statuses[0], "nodes"));
        }

        if (statuses.All(s => NodeStatus.Text(s, "standing") != RebuildStatus.Lost))
        {
            throw new NodeControlException("the cluster does not say that it is LOST, so nothing is reset: "
                + Standings(statuses));
        }

        return [.. statuses.Select(s => (uint)(NodeStatus.Number(s, "incarnation") ?? 0))];
    }

    /// <summary>Why a Raft cluster has no reset.</summary>
    internal static UsageException NotForRaft() => new(
        "raft has no reset: its nodes never say for certain that their data are lost; "
        + "to begin anew: cluster down, cluster up");

    /// <summary>What all nodes say; null of those that did not answer within a while.</summary>
    private static async Task<IReadOnlyDictionary<string, string>?[]> AnswersAsync(
        NodeProbe[] probes, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            var statuses = await StatusesAsync(probes, cancel).ConfigureAwait(false);
            if (statuses.All(s => s is not null) || Stopwatch.GetElapsedTime(begun) > AnswerPatience)
            {
                return statuses;
            }

            await Task.Delay(Poll, cancel).ConfigureAwait(false);
        }
    }

    private static async Task FoundedAsync(NodeProbe[] probes, long begun, CancellationToken cancel)
    {
        while (true)
        {
            var statuses = await StatusesAsync(probes, cancel).ConfigureAwait(false);
            if (statuses.All(s => NodeStatus.Text(s, "standing") == "ready"))
            {
                return;
            }

            if (Stopwatch.GetElapsedTime(begun) > Patience)
            {
                throw new NodeControlException(Invariant(
                    $"all nodes were reset, but did not found the cluster anew within {Patience.TotalSeconds:F0} s: ")
                    + Standings(statuses));
            }

            await Task.Delay(Poll, cancel).ConfigureAwait(false);
        }
    }

    private static Task<IReadOnlyDictionary<string, string>?[]> StatusesAsync(
        NodeProbe[] probes, CancellationToken cancel) => Task.WhenAll(probes.Select(p => p.StatusAsync(cancel)));

    private static string Standings(IReadOnlyList<IReadOnlyDictionary<string, string>?> statuses) =>
        string.Join(", ", statuses.Select(s =>
            s is null ? "one does not answer" : $"{NameOf(s)} {NodeStatus.Text(s, "standing")}"));

    private static string NameOf(IReadOnlyDictionary<string, string>? status) => NodeStatus.Text(status, "node");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
