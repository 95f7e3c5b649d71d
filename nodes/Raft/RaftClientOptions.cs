using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// Everything a Raft client is configured with; validated once by <see cref="RaftClientCore"/>.
/// </summary>
public sealed record RaftClientOptions
{
    /// <summary>
    /// Nodes that are known from the start; their ids are 0 to this - 1. Leaders that were added to the cluster are
    /// learnt of.
    /// </summary>
    public required int Nodes { get; init; }

    /// <summary>Seed of the backoff.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Operations outstanding at once; slots are 0 to this - 1.</summary>
    public required int MaxInFlight { get; init; }

    /// <summary>
    /// Without any answer for so long while operations are outstanding, the leader is suspected and others
    /// are asked.
    /// </summary>
    public long SuspicionMicros { get; init; } = 300_000;

    /// <summary>Shortest time between two rounds of asking the nodes who leads.</summary>
    public long SearchMinMicros { get; init; } = 5_000;

    /// <summary>Longest time between two rounds of asking the nodes who leads.</summary>
    public long SearchMaxMicros { get; init; } = 50_000;

    /// <summary>First wait after a Busy; doubled at each further one.</summary>
    public long BusyMinMicros { get; init; } = 1_000;

    /// <summary>Longest wait after a Busy.</summary>
    public long BusyMaxMicros { get; init; } = 64_000;

    /// <summary>Test only: planted bugs.</summary>
    internal RaftMutants Mutants { get; init; }

    /// <summary>Test only: with the bug of this name planted, see docs/SIMULATION.md; null: none.</summary>
    public RaftClientOptions WithPlant(string? name) => this with { Mutants = RaftPlants.Parse(name) };

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Nodes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Nodes, Limits.Nodes);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInFlight, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxInFlight, (1 << 20) - 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(SuspicionMicros, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(SearchMinMicros, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(SearchMaxMicros, SearchMinMicros);
        ArgumentOutOfRangeException.ThrowIfLessThan(BusyMinMicros, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BusyMaxMicros, BusyMinMicros);
    }
}
