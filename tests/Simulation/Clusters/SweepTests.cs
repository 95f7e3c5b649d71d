using System.Collections.Concurrent;
using System.Globalization;
using Testbed.Simulator;

namespace Testbed.Tests.Simulation.Clusters;

/// <summary>
/// Whole clusters in virtual time. TESTBED_SIMULATION_SEEDS makes the sweep longer, TESTBED_SIMULATION_FIRST
/// begins it elsewhere; <c>harness simulate</c> does the same without tests.
/// </summary>
public sealed class SweepTests(ITestOutputHelper output)
{
    private const ulong UsualSeeds = 500;

    [Theory]
    [InlineData((int)SimulatedStrategy.Raft)]
    [InlineData((int)SimulatedStrategy.Ecc)]
    public void Clusters_under_faults_violate_nothing_and_recover(int strategy)
    {
        var first = Number("TESTBED_SIMULATION_FIRST") ?? 1;
        var count = Number("TESTBED_SIMULATION_SEEDS") ?? UsualSeeds;
        output.WriteLine($"{(SimulatedStrategy)strategy}: seeds {first} to {first + count - 1}");
        var coverage = new ConcurrentDictionary<string, long>(StringComparer.Ordinal);
        var failures = new ConcurrentQueue<string>();
        long answered = 0;
        Parallel.For((long)first, (long)(first + count), seed =>
        {
            var result = Testbed.Simulator.Simulation.Run(new SimulationOptions
            {
                Strategy = (SimulatedStrategy)strategy, Seed = (ulong)seed,
            });
            if (result.Violation is { } violation)
            {
                failures.Enqueue($"seed {seed}: {violation} ({result.Description})");
            }

            Interlocked.Add(ref answered, result.Operations.Ok);
            foreach (var (name, times) in result.Coverage)
            {
                coverage.AddOrUpdate(name, times, (_, before) => before + times);
            }
        });
        output.WriteLine($"{answered} operations answered");
        output.WriteLine(string.Join(", ", coverage.OrderBy(c => c.Key, StringComparer.Ordinal)
            .Select(c => $"{c.Key} {c.Value}")));
        Assert.Empty(failures);
        Assert.True(answered > 100 * (long)count, "the faults leave too little to check");
        Assert.All(Rare((SimulatedStrategy)strategy), name => Assert.True(coverage.ContainsKey(name), name));
    }

    [Theory]
    [InlineData((int)SimulatedStrategy.Raft)]
    [InlineData((int)SimulatedStrategy.Ecc)]
    public void A_seed_replays_bit_for_bit(int strategy)
    {
        for (var seed = 1UL; seed <= 40; seed++)
        {
            var options = new SimulationOptions { Strategy = (SimulatedStrategy)strategy, Seed = seed };
            var first = Testbed.Simulator.Simulation.Run(options);
            var second = Testbed.Simulator.Simulation.Run(options with { Trace = _ => { } });
            Assert.Equal(first.TraceHash, second.TraceHash);
            Assert.Equal(first.Events, second.Events);
            Assert.Equal(first.Operations, second.Operations);
        }
    }

    /// <summary>Seeds that found a bug of the cores once, see docs/TRACK-RECORD.md.</summary>
    [Theory]
    [InlineData((int)SimulatedStrategy.Raft, 950)]
    [InlineData((int)SimulatedStrategy.Raft, 1294)]
    [InlineData((int)SimulatedStrategy.Raft, 9447)]
    [InlineData((int)SimulatedStrategy.Raft, 11982)]
    [InlineData((int)SimulatedStrategy.Ecc, 4881)]
    public void A_seed_that_found_a_bug_is_clean_now(int strategy, ulong seed)
    {
        var result = Testbed.Simulator.Simulation.Run(new SimulationOptions
        {
            Strategy = (SimulatedStrategy)strategy, Seed = seed,
        });
        Assert.Null(result.Violation);
    }

    private static string[] Rare(SimulatedStrategy strategy)
    {
        string[] common =
        [
            "recoveries", "stream_breaks", "refused_corrupt_log", "disk_deaths", "failed_starts", "fault_PowerLoss",
            "fault_PowerLossOfAll", "fault_ClockDrift", "fault_HalfOpen", "fault_PartitionIn", "fault_Bridge",
        ];
        string[] own = strategy == SimulatedStrategy.Raft
            ?
            [
                "terms_with_leader", "hunted_leaders", "fault_Wipe", "operator_AddLearner", "operator_Promote",
                "operator_Remove", "leader_transfers", "members_replaced", "snapshots_installed", "checkpoints",
                "retries_deduplicated",
            ]
            : ["retags", "hedges", "width_steps", "degraded_reads", "read_restarts", "fills", "widens", "adopted_fins"];
        return [.. common, .. own];
    }

    private static ulong? Number(string variable) => ulong.TryParse(
        Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : null;
}
