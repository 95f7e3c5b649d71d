using System.Diagnostics;
using System.Globalization;
using Testbed.Client;
using Testbed.Injectors;

namespace Testbed.Harness.Clusters;

/// <summary>
/// Changes the members of a Raft cluster and waits until the change is in force: whoever leads is asked, again
/// after every refusal that passes. Throws <see cref="NodeControlException"/> with one line where it cannot be done.
/// </summary>
/// <param name="addresses">host:port of every node, asked anew for each try.</param>
internal sealed class MemberChanges(Func<IReadOnlyList<string>> addresses) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(25);

    private readonly Dictionary<string, NodeProbe> _probes = new(StringComparer.Ordinal);

    /// <summary>
    /// Lets a node join: a learner first, that votes once it has caught up. <paramref name="start"/> starts its
    /// process when the cluster expects it.
    /// </summary>
    public async Task<string> AddAsync(
        int node, string address, Func<CancellationToken, Task> start, Action<string> progress, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        await AskAsync(MembersChange.AddLearner, node, address, cancel).ConfigureAwait(false);
        progress(Invariant($"n{node} may join"));
        await start(cancel).ConfigureAwait(false);
        await UntilAsync(s => IncarnationIn(s, "learners", node) > 0 || IncarnationIn(s, "voters", node) > 0,
            Invariant($"n{node} did not become a learner"), cancel).ConfigureAwait(false);
        progress(Invariant($"n{node} learns ({Seconds(begun)} s)"));
        await AskAsync(MembersChange.Promote, node, "", cancel).ConfigureAwait(false);
        await UntilAsync(s => IncarnationIn(s, "voters", node) > 0 && IsSettled(s),
            Invariant($"n{node} did not become a voter"), cancel).ConfigureAwait(false);
        return Invariant($"n{node} votes after {Seconds(begun)} s");
    }

    /// <summary>Takes a node out; its process goes on until somebody ends it.</summary>
    public async Task<string> RemoveAsync(int node, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        await AskAsync(MembersChange.Remove, node, "", cancel).ConfigureAwait(false);
        await UntilAsync(s => !IsMember(s, node) && IsSettled(s), Invariant($"n{node} is still a member"), cancel)
            .ConfigureAwait(false);
        return Invariant($"n{node} is no member any more, after {Seconds(begun)} s");
    }

    /// <summary>Hands the leadership to a node.</summary>
    public async Task<string> TransferAsync(int node, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        var before = await LeaderAsync(cancel).ConfigureAwait(false);
        await AskAsync(MembersChange.Transfer, node, "", cancel).ConfigureAwait(false);
        var status = await UntilAsync(
            s => NodeStatus.Text(s, "leader") == Invariant($"n{node}"), Invariant($"n{node} did not take over"), cancel)
            .ConfigureAwait(false);
        return Invariant($"leader {NodeStatus.Text(before, "leader")} in term {NodeStatus.Text(before, "term")}, ")
            + Invariant($"then n{node} in term {NodeStatus.Text(status, "term")} after {Seconds(begun)} s");
    }

    /// <summary>Waits until a later life of the node votes in place of the one known before.</summary>
    public async Task<string> ReplacedAsync(int node, long former, CancellationToken cancel)
    {
        var status = await UntilAsync(s => IncarnationIn(s, "voters", node) > former && IsSettled(s),
            Invariant($"no later life of n{node} votes"), cancel).ConfigureAwait(false);
        return Invariant($"n{node}.{former} replaced by n{node}.{IncarnationIn(status, "voters", node)}");
    }

    /// <summary>The newest life of a node that votes, 0 when none does.</summary>
    public async Task<long> VoterAsync(int node, CancellationToken cancel) =>
        IncarnationIn(await LeaderAsync(cancel).ConfigureAwait(false), "voters", node);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var probe in _probes.Values)
        {
            probe.Dispose();
        }
    }

    /// <summary>The newest incarnation of a node in a list such as <c>n0.1 n2.3</c>; 0 when it is not there.</summary>
    internal static long IncarnationIn(IReadOnlyDictionary<string, string>? status, string list, int node)
    {
        var newest = 0L;
        foreach (var word in NodeStatus.Text(status, list).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var dot = word.IndexOf('.', StringComparison.Ordinal);
            if (dot > 0 && word[..dot] == Invariant($"n{node}")
                && long.TryParse(word[(dot + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var incarnation))
            {
                newest = long.Max(newest, incarnation);
            }
        }

        return newest;
    }

    private static bool IsMember(IReadOnlyDictionary<string, string>? status, int node) =>
        IncarnationIn(status, "voters", node) > 0 || IncarnationIn(status, "voters_outgoing", node) > 0
        || IncarnationIn(status, "learners", node) > 0;

    private static bool IsSettled(IReadOnlyDictionary<string, string>? status) =>
        NodeStatus.Text(status, "membership_changing") == "0" && NodeStatus.Text(status, "voters_outgoing").Length == 0;

    private async Task AskAsync(MembersChange change, int node, string address, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        var last = "no node answers";
        while (Stopwatch.GetElapsedTime(begun) < Patience)
        {
            foreach (var at in addresses())
            {
                var answer = await Probe(at).ChangeMembersAsync(change, node, address, cancel).ConfigureAwait(false);
                if (answer.Outcome == MembersOutcome.Agreed)
                {
                    return;
                }

                if (answer.Outcome == MembersOutcome.Refused)
                {
                    throw new NodeControlException(answer.Text);
                }

                last = answer.Outcome == MembersOutcome.AskLater ? answer.Text : last;
            }

            await Task.Delay(Poll, cancel).ConfigureAwait(false);
        }

        throw new NodeControlException($"given up after {Patience.TotalSeconds:F0} s: {last}");
    }

    /// <summary>The status of whoever leads, once the condition holds.</summary>
    private async Task<IReadOnlyDictionary<string, string>> UntilAsync(
        Func<IReadOnlyDictionary<string, string>, bool> condition, string failure, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begun) < Patience)
        {
            if (await LeaderAsync(cancel).ConfigureAwait(false) is { } status && condition(status))
            {
                return status;
            }

            await Task.Delay(Poll, cancel).ConfigureAwait(false);
        }

        throw new NodeControlException(Invariant($"{failure} within {Patience.TotalSeconds:F0} s"));
    }

    private async Task<IReadOnlyDictionary<string, string>?> LeaderAsync(CancellationToken cancel)
    {
        var statuses = await Task.WhenAll(addresses().Select(a => Probe(a).StatusAsync(cancel))).ConfigureAwait(false);
        return NodeStatus.Leader(statuses) is { } leader ? statuses[leader] : null;
    }

    private NodeProbe Probe(string address)
    {
        if (!_probes.TryGetValue(address, out var probe))
        {
            _probes[address] = probe = new NodeProbe(address);
        }

        return probe;
    }

    private static string Seconds(long begun) =>
        Stopwatch.GetElapsedTime(begun).TotalSeconds.ToString("F2", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
