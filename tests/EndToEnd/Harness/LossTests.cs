using Testbed.Results;

namespace Testbed.Tests.EndToEnd.Harness;

/// <summary>ECC nodes that come back empty: one is rebuilt in view, too many are a loss that is declared.</summary>
public sealed class LossTests
{
    [Fact]
    public async Task A_lost_cluster_says_so_and_serves_again_once_it_is_reset()
    {
        using var results = new ResultsFolder();
        var state = Path.Combine(results.Root, "cluster.json");
        try
        {
            await DoAsync(state, 0, "cluster", "up", "--strategy", "ecc", "--code", "3,2", "--durability", "memory");
            await DoAsync(state, 0, "set", "greeting", "hello");
            Assert.Contains("the cluster does not say that it is LOST", await DoAsync(state, 4, "cluster", "reset", "--yes"),
                StringComparison.Ordinal);
            foreach (var act in new[] { "kill", "start" })
            {
                await DoAsync(state, 0, "node", act, "0");
                await DoAsync(state, 0, "node", act, "2");
            }

            await SaysAsync(state, "LOST");
            Assert.Contains("LOST: more nodes than are tolerated are empty", await DoAsync(state, 1, "get", "greeting"),
                StringComparison.Ordinal);
            Assert.Contains("--yes", await DoAsync(state, 64, "cluster", "reset"), StringComparison.Ordinal);
            Assert.Contains("3 nodes gave up what they held", await DoAsync(state, 0, "cluster", "reset", "--yes"),
                StringComparison.Ordinal);
            await DoAsync(state, 1, "get", "greeting");
            await DoAsync(state, 0, "set", "greeting", "again");
            Assert.Equal("again", (await DoAsync(state, 0, "get", "greeting")).Trim());
        }
        finally
        {
            await DoAsync(state, 0, "cluster", "down");
        }
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("os")]
    public async Task More_kills_than_are_survived_are_an_outage_and_at_level_memory_a_declared_loss(string durability)
    {
        using var results = new ResultsFolder();
        var summary = await RunAsync(
            results, durability, 200, "5s", "--kill", "2", "--kill-at", "500ms", "--restart-at", "3s", "--allow-outage");
        Assert.Equal("valid", summary.Verdict);
        Assert.Equal(0, summary.Check.LostWrites);
        Assert.All(summary.Faults, f => Assert.True(f.UnavailableReadNs > 0 && f.UnavailableWriteNs > 0, $"no outage: {f}"));
        if (durability == "os")
        {
            Assert.Null(summary.DeclaredLost);
            Assert.Empty(summary.Rebuilds);
            return;
        }

        Assert.Equal((2, 1, 200, 0), (summary.DeclaredLost!.EmptyNodes, summary.DeclaredLost.Tolerance,
            summary.DeclaredLost.RefusedKeys, summary.DeclaredLost.AnsweredKeys));
        Assert.Contains("declared its data LOST", summary.VerdictReason, StringComparison.Ordinal);
        Assert.EndsWith("nothing else was lost", summary.VerdictReason, StringComparison.Ordinal);
        Assert.Equal(["lost", "lost"], summary.Rebuilds.Select(r => r.Standing));
        Assert.Contains(results.Run.ReadNodes(), n => n.Standing == "lost");
    }

    [Fact]
    public async Task A_node_that_comes_back_empty_is_rebuilt_in_view_and_within_its_rate()
    {
        using var results = new ResultsFolder();
        var summary = await RunAsync(
            results, "memory", 3000, "3s", "--kill", "1", "--kill-at", "500ms", "--restart-at", "1s", "--rebuild-rate", "800K");
        var rebuild = Assert.Single(summary.Rebuilds);
        Assert.Equal(("ready", 256, 256), (rebuild.Standing, rebuild.SlotsReady, rebuild.Slots));
        Assert.True(summary.Nodes.Single(n => n.Node == rebuild.Node).CaughtUp);

        // Width elements are read for each, and lists of what there is; that takes its time at the rate allowed.
        // What does not arrive in time is read once more.
        Assert.InRange(rebuild.ReadPerRebuilt!.Value, 2, 4);
        Assert.True(rebuild.FullRedundancyNs >= rebuild.ReadBytes * 1_000_000_000 / (1_600 * 1024), $"{rebuild}");
        var samples = results.Run.ReadNodes().Where(n => n.Node == rebuild.Node).ToList();
        Assert.Contains(samples, n => n.Standing == "recovering" && n.SlotsReady is > 0 and < 256 && n.RebuiltBytes > 0);
        Assert.Equal(rebuild.ReadBytes, samples.Last(n => n.RebuildReadBytes is not null).RebuildReadBytes);
        Assert.Contains("came back empty, full redundancy after", await File.ReadAllTextAsync(
            results.Run.SummaryTextPath, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private static async Task<Summary> RunAsync(
        ResultsFolder results, string durability, int records, string duration, params string[] more)
    {
        var (exitCode, output, error) = await HarnessProcess.RunAsync(
        [
            "run", "--strategy", "ecc", "--code", "3,2", "--workload", "a", "--durability", durability, "--records",
            $"{records}", "--rate", "100", "--duration", duration, "--warmup", "500ms", "--max-lag", "500ms", "--results", results.Root, .. more,
        ]);
        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{error}");
        return results.Run.ReadSummary()!;
    }

    private static async Task<string> DoAsync(string state, int expected, params string[] words)
    {
        var (exitCode, output, error) = await HarnessProcess.RunAsync([.. words, "--state", state]);
        Assert.True(exitCode == expected, $"{string.Join(' ', words)}: exit {exitCode}\n{output}\n{error}");
        return output + error;
    }

    private static async Task SaysAsync(string state, string word)
    {
        var deadline = DateTime.UtcNow.AddSeconds(30);
        string output;
        do
        {
            output = await DoAsync(state, 0, "cluster", "status");
        }
        while (!output.Contains(word, StringComparison.Ordinal) && DateTime.UtcNow < deadline);
        Assert.Contains(word, output, StringComparison.Ordinal);
    }
}
