namespace Testbed.Simulator;

/// <summary>The room's face: runs simulations, and makes failing ones small.</summary>
public static class Simulation
{
    /// <summary>
    /// Runs one simulation to its end. Pure: the same options give the same result, bit for bit. Throws
    /// <see cref="ArgumentException"/> for options that make no sense. Whoever runs many hands the same memory
    /// to each.
    /// </summary>
    public static SimulationResult Run(SimulationOptions options, SimulationMemory? memory = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Clients is < 0 or > 4)
        {
            throw new ArgumentException("a simulation has 0 to 4 client processes");
        }

        return new SimCluster(options, memory ?? new SimulationMemory()).Run();
    }

    /// <summary>
    /// Leaves out what a failing simulation does not need: faults first, then clients, then operations. Any
    /// violation counts as the failure. Runs at most so many simulations.
    /// </summary>
    public static SimulationResult Shrink(SimulationResult failing, int mostRuns)
    {
        ArgumentNullException.ThrowIfNull(failing);
        return new Shrinker(failing, mostRuns).Shrink();
    }

    /// <summary>Names of the bugs that can be planted in a strategy's cores.</summary>
    public static IReadOnlyList<string> PlantNames(SimulatedStrategy strategy) => PlantedBugs.Names(strategy);
}
