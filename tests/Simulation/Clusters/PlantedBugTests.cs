using Testbed.Faults;
using Testbed.Simulator;

namespace Testbed.Tests.Simulation.Clusters;

public sealed class PlantedBugTests(ITestOutputHelper output)
{
    private const ulong MostSeeds = 1_000;

    /// <summary>Every bug that can be planted: a new one is in the table without being asked.</summary>
    public static TheoryData<string, string> Bugs()
    {
        var bugs = new TheoryData<string, string>();
        foreach (var strategy in Enum.GetValues<SimulatedStrategy>())
        {
            foreach (var name in Testbed.Simulator.Simulation.PlantNames(strategy))
            {
                bugs.Add(strategy.ToString(), name);
            }
        }

        return bugs;
    }

    [Theory]
    [MemberData(nameof(Bugs))]
    public void A_planted_bug_is_found(string strategy, string bug)
    {
        var options = new SimulationOptions
        {
            Strategy = Enum.Parse<SimulatedStrategy>(strategy), Seed = 1, Plant = bug,
        };
        for (var seed = 1UL; seed <= MostSeeds; seed++)
        {
            if (Testbed.Simulator.Simulation.Run(options with { Seed = seed }).Violation is { } violation)
            {
                output.WriteLine($"{strategy} {bug}: seed {seed}: {violation}");

                // The bug was found, not something else.
                Assert.Null(Testbed.Simulator.Simulation.Run(options with { Seed = seed, Plant = null }).Violation);
                return;
            }
        }

        Assert.Fail($"{bug} survives {MostSeeds} seeds");
    }

    [Fact]
    public void A_violation_shrinks_to_one_that_replays()
    {
        var failing = Testbed.Simulator.Simulation.Run(new SimulationOptions
        {
            Strategy = SimulatedStrategy.Ecc, Seed = 2, Plant = "CompleteAtQuorumAtAnyWidth",
        });
        Assert.NotNull(failing.Violation);
        var smallest = Testbed.Simulator.Simulation.Shrink(failing, 60);
        output.WriteLine($"{failing.Faults.Count} faults before, {smallest.Faults.Count} after: {smallest.Violation}");
        Assert.True(smallest.Faults.Count <= failing.Faults.Count);
        Assert.NotNull(smallest.Violation);
        Assert.Equal(smallest.TraceHash, Testbed.Simulator.Simulation.Run(smallest.Options).TraceHash);
    }

    [Fact]
    public void A_plan_for_real_clusters_acts_here_too()
    {
        var plan = FaultPlanCompiler.Compile(
            new FaultRequest { Faults = ["kill:leader@1s for 500ms", "pause:n1@2s for 300ms", "partition:n0@3s for 1s"] },
            new FaultLimits
            {
                Strategy = "raft", Nodes = 3, Tolerance = 1, DurationNanos = 5_000_000_000, ClusterName = "raft",
            },
            seed: 7);
        var lines = new List<string>();
        var result = Testbed.Simulator.Simulation.Run(new SimulationOptions
        {
            Strategy = SimulatedStrategy.Raft, Seed = 1, Plan = plan, Trace = lines.Add,
        });
        Assert.Null(result.Violation);
        Assert.Equal(["Kill", "Pause", "Partition"], result.Faults.Select(f => f.Text.Split(' ', ':')[1]));
        Assert.Contains(lines, line => line.Contains("fault 1 Kill:leader", StringComparison.Ordinal));
    }
}
