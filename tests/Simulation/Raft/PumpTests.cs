using System.Globalization;
using Testbed.Raft;
using Testbed.Tests.Unit.Raft;

namespace Testbed.Tests.Simulation.Raft;

/// <summary>
/// Clusters under random faults in virtual time. A failure names its seed; TESTBED_RAFT_SEED and
/// TESTBED_RAFT_SEEDS choose the first seed and how many.
/// </summary>
public sealed class PumpTests(ITestOutputHelper output)
{
    [Fact]
    public void Clusters_under_faults_stay_linearizable_and_recover()
    {
        var (first, count) = Seeds(300);
        output.WriteLine($"seeds {first} to {first + count - 1}");
        var (committed, terms, ok) = (0L, 0L, 0L);
        for (var seed = first; seed < first + count; seed++)
        {
            var pump = Run(PumpPlan.Draw(seed));
            committed += pump.Truth.Committed;
            terms += pump.Truth.Terms;
            ok += pump.Clients.Sum(c => c.Ok);
        }

        output.WriteLine($"{committed} entries committed in {terms} terms, {ok} operations ok");
        Assert.True(terms > (long)count && ok > 100 * (long)count);
    }

    [Fact]
    public void One_seed_replays_bit_for_bit()
    {
        var plan = PumpPlan.Draw(4711) with { Crashes = true, Breaks = true, Partitions = true };
        Assert.Equal(Run(plan).Trace, Run(plan).Trace);
    }

    [Theory]
    [InlineData((int)RaftMutants.StaleLeaderRead)]
    [InlineData((int)RaftMutants.AckBeforeQuorum)]
    [InlineData((int)RaftMutants.AckBeforeDurable)]
    [InlineData((int)RaftMutants.VoteNotPersisted)]
    [InlineData((int)RaftMutants.VoteForAnyLog)]
    public void A_planted_bug_is_found(int mutant)
    {
        for (var seed = 1UL; seed <= 400; seed++)
        {
            try
            {
                new Pump(PumpPlan.Draw(seed, (RaftMutants)mutant)).Run();
            }
            catch (Exception found) when (found is PumpViolation or Testbed.Wire.InvariantViolation)
            {
                output.WriteLine($"{(RaftMutants)mutant} at seed {seed}: {found.Message}");
                return;
            }
        }

        Assert.Fail($"{(RaftMutants)mutant} was not found");
    }

    [Fact]
    public void The_test_only_lie_makes_the_history_invalid()
    {
        var plan = PumpPlan.Draw(7) with
        {
            TestLie = true, Crashes = false, Partitions = false, Stalls = false, Pauses = false, Breaks = false,
            Keys = 1, Clients = 4, FaultyMicros = 3_000_000,
        };
        var found = Assert.Throws<PumpViolation>(() => new Pump(plan).Run());
        Assert.StartsWith("history Invalid", found.Message, StringComparison.Ordinal);
    }

    private static Pump Run(PumpPlan plan)
    {
        try
        {
            return new Pump(plan).Run();
        }
        catch (Exception found)
        {
            throw new InvalidOperationException($"seed {plan.Seed}: {found.Message} ({plan})", found);
        }
    }

    private static (ulong First, ulong Count) Seeds(ulong count) =>
        (Number("TESTBED_RAFT_SEED") ?? 1, Number("TESTBED_RAFT_SEEDS") ?? count);

    private static ulong? Number(string variable) =>
        ulong.TryParse(
            Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture,
            out var number) ? number : null;
}
