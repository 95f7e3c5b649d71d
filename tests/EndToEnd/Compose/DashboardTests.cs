using System.Text.Json;
using System.Text.RegularExpressions;
using Testbed.Client;
using Testbed.Tests.EndToEnd.Nodes;

namespace Testbed.Tests.EndToEnd.Compose;

/// <summary>The dashboard against what real nodes export, and against a real Prometheus that asks them.</summary>
public sealed partial class DashboardTests : IDisposable
{
    private const int Nodes = 3;

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_figure_of_the_dashboard_and_of_the_rules_is_one_that_nodes_export()
    {
        var exported = new HashSet<string>(StringComparer.Ordinal);
        foreach (var strategy in new[] { "raft", "ecc" })
        {
            // One node of a cluster is enough: it exports all of its figures, alone or not.
            var addresses = NodeProcess.FreeAddresses(3);
            await using var node = await NodeProcess.StartAsync(
                strategy, addresses[..2], 0, _folder.Of(strategy == "raft" ? 0 : 1), "--metrics", addresses[2]);
            using var http = new HttpClient();
            var text = await http.GetStringAsync($"http://{addresses[2]}/metrics", Cancel);
            exported.UnionWith(MetricName().Matches(text).Select(m => m.Value));
        }

        var rules = await File.ReadAllTextAsync(Repository.Of("compose", "prometheus", "rules.yml"), Cancel);
        var recorded = RecordedName().Matches(rules).Select(m => m.Groups[1].Value).ToList();
        var expressions = Expressions().Select(e => e.Expression).ToList();
        Assert.True(expressions.Count > 50, $"{expressions.Count} expressions");
        Assert.All(expressions.Append(rules).SelectMany(e => MetricName().Matches(e)), m => Assert.Contains(m.Value, exported));
        Assert.All(expressions.SelectMany(e => RuleName().Matches(e)), m => Assert.Contains(m.Value, recorded));
    }

    [Theory]
    [InlineData("raft")]
    [InlineData("ecc")]
    public async Task Prometheus_answers_every_question_of_the_dashboard(string strategy)
    {
        Tool.Require("prometheus");
        var addresses = NodeProcess.FreeAddresses(Nodes * 2);
        var nodes = await Task.WhenAll(Enumerable.Range(0, Nodes).Select(id => NodeProcess.StartAsync(
            strategy, addresses[..Nodes], id, _folder.Of(id), "--metrics", addresses[Nodes + id])));
        try
        {
            await using var client = NodeTests.Connect(strategy, addresses[..Nodes]);
            await using var prometheus = await PrometheusServer.StartAsync(_folder.Path, addresses[Nodes..]);
            using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
            var key = "a key"u8.ToArray();
            while (await prometheus.FirstAsync("testbed:operations:rate10s") is not > 0)
            {
                Assert.Equal(Outcome.Ok, (await client.PutAsync(key, new byte[100], TimeSpan.FromSeconds(5))).Outcome);
                Assert.Equal(Outcome.Ok, (await client.GetAsync(key, TimeSpan.FromSeconds(5))).Outcome);
                await pause.WaitForNextTickAsync(Cancel);
            }

            var silent = new List<string>();
            foreach (var (title, expression) in Expressions())
            {
                var asked = expression.Replace("$__rate_interval", "10s", StringComparison.Ordinal)
                    .Replace("$node", ".*", StringComparison.Ordinal);
                if (await prometheus.FirstAsync(asked) is null)
                {
                    silent.Add(title);
                }
            }

            // Each strategy leaves the other's panels empty; cAdvisor is not here.
            string[] containers = ["CPU", "Disk writes", "Memory", "Network"];
            string[] other = strategy == "raft"
                ?
                [
                    "Corrupt elements", "Degraded reads", "Elements served", "Pre-writes held", "Redundancy to restore",
                    "Repair", "Waiting at the leader",
                ]
                : ["Entries behind the leader", "Leader", "Operations refused or unknown", "Term and leader changes", "Waiting at the leader"];
            Assert.Equal([.. containers.Concat(other).Order(StringComparer.Ordinal)], silent.Distinct().Order(StringComparer.Ordinal));
        }
        finally
        {
            foreach (var node in nodes)
            {
                await node.DisposeAsync();
            }
        }
    }

    private static IEnumerable<(string Title, string Expression)> Expressions()
    {
        using var dashboard = JsonDocument.Parse(
            File.ReadAllText(Repository.Of("compose", "grafana", "dashboards", "testbed.json")));
        foreach (var panel in dashboard.RootElement.GetProperty("panels").EnumerateArray())
        {
            if (!panel.TryGetProperty("targets", out var targets))
            {
                continue;
            }

            foreach (var target in targets.EnumerateArray())
            {
                yield return (panel.GetProperty("title").GetString()!, target.GetProperty("expr").GetString()!);
            }
        }
    }

    [GeneratedRegex(@"\btestbed_[a-z0-9_]+\b")]
    private static partial Regex MetricName();

    [GeneratedRegex(@"\btestbed:[a-z0-9_:]+\b")]
    private static partial Regex RuleName();

    [GeneratedRegex(@"record: (\S+)")]
    private static partial Regex RecordedName();
}
