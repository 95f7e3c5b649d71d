using Testbed.Faults;

namespace Testbed.Injectors;

/// <summary>
/// Carries out a plan on a cluster: applies each fault at its time, keeps the evidence, undoes it at its
/// time. One object per run. A fault that could not be applied is recorded as such and stops nothing; the run
/// then proves nothing about it.
/// </summary>
/// <param name="plan">What to do.</param>
/// <param name="control">The cluster.</param>
/// <param name="nowNanos">The run's clock.</param>
/// <param name="log">Told of every step.</param>
/// <param name="originNanos">When on the run's clock the measured time began, from which the plan
/// counts.</param>
/// <param name="time">What delays wait on; null for the system's.</param>
public sealed class FaultExecutor(
    FaultPlan plan, INodeControl control, Func<long> nowNanos, IFaultLog log, long originNanos = 0,
    TimeProvider? time = null)
{
    private const long LeaderLimitNanos = 5_000_000_000;
    private static readonly TimeSpan LeaderPoll = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly FaultRandom _random = new(plan.Seed);
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, FaultRecord> _records = [];
    private readonly HashSet<int> _taken = [];

    /// <summary>What became of the faults so far, by id; those whose time has not come are missing.</summary>
    public IReadOnlyList<FaultRecord> Records
    {
        get
        {
            lock (_lock)
            {
                return [.. _records.Values];
            }
        }
    }

    /// <summary>
    /// Runs the plan to its end. Cancelling leaves what is in force; call <see cref="HealAllAsync"/>
    /// afterwards in any case.
    /// </summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        // Faults run beside each other: a slow restart must not delay the next fault.
        await Task.WhenAll(plan.Faults.Select(f => RunOneAsync(f, cancel))).ConfigureAwait(false);
    }

    /// <summary>
    /// Undoes what is still in force, all at once; call it after <see cref="RunAsync"/> has ended.
    /// </summary>
    public async Task HealAllAsync(CancellationToken cancel)
    {
        var open = Records.Where(r => r.State is FaultState.Applied or FaultState.NotHealed).ToList();
        var now = nowNanos();
        await Task.WhenAll(open.Select(r => HealAsync(
            r with { HealRequestedNanos = r.HealRequestedNanos ?? now }, cancel))).ConfigureAwait(false);
    }

    private async Task RunOneAsync(PlannedFault fault, CancellationToken cancel)
    {
        await WaitUntilAsync(originNanos + fault.AtNanos, cancel).ConfigureAwait(false);
        var record = new FaultRecord
        {
            Fault = fault,
            State = FaultState.Requested,
            RequestedNanos = originNanos + fault.AtNanos,
            HealRequestedNanos = originNanos + fault.HealAtNanos,
        };
        Update(record);
        record = await ApplyAsync(record, cancel).ConfigureAwait(false);
        if (record.State != FaultState.Applied || fault.HealAtNanos is not { } heal)
        {
            return;
        }

        await WaitUntilAsync(originNanos + heal, cancel).ConfigureAwait(false);
        // A restart is undone as soon as it is done, whenever that is.
        var wanted = Math.Max(originNanos + heal, record.ObservedNanos ?? 0);
        await HealAsync(record with { HealRequestedNanos = wanted }, cancel).ConfigureAwait(false);
    }

    private async Task<FaultRecord> ApplyAsync(FaultRecord record, CancellationToken cancel)
    {
        try
        {
            var node = await ResolveAsync(record.Fault.Target, cancel).ConfigureAwait(false);
            record = record with { Node = node, AppliedNanos = nowNanos() };
            // Not cancelled half-way: a signal that was sent without its evidence would be a fault nobody
            // knows of. The cluster bounds each of these itself.
            var evidence = await (record.Fault.Kind switch
            {
                FaultKind.Kill => control.KillAsync(node, CancellationToken.None),
                FaultKind.Stop or FaultKind.Restart => control.StopAsync(node, CancellationToken.None),
                FaultKind.Pause => control.PauseAsync(node, CancellationToken.None),
                _ => control.InflictAsync(record.Fault, node, CancellationToken.None),
            }).ConfigureAwait(false);
            var observed = nowNanos();
            record = record with
            {
                State = FaultState.Applied,
                // Memory and disk take a while to run out; until then nothing has happened to the node.
                AppliedNanos = FaultKinds.RunsOut(record.Fault.Kind) ? observed : record.AppliedNanos,
                ObservedNanos = observed,
                Evidence = evidence,
            };
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            Free(record.Node);
            record = record with { State = FaultState.NotApplied, AppliedNanos = null, Evidence = e.Message };
        }

        Update(record);
        return record;
    }

    private async Task HealAsync(FaultRecord record, CancellationToken cancel)
    {
        var node = record.Node ?? throw new InvalidOperationException("a fault in force has a node");
        try
        {
            var evidence = await (record.Fault.Kind switch
            {
                FaultKind.Kill or FaultKind.Stop or FaultKind.Restart => control.StartAsync(node, cancel),
                FaultKind.Pause => control.ResumeAsync(node, cancel),
                _ => control.RelieveAsync(record.Fault, node, cancel),
            }).ConfigureAwait(false);
            record = record with { State = FaultState.Healed, HealedNanos = nowNanos(), HealEvidence = evidence };
            Free(node);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            record = record with { State = FaultState.NotHealed, HealEvidence = e.Message };
        }

        Update(record);
    }

    /// <summary>The node a target means now, reserved for this fault.</summary>
    private async Task<int> ResolveAsync(FaultTarget target, CancellationToken cancel)
    {
        if (target.Kind == TargetKind.Node)
        {
            return Take([target.Index]) ?? throw new NodeControlException($"{target} is already under another fault");
        }

        // After a leader was taken away it takes an election until there is one again.
        var limit = nowNanos() + LeaderLimitNanos;
        while (true)
        {
            if (await control.LeaderAsync(cancel).ConfigureAwait(false) is { } leader)
            {
                int[] candidates = target.Kind == TargetKind.Leader
                    ? [leader]
                    : [.. Enumerable.Range(0, control.Count).Where(n => n != leader)];
                if (Take(candidates) is { } node)
                {
                    return node;
                }
            }

            if (nowNanos() >= limit)
            {
                throw new NodeControlException($"no {target} was found within 5 s");
            }

            await Task.Delay(LeaderPoll, _time, cancel).ConfigureAwait(false);
        }
    }

    private int? Take(int[] candidates)
    {
        lock (_lock)
        {
            int[] free = [.. candidates.Where(n => !_taken.Contains(n))];
            if (free.Length == 0)
            {
                return null;
            }

            var node = free[_random.Below(free.Length)];
            _taken.Add(node);
            return node;
        }
    }

    private void Free(int? node)
    {
        lock (_lock)
        {
            if (node is { } taken)
            {
                _taken.Remove(taken);
            }
        }
    }

    private void Update(FaultRecord record)
    {
        lock (_lock)
        {
            _records[record.Fault.Id] = record;
            log.Updated(record);
        }
    }

    private async Task WaitUntilAsync(long atNanos, CancellationToken cancel)
    {
        // In steps: one long delay would drift away from the run's clock.
        for (var left = atNanos - nowNanos(); left > 0; left = atNanos - nowNanos())
        {
            var delay = TimeSpan.FromTicks(Math.Max(TimeSpan.TicksPerMillisecond, (left + 99) / 100));
            await Task.Delay(delay < LongestDelay ? delay : LongestDelay, _time, cancel).ConfigureAwait(false);
        }
    }
}
