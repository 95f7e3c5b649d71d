using System.Diagnostics;
using Testbed.Faults;
using Testbed.Injectors;

namespace Testbed.Harness.Clusters.Links;

/// <summary>
/// Applies link faults through a link proxy and shows by its counters that they took effect and that they
/// are gone. Faults may overlap: the rules are always the union of those in force. For clusters of any kind;
/// calls may come at the same time.
/// </summary>
/// <param name="control">The proxy.</param>
/// <param name="nodes">Number of nodes.</param>
/// <param name="limits">Times to wait; null for the usual ones.</param>
internal sealed class LinkController(LinkControl control, int nodes, LinkLimits? limits = null) : IDisposable
{
    private readonly LinkLimits _limits = limits ?? new LinkLimits();
    private readonly SortedDictionary<int, IReadOnlyList<LinkPair>> _inForce = [];
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>
    /// Puts a link fault in force and returns once traffic was offered and nothing passed, with figures.
    /// Throws <see cref="NodeControlException"/>, with the fault undone, when that was not seen.
    /// </summary>
    public async Task<string> InflictAsync(PlannedFault fault, int node, CancellationToken cancel)
    {
        var pairs = LinkFaults.PairsOf(fault.Kind, node, nodes);
        try
        {
            await ChangeAsync(() => _inForce.Add(fault.Id, pairs), cancel).ConfigureAwait(false);
            return await WatchAsync(node, pairs, cancel).ConfigureAwait(false);
        }
        catch
        {
            // Its executor will not undo a fault that was not applied.
            await ChangeAsync(() => _inForce.Remove(fault.Id), CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Lifts a link fault and returns once bytes flow again, with figures. Throws
    /// <see cref="NodeControlException"/> when none do.
    /// </summary>
    public async Task<string> RelieveAsync(PlannedFault fault, int node, CancellationToken cancel)
    {
        var pairs = LinkFaults.PairsOf(fault.Kind, node, nodes);
        var before = await CountersAsync(cancel).ConfigureAwait(false);
        IReadOnlyList<LinkPair> free = [];
        await ChangeAsync(
            () =>
            {
                _inForce.Remove(fault.Id);
                free = [.. pairs.Except(_inForce.Values.SelectMany(p => p))];
            },
            cancel).ConfigureAwait(false);
        return free.Count == 0
            ? "lifted; its links stay cut by other faults"
            : await WaitForBytesAsync(node, free, before, cancel).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => control.Dispose();

    private async Task ChangeAsync(Action change, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            change();
            await control.AskAsync(LinkFaults.Command(_inForce.Values), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<LinkCounters> CountersAsync(CancellationToken cancel)
    {
        try
        {
            return LinkCounters.Parse(await control.AskAsync("counters", cancel).ConfigureAwait(false));
        }
        catch (FormatException e)
        {
            throw new NodeControlException("the link proxy's counters were not understood: " + e.Message);
        }
    }

    /// <summary>
    /// Waits for a stretch in which nothing passed while every direction held something back; at the limit
    /// one direction is enough, the others may have had no traffic.
    /// </summary>
    private async Task<string> WatchAsync(int node, IReadOnlyList<LinkPair> pairs, CancellationToken cancel)
    {
        var (towards, from) = Directions(node, pairs);
        var begun = Stopwatch.GetTimestamp();
        var quietFrom = begun;
        long? passed = null;
        while (true)
        {
            var counters = await CountersAsync(cancel).ConfigureAwait(false);
            var (arriving, leaving) = (counters.Sum(towards), counters.Sum(from));
            // What was read before the rule came may still be on its way out: silence is counted from the
            // last byte.
            if (arriving.Bytes + leaving.Bytes is var bytes && bytes != passed)
            {
                passed = bytes;
                quietFrom = Stopwatch.GetTimestamp();
            }

            var quiet = Stopwatch.GetElapsedTime(quietFrom);
            var overdue = Stopwatch.GetElapsedTime(begun) > _limits.Effect;
            var everyDirection = (towards.Count == 0 || arriving.HoldsBack) && (from.Count == 0 || leaving.HoldsBack);
            var some = arriving.HoldsBack || leaving.HoldsBack;
            if (quiet >= _limits.Quiet && (everyDirection || (some && overdue)))
            {
                return LinkEvidence.Cut(node, quiet, arriving, leaving);
            }

            if (overdue)
            {
                throw new NodeControlException(some
                    ? LinkEvidence.StillPassing(node, _limits.Effect)
                    : LinkEvidence.NothingOffered(node, _limits.Effect));
            }

            await Task.Delay(_limits.Poll, cancel).ConfigureAwait(false);
        }
    }

    private async Task<string> WaitForBytesAsync(
        int node, IReadOnlyList<LinkPair> free, LinkCounters before, CancellationToken cancel)
    {
        var (towards, from) = Directions(node, free);
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            var counters = await CountersAsync(cancel).ConfigureAwait(false);
            var took = Stopwatch.GetElapsedTime(begun);
            if (Flow(towards) && Flow(from))
            {
                return LinkEvidence.Mended(node, took, before.Sum(free), towards.Count > 0, from.Count > 0);
            }

            if (took > _limits.Mend)
            {
                throw new NodeControlException(LinkEvidence.StillSilent(node, _limits.Mend));
            }

            await Task.Delay(_limits.Poll, cancel).ConfigureAwait(false);

            bool Flow(IReadOnlyList<LinkPair> pairs) =>
                pairs.Count == 0 || counters.Sum(pairs).Bytes > before.Sum(pairs).Bytes;
        }
    }

    private static (IReadOnlyList<LinkPair> Towards, IReadOnlyList<LinkPair> From) Directions(
        int node, IReadOnlyList<LinkPair> pairs)
    {
        var name = LinkPlan.NodeName(node);
        return ([.. pairs.Where(p => p.Sink == name)], [.. pairs.Where(p => p.Source == name)]);
    }
}

/// <summary>How long evidence is waited for.</summary>
internal sealed record LinkLimits
{
    /// <summary>Between two looks at the counters.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Silence that counts as a cut.</summary>
    public TimeSpan Quiet { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// Longest wait for a cut to show. Streams ping at least every second, so there is always traffic.
    /// </summary>
    public TimeSpan Effect { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Longest wait for bytes after a link was mended.</summary>
    public TimeSpan Mend { get; init; } = TimeSpan.FromSeconds(10);
}
