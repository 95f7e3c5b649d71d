using Testbed.Checker;

namespace Testbed.Simulator;

/// <summary>How many nodes may be empty at once, and what follows when there were more.</summary>
internal sealed partial class SimCluster
{
    /// <summary>More nodes were empty at once than the code tolerates: data may be gone, which must show.</summary>
    public bool MayBeLost { get; private set; }

    /// <summary>
    /// Whether a fault may act that takes away memories: as long as no more than the tolerated nodes are empty
    /// together, or when the seed may lose everything.
    /// </summary>
    public bool MayForget(SimFaultKind kind, int node)
    {
        var forgets = kind == SimFaultKind.Wipe
            || (Shape.Volatile && kind is SimFaultKind.Kill or SimFaultKind.Stop or SimFaultKind.KillOfAll);
        if (!forgets)
        {
            return true;
        }

        if (Checks is RaftChecks raft)
        {
            return MayForget(raft, node, kind == SimFaultKind.KillOfAll);
        }

        var all = kind == SimFaultKind.KillOfAll;
        var empty = 0;
        foreach (var other in _nodes)
        {
            empty += all || other.Index == node || other.HasForgotten ? 1 : 0;
        }

        var within = empty <= Shape.Tolerated;
        MayBeLost |= !within && Shape.MayLose;
        return within || Shape.MayLose;
    }

    /// <summary>
    /// Instant since which operations count for what the nodes must hold: 0, or when a cluster that was given up
    /// began anew; the end of time in between.
    /// </summary>
    public long CountsSince { get; private set; }

    /// <summary>Instant at which the operator gave up what the cluster held; 0: never.</summary>
    private long GivenUpAt { get; set; }

    /// <summary>
    /// The operator resets every node, one a while after the other, while clients go on; all must then found the
    /// cluster anew. What comes late from before must do no harm.
    /// </summary>
    private void GiveUp()
    {
        Note("given_up", "the operator resets all nodes");
        var random = SimRandom.For(Shape.Seed, Concern.Memory, 1);
        (GivenUpAt, CountsSince) = (NextInstant(), long.MaxValue);
        foreach (var node in _nodes)
        {
            node.Deliver(new SimInput { Kind = SimInputKind.GivenUp });
            RunUntil(Now + 1 + random.Below(1L << (int)random.Below(15)));
        }

        var end = Now + PatienceMicros;
        while (!_nodes.All(node => node.IsGivenUp && node.Ecc!.Readiness.IsReady))
        {
            if (Now >= end)
            {
                throw new SimulationViolation($"the cluster was reset and is not founded anew: {Checks.Describe()}");
            }

            RunUntil(Now + (RestStepMicros / 100));
        }

        CountsSince = NextInstant();
        RunUntil(Now + GraceMicros);
    }

    /// <summary>
    /// What must be linearizable: the whole; where the cluster began anew, what was answered before and what was begun
    /// after it, each with the writes of before whose end is open.
    /// </summary>
    private IEnumerable<List<HistoryOperation>> Histories()
    {
        if (GivenUpAt == 0)
        {
            return [History];
        }

        var before = new List<HistoryOperation>();
        var after = new List<HistoryOperation>();
        foreach (var operation in History)
        {
            if (operation.InvokeNanos >= CountsSince)
            {
                after.Add(operation);
                continue;
            }

            var isOpen = operation.CompleteNanos >= GivenUpAt || operation.Outcome == HistoryOutcome.Info;
            if (!isOpen)
            {
                before.Add(operation);
            }
            else if (operation.Kind != HistoryKind.Read)
            {
                before.Add(operation with { Outcome = HistoryOutcome.Info });
                after.Add(operation with { Outcome = HistoryOutcome.Info });
            }
        }

        return [before, after];
    }

    private bool MayForget(RaftChecks checks, int node, bool all)
    {
        var survives = checks.Survives(node, all);
        var may = (survives || Shape.MayLose) && !checks.StartsAnew(node, all);
        MayBeLost |= may && !survives;
        return may;
    }

    /// <summary>True when the cluster says that it is LOST, and may be; a Raft cluster says so by its silence.</summary>
    private bool IsLost()
    {
        if (Shape.Strategy == SimulatedStrategy.Raft)
        {
            return MayBeLost;
        }

        var lost = 0;
        foreach (var node in _nodes)
        {
            lost += node.Ecc is { IsLost: true } ? 1 : 0;
        }

        if (lost > 0 && !MayBeLost)
        {
            throw new SimulationViolation($"{lost} nodes say LOST, but never were too many empty; {Checks.Describe()}");
        }

        if (lost > 0)
        {
            Note("lost", "the cluster is LOST, and says so");
        }

        return lost > 0;
    }
}
