using Testbed.Faults;

namespace Testbed.Simulator;

/// <summary>Whose cores are simulated.</summary>
public enum SimulatedStrategy : byte
{
    /// <summary>The Raft cluster.</summary>
    Raft = 0,

    /// <summary>The erasure-coded cluster.</summary>
    Ecc = 1,
}

/// <summary>One simulation. The seed decides everything that is not given here.</summary>
public sealed record SimulationOptions
{
    /// <summary>Whose cores are simulated.</summary>
    public required SimulatedStrategy Strategy { get; init; }

    /// <summary>Draws cluster, workload, faults and every delay.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Numbers of the seed's faults that are left in; null: all.</summary>
    public IReadOnlyList<int>? KeepFaults { get; init; }

    /// <summary>Client processes that are left; null: as many as the seed draws.</summary>
    public int? Clients { get; init; }

    /// <summary>Most operations of each logical client while faults act; null: no bound.</summary>
    public int? Operations { get; init; }

    /// <summary>
    /// Faults to act instead of those the seed draws; times count from the start, and the plan must fit
    /// into <see cref="SimulationLimits.LongestPlanMicros"/>.
    /// </summary>
    public FaultPlan? Plan { get; init; }

    /// <summary>Takes one line per event; null: none.</summary>
    public Action<string>? Trace { get; init; }

    /// <summary>
    /// Test only: the name of a planted bug of the strategy, see docs/SIMULATION.md; null: none.
    /// </summary>
    public string? Plant { get; init; }
}

/// <summary>Bounds of a simulation.</summary>
public static class SimulationLimits
{
    /// <summary>Latest undoing of a plan given from outside.</summary>
    public const long LongestPlanMicros = 600_000_000;

    /// <summary>Events after which a simulation is given up as running away.</summary>
    public const long Events = 20_000_000;
}
