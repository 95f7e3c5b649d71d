using System.Globalization;
using Testbed.Checker;
using Testbed.Ecc;
using Testbed.Tests.Unit.Ecc;

namespace Testbed.Tests.Simulation.Ecc;

public sealed class PumpTests(ITestOutputHelper output)
{
    /// <summary>Seeds per shape; TESTBED_ECC_SEEDS raises it for long runs.</summary>
    private static int Seeds =>
        int.TryParse(Environment.GetEnvironmentVariable("TESTBED_ECC_SEEDS"), CultureInfo.InvariantCulture,
            out var seeds)
            ? seeds
            : 50;

    private static ulong FirstSeed =>
        ulong.TryParse(Environment.GetEnvironmentVariable("TESTBED_ECC_FIRST"),
            CultureInfo.InvariantCulture, out var seed)
            ? seed
            : 1;

    /// <summary>Null when the run was clean, else what was wrong.</summary>
    private static string? Judge(PumpSettings settings, out EccPump pump)
    {
        pump = new EccPump(settings);
        try
        {
            pump.Run();
        }
        catch (Exception e) when (e is InvalidOperationException or Testbed.Wire.InvariantViolation)
        {
            return e.Message;
        }

        var result = LinearizabilityChecker.Check(pump.History);
        return result.Verdict == Verdict.Valid ? null : $"{result.Verdict}: {Describe(result)}";
    }

    private static string Describe(CheckResult result) =>
        result.Violations.Count > 0 ? result.Violations[0].ToString() : "";

    [Theory]
    [InlineData(3, 2, 2, 4)]
    [InlineData(5, 3, 2, 4)]
    [InlineData(5, 2, 2, 4)]
    [InlineData(6, 4, 2, 4)]
    [InlineData(5, 3, 1, 8)]
    public void Histories_are_linearizable_and_clusters_converge_under_faults(
        int nodes, int dataElements, int keys, int clients)
    {
        var seen = new PumpCoverage();
        var acknowledged = 0;
        var unknown = 0;
        var failed = 0;
        for (var i = 0; i < Seeds; i++)
        {
            var settings = new PumpSettings
            {
                Seed = FirstSeed + (ulong)i,
                Nodes = nodes,
                DataElements = dataElements,
                Keys = keys,
                Clients = clients,
            };
            var complaint = Judge(settings, out var pump);
            Assert.True(complaint is null, $"({nodes},{dataElements}) seed {settings.Seed}: {complaint}");
            acknowledged += pump.Acknowledged;
            unknown += pump.Unknown;
            failed += pump.Failed;
            seen.Add(pump);
        }

        output.WriteLine(
            $"({nodes},{dataElements}) seeds {FirstSeed}..{FirstSeed + (ulong)Seeds - 1}:"
            + $" {acknowledged} acknowledged, {unknown} unknown, {failed} failed, {seen}");
        seen.AssertEverythingHappened();
        Assert.True(acknowledged > Seeds * 70, "the faults leave too little to check");
    }

    [Theory]
    [InlineData((int)EccMutants.ReadBeforeQuorumFinalised)]
    [InlineData((int)EccMutants.CompleteAtQuorumAtAnyWidth)]
    [InlineData((int)EccMutants.BlindClockTags)]
    [InlineData((int)EccMutants.ReadersFinaliseUnfinalised)]
    [InlineData((int)EccMutants.WidthStepReplaces)]
    [InlineData((int)EccMutants.PreWriteDropsOld)]
    [InlineData((int)EccMutants.AckBeforeDurable)]
    public void A_planted_bug_is_found(int mutant)
    {
        const int Limit = 400;
        for (var seed = 1UL; seed <= Limit; seed++)
        {
            var complaint = Judge(new PumpSettings { Seed = seed, Mutants = (EccMutants)mutant }, out _);
            if (complaint is not null)
            {
                output.WriteLine($"{(EccMutants)mutant}: seed {seed}: {complaint}");
                return;
            }
        }

        Assert.Fail($"{(EccMutants)mutant} survived {Limit} seeds");
    }

    [Fact]
    public void The_same_seed_replays_bit_for_bit()
    {
        Judge(new PumpSettings { Seed = 7 }, out var first);
        Judge(new PumpSettings { Seed = 7 }, out var second);
        Assert.Equal(first.Trace, second.Trace);
        Assert.Equal(first.History, second.History);
    }

    [Fact]
    public void A_lying_node_makes_the_history_invalid()
    {
        var pump = new EccPump(new PumpSettings { Seed = 3, Faults = false, Lie = true, Operations =
            2_000 });
        pump.Run();
        output.WriteLine($"lies: {pump.History.Count(o => o.Value == 0xA5A5A5A5A5A5A5A5)}");
        Assert.Equal(Verdict.Invalid, LinearizabilityChecker.Check(pump.History).Verdict);
    }
}
