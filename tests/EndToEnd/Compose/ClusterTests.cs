using Testbed.Tests.EndToEnd.Docker;
using Testbed.Tests.EndToEnd.Harness;

namespace Testbed.Tests.EndToEnd.Compose;

/// <summary>The compose clusters as an outsider starts them, and runs against them.</summary>
public sealed class ClusterTests
{
    [Theory]
    [InlineData("raft")]
    [InlineData("ecc")]
    public async Task A_compose_cluster_becomes_healthy_serves_runs_and_leaves_nothing(string strategy)
    {
        Tool.Require("docker-compose");
        DockerEngine.Require();
        var image = await ImageAsync();
        using var results = new ResultsFolder();
        IReadOnlyList<string> leftovers;
        await using (var project = await ComposeProject.UpAsync($"{strategy}.yml", image))
        {
            var (exitCode, output, error) = await HarnessProcess.RunAsync(
                "run", "--cluster", "attach", "--nodes", string.Join(',', project.Addresses), "--workload", "a",
                "--records", "200", "--rate", "100", "--duration", "3s", "--warmup", "1s", "--timeout", "5s",
                "--max-lag", "1s", "--no-report", "--results", results.Root);
            Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{error}");
            var manifest = results.Run.ReadManifest()!;
            Assert.Equal((strategy, "attach", "os"), (manifest.Strategy, manifest.Cluster, manifest.Durability));
            var up = results.Run.ReadNodes().Where(n => n.State == "up").ToList();
            Assert.Equal(5, up.Select(n => n.Node).Distinct().Count());
            Assert.All(up, n => Assert.True(n.CpuSeconds > 0 && n.RssBytes > 0 && n.NetworkTxBytes > 0, $"{n}"));
            Assert.DoesNotContain(results.Run.ReadNodes(), n => n.State == "down");
            using var http = new HttpClient();
            var metrics = await http.GetStringAsync(
                $"http://{project.MetricsAddresses[4]}/metrics", TestContext.Current.CancellationToken);
            Assert.Contains("node=\"n4\"", metrics, StringComparison.Ordinal);
            await project.DisposeAsync();
            leftovers = await project.LeftoversAsync();
        }

        Assert.Empty(leftovers);
    }

    /// <summary>The name, by its content, of the image that the harness makes of the node beside it.</summary>
    private static async Task<string> ImageAsync()
    {
        var (exitCode, output, error) = await HarnessProcess.RunAsync("cluster", "image");
        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{error}");
        return output.Split(' ')[0];
    }
}
