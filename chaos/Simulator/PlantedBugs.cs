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

    /// <summary>Names that <see cref="Parse"/> takes for a strategy.</summary>
    public static IReadOnlyList<string> Names(SimulatedStrategy strategy) => strategy == SimulatedStrategy.Raft
        ? [.. Enum.GetNames<RaftMutants>().Where(name => name != nameof(RaftMutants.None))]
        : [.. Enum.GetNames<EccMutants>().Where(name => name != nameof(EccMutants.None))];

    /// <summary>The switches of a name; throws <see cref="ArgumentException"/> with the names there are.</summary>
    public static PlantedBugs Parse(SimulatedStrategy strategy, string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            return None;
        }

        if (strategy == SimulatedStrategy.Raft && Enum.TryParse<RaftMutants>(name, out var raft))
        {
            return new PlantedBugs { Raft = raft };
        }

        if (strategy == SimulatedStrategy.Ecc && Enum.TryParse<EccMutants>(name, out var ecc))
        {
            return new PlantedBugs { Ecc = ecc };
        }

        throw new ArgumentException(
            $"'{name}' is not a planted bug of this strategy: {string.Join(", ", Names(strategy))}");
    }
}
