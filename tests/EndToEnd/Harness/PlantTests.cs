namespace Testbed.Tests.EndToEnd.Harness;

/// <summary>
/// Real runs with a bug planted in real nodes and the real client: they must end invalid, and the same run
/// without the bug valid. What the simulator finds and a run of seconds does not is in tests/Simulation.
/// </summary>
public sealed class PlantTests
{
    private const int MostAttempts = 4;

    private const string Calm = "--records 20 --rate 300";

    /// <summary>Reads that overlap writes of their key all the time, however fast the machine is.</summary>
    private const string Crowded = "--records 2 --rate max --clients 64";

    private static readonly string[] Usual =
    [
        "--workload", "a", "--duration", "4s", "--warmup", "1s", "--max-lag", "5s", "--no-report",
        "--fail-fast",
    ];

    [Theory]
    [InlineData("raft", "FollowerRead", Crowded, "")]
    [InlineData("raft", "AckBeforeQuorum", Calm, "partition:leader@1s for 3s")]
    [InlineData("ecc", "PutSkipsFinalise", Calm, "")]
    [InlineData("ecc", "MixedElementDecode", Crowded, "")]
    public async Task A_run_with_a_planted_bug_is_invalid_and_shows_a_small_counterexample(
        string strategy, string bug, string load, string fault)
    {
        var attempt = 1;
        while (!await EndsInvalidAsync(strategy, bug, load, fault))
        {
            Assert.InRange(++attempt, 2, MostAttempts);
        }
    }

    /// <summary>
    /// False where a node found the bug itself, stopped at an invariant, and the history does not show it: the run is
    /// void then, which is right, and is done again.
    /// </summary>
    private static async Task<bool> EndsInvalidAsync(string strategy, string bug, string load, string fault)
    {
        using var results = new ResultsFolder();
        var (exitCode, output) = await RunAsync(results, strategy, load, fault, "--plant", bug);
        if (exitCode == 4 && output.Contains("invariant R", StringComparison.Ordinal))
        {
            return false;
        }

        Assert.True(exitCode == 2, $"exit {exitCode}\n{output}");
        Assert.Contains("INVALID", output, StringComparison.Ordinal);
        Assert.Equal(bug, results.Run.ReadManifest()!.Options["plant"]);
        var verdict = results.Run.ReadVerdict()!;
        Assert.True(
            verdict.Result == "invalid" || results.Run.ReadSummary()!.Check.CorruptReads > 0, verdict.Result);
        Assert.All(verdict.Violations, v => Assert.InRange(v.Operations.Count, 1, 6));
        return true;
    }

    [Theory]
    [InlineData("raft", Crowded, "")]
    [InlineData("raft", Calm, "partition:leader@1s for 3s")]
    [InlineData("ecc", Calm, "")]
    [InlineData("ecc", Crowded, "")]
    public async Task The_same_run_without_the_bug_is_valid(string strategy, string load, string fault)
    {
        using var results = new ResultsFolder();
        var (exitCode, output) = await RunAsync(results, strategy, load, fault);
        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}");
        Assert.Equal("valid", results.Run.ReadVerdict()!.Result);
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(
        ResultsFolder results, string strategy, string load, string fault, params string[] more)
    {
        string[] faults = fault.Length == 0 ? [] : ["--fault", fault];
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
        [
            "run", "--strategy", strategy, "--results", results.Root, .. Usual, .. load.Split(' '), .. faults, .. more,
        ]);
        return (exitCode, output + error);
    }
}
