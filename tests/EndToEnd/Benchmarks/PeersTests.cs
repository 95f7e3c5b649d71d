using Testbed.Benchmarks.Peers;
using Testbed.Benchmarks.Verbs;

namespace Testbed.Tests.EndToEnd.Benchmarks;

/// <summary>
/// The benchmark against etcd works with real servers of both. What it says about speed is nothing to assert.
/// </summary>
public sealed class PeersTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("testbed-peers-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Both_clusters_serve_and_every_figure_is_there()
    {
        RequireEtcd();
        using var output = new StringWriter();
        using var progress = new StringWriter();
        var data = await PeersVerb.RunAsync(output, progress, Quick(), TestContext.Current.CancellationToken);

        // Puts and gets of both at two numbers of clients, and puts over our stream.
        Assert.Equal(10, data.Cells.Count);
        Assert.All(data.Cells, cell =>
        {
            Assert.True(cell.Operations > 0 && cell.PerSecond > 0, cell.ToString());
            Assert.True(cell.P50Micros > 0 && cell.P99Micros >= cell.P50Micros, cell.ToString());
            Assert.True(cell.Operation == PeerOperations.Get || cell.DiskBytesPerOperation >= 1024, cell.ToString());
        });
        Assert.Equal(PeerSystems.All, data.Kills.Select(kill => kill.System));
        Assert.All(data.Kills, kill => Assert.True(kill is { FirstPutMillis: > 0, Terms: > 0 }, kill.ToString()));

        var rows = output.ToString().Split('\n').Where(line => line.StartsWith("put ", StringComparison.Ordinal)
            || line.StartsWith("leader kill", StringComparison.Ordinal)).ToList();
        Assert.Equal((4 + 2) + (10 + 2), rows.Count);
        Assert.DoesNotContain(rows, row => row.Contains("NaN", StringComparison.Ordinal));
        Assert.Equal(11, (await ReadAsync("peers-cells.csv")).Length);
        Assert.Equal(3, (await ReadAsync("peers-kills.csv")).Length);
        Assert.True((await ReadAsync("peers-ratios.csv")).Length > 20);
        Assert.True(new FileInfo(Path.Combine(_folder, "out", "peers-ratios.png")).Length > 1000);
        Assert.Empty(Left());
    }

    [Theory]
    [InlineData("etcd: put, 1 client:")]
    [InlineData("testbed: put, 1 client:")]
    public async Task An_interrupted_run_prints_what_it_has_and_leaves_no_server(string interruptAfter)
    {
        RequireEtcd();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var output = new StringWriter();
        var options = Quick() with { Clients = [1], Kills = 0 };
        var servers = new List<int>();
        using var progress = new LineWriter(line =>
        {
            if (line.Contains(interruptAfter, StringComparison.Ordinal))
            {
                servers.AddRange(Servers());
                stop.Cancel();
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => PeersVerb.RunAsync(output, progress, options, stop.Token));
        Assert.True(servers.Count >= 3, $"{servers.Count} servers ran when it was interrupted");
        Assert.Empty(Servers());
        Assert.Empty(Left());
        Assert.Contains("peers-cells.csv", output.ToString(), StringComparison.Ordinal);
    }

    private PeersOptions Quick() => PeersOptions.Quick with
    {
        DataFolder = Path.Combine(_folder, "data"),
        Output = Path.Combine(_folder, "out"),
    };

    private Task<string[]> ReadAsync(string name) =>
        File.ReadAllLinesAsync(Path.Combine(_folder, "out", name), TestContext.Current.CancellationToken);

    private IEnumerable<string> Left() => Directory.EnumerateFileSystemEntries(Path.Combine(_folder, "data"));

    /// <summary>Processes of either system: each has its data folder, below this test's, among its arguments.</summary>
    private IEnumerable<int> Servers()
    {
        foreach (var process in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(process), out var pid))
            {
                string line;
                try
                {
                    line = File.ReadAllText(Path.Combine(process, "cmdline"));
                }
                catch (IOException)
                {
                    continue;
                }

                if (line.Contains(_folder, StringComparison.Ordinal))
                {
                    yield return pid;
                }
            }
        }
    }

    private static void RequireEtcd()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "what servers use is read from /proc");
        if (EtcdCluster.Find() is null)
        {
            Assert.True(Environment.GetEnvironmentVariable("CI") != "true",
                "no etcd in continuous integration, which installs it");
            Assert.Skip("etcd is not installed (package etcd-server)");
        }
    }

    private sealed class LineWriter(Action<string> each) : StringWriter
    {
        public override void WriteLine(string? value) => each(value ?? "");
    }
}
