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
