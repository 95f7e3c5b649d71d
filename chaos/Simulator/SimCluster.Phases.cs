namespace Testbed.Simulator;

/// <summary>The phases of a run.</summary>
internal sealed partial class SimCluster
{
    /// <summary>Timeout of operations that must succeed.</summary>
    public const long PatienceMicros = 10_000_000;

    // After everything healed a cluster may need this long to find a leader, streams and suspects again.
    private const long GraceMicros = 5_000_000;
    private const long ServeMicros = 2_000_000;
    private const long RestLimitMicros = 120_000_000;
    private const long RestStepMicros = 100_000;

    /// <summary>Everything has healed.</summary>
    public bool Healed { get; private set; }

    /// <summary>Logical clients begin operations.</summary>
    public bool Submits { get; private set; } = true;

    /// <summary>Operations that begin from here on must succeed.</summary>
    public long ServingSince { get; private set; } = long.MaxValue;

    private void RunPhases()
    {
        foreach (var node in _nodes)
        {
            node.PlanBoot(1 + Queue.Count);
        }

        foreach (var client in Clients)
        {
            client.Boot();
        }

        _faults.Plan();
        RunUntil(Shape.FaultyMicros);
        Heal();
        RunUntil(Now + GraceMicros);
        BeginAgain();
        if (IsLost())
        {
            // It must not serve a guess: what was answered before is in the history, and nothing else is due.
            RunUntil(Now + ServeMicros);
            if (Shape.Strategy == SimulatedStrategy.Raft)
            {
                return;
            }

            GiveUp();
        }

        Serve();
        Rest();
        Checks.AtRest();
        ReadAll();
    }

    private void BeginAgain()
    {
        if (Checks is not RaftChecks raft || !raft.IsUnborn())
        {
            return;
        }

        Note("unborn", "the cluster was founded by too few: all nodes start again");
        foreach (var node in _nodes)
        {
            node.Die(power: false);
            node.PlanBoot(Now + 1);
        }

        RunUntil(Now + GraceMicros);
    }

    private void RunUntil(long time)
    {
        Queue.Add(time, EventKind.Phase, 0);
        while (Now < time)
        {
            Step();
        }
    }

    private void Heal()
    {
        Note("heals", "everything heals");
        _faults.EndAll();
        Healed = true;
        foreach (var node in _nodes)
        {
            node.Disk.Restore();
            node.Resume();
            node.Boot();
        }

        foreach (var client in Clients)
        {
            client.Resume();
        }
    }

    /// <summary>The cluster must serve every client now, then what is under way ends.</summary>
    private void Serve()
    {
        ServingSince = Now;
        RunUntil(Now + ServeMicros);
        Submits = false;
        var end = Now + PatienceMicros + GraceMicros;
        while (Now < end && _clients.Any(client => client.Busy > 0))
        {
            RunUntil(Now + RestStepMicros);
        }

        foreach (var client in Clients)
        {
            var failure = client.LateFailure
                ?? (client.Busy > 0 ? "an operation never ended"
                    : client.ServedLate == 0 ? "no operation was answered" : null);
            if (failure is not null)
            {
                throw new SimulationViolation(
                    $"the cluster does not serve after everything healed: {failure}; {Checks.Describe()}");
            }
        }
    }

    private void Rest()
    {
        var end = Now + RestLimitMicros;
        while (!Checks.IsAtRest())
        {
            if (Now >= end)
            {
                throw new SimulationViolation($"the nodes do not come to rest alike: {Checks.Describe()}");
            }

            RunUntil(Now + RestStepMicros);
        }
    }

    /// <summary>A client that was not there before reads every key.</summary>
    private void ReadAll()
    {
        var reader = _clients[^1];
        reader.Boot();
        RunUntil(Now + 1_000_000);
        for (var key = 0; key < Shape.Keys; key++)
        {
            var answered = reader.ServedLate;
            reader.Read(key, PatienceMicros);
            var end = Now + PatienceMicros + 1_000_000;
            while (Now < end && reader.Busy > 0)
            {
                Step();
            }

            if (reader.ServedLate == answered)
            {
                throw new SimulationViolation($"key {key} cannot be read in the end: {reader.LateFailure}");
            }
        }
    }
}
