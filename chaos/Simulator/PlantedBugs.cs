using Testbed.Ecc;
using Testbed.Raft;

namespace Testbed.Simulator;

/// <summary>
/// Bugs planted in the cores, to prove that the simulator finds them. The one place where names become
/// switches: the cluster hands <see cref="Raft"/> and <see cref="Ecc"/> to every core it makes.
/// </summary>
internal sealed record PlantedBugs
{
    /// <summary>None.</summary>
    public static PlantedBugs None { get; } = new();

    /// <summary>Switches of Raft's nodes and clients.</summary>
    public RaftMutants Raft { get; private init; }

    /// <summary>Switches of ECC's nodes and clients.</summary>
    public EccMutants Ecc { get; private init; }

    /// <summary>Recovering logs do not look at checksums.</summary>
    public bool AcceptTornTail =>
        ((int)(Raft & RaftMutants.TornTailAccepted) | (int)(Ecc & EccMutants.TornTailAccepted)) != 0;

    /// <summary>Names that <see cref="Parse"/> takes for a strategy.</summary>
    public static IReadOnlyList<string> Names(SimulatedStrategy strategy) => strategy == SimulatedStrategy.Raft
        ? RaftPlants.Names
        : EccPlants.Names;

    /// <summary>The switches of a name; throws <see cref="ArgumentException"/> with the names there are.</summary>
    public static PlantedBugs Parse(SimulatedStrategy strategy, string? name) => strategy == SimulatedStrategy.Raft
        ? new PlantedBugs { Raft = RaftPlants.Parse(name) }
        : new PlantedBugs { Ecc = EccPlants.Parse(name) };
}
