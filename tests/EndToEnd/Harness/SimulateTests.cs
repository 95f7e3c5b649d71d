namespace Testbed.Tests.EndToEnd.Harness;

public sealed class SimulateTests
{
    [Fact]
    public async Task Two_processes_simulate_the_same_bit_for_bit()
    {
        var (firstCode, first, _) = await HarnessProcess.RunAsync("simulate", "--seeds", "1..6", "--jobs", "1");
        var (secondCode, second, _) = await HarnessProcess.RunAsync("simulate", "--seeds", "1..6", "--jobs", "2");
        Assert.Equal((0, 0), (firstCode, secondCode));
        Assert.Equal(2, Hashes(first).Count);
        Assert.Equal(Hashes(first), Hashes(second));
    }

    [Fact]
    public async Task A_violation_ends_with_exit_code_2_and_a_command_that_replays_it()
    {
        var (code, output, _) = await HarnessProcess.RunAsync(
            "simulate", "--strategy", "raft", "--seeds", "1..9", "--plant", "AckBeforeDurable", "--no-shrink");
        Assert.Equal(2, code);
        var replay = Assert.Single(output.Split('\n'), line => line.StartsWith("replay: harness ", StringComparison.Ordinal));
        var (again, _, _) = await HarnessProcess.RunAsync(replay.TrimEnd()["replay: harness ".Length..].Split(' '));
        Assert.Equal(2, again);
    }

    private static List<string> Hashes(string output) =>
        [.. output.Split('\n').Where(line => line.Contains("trace hash", StringComparison.Ordinal))
            .Select(line => line[line.IndexOf("trace hash", StringComparison.Ordinal)..])];
}
