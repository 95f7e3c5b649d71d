using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Testbed.Client;
using Testbed.Tests.EndToEnd.Docker;

namespace Testbed.Tests.EndToEnd.Compose;

/// <summary>One of the compose files as a project of its own, on ports that nobody has, gone after the test.</summary>
internal sealed class ComposeProject : IAsyncDisposable
{
    private const int Nodes = 5;
    private static readonly TimeSpan HealthyLimit = TimeSpan.FromMinutes(2);

    private readonly string _file;
    private readonly string _project;
    private readonly Dictionary<string, string> _environment;

    private ComposeProject(string file, string image)
    {
        _file = Repository.Of("compose", file);
        _project = "testbed-e2e-" + Guid.NewGuid().ToString("N")[..8];
        var (ports, metrics) = FreePorts();
        _environment = new Dictionary<string, string>
        {
            ["TESTBED_IMAGE"] = image,
            ["TESTBED_PORTS"] = ports.ToString(CultureInfo.InvariantCulture),
            ["TESTBED_METRICS_PORTS"] = metrics.ToString(CultureInfo.InvariantCulture),
        };
        Addresses = [.. Enumerable.Range(0, Nodes).Select(i => $"127.0.0.1:{ports}{i}")];
        MetricsAddresses = [.. Enumerable.Range(0, Nodes).Select(i => $"127.0.0.1:{metrics}{i}")];
    }

    public IReadOnlyList<string> Addresses { get; }

    public IReadOnlyList<string> MetricsAddresses { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Brings the cluster up and waits until the engine calls every node healthy.</summary>
    public static async Task<ComposeProject> UpAsync(string file, string image)
    {
        var project = new ComposeProject(file, image);
        try
        {
            await project.ComposeAsync("up", "-d");
            await project.HealthyAsync();
            return project;
        }
        catch
        {
            await project.DisposeAsync();
            throw;
        }
    }

    /// <summary>Containers, volumes and networks of this project that the engine has.</summary>
    public async Task<IReadOnlyList<string>> LeftoversAsync()
    {
        var filter = $"label=com.docker.compose.project={_project}";
        return
        [
            .. await DockerEngine.LinesAsync("ps", "--all", "--quiet", "--filter", filter),
            .. await DockerEngine.LinesAsync("volume", "ls", "--quiet", "--filter", filter),
            .. await DockerEngine.LinesAsync("network", "ls", "--quiet", "--filter", filter),
        ];
    }

    public async ValueTask DisposeAsync() => await ComposeAsync("down", "-v", "-t", "1");

    private async Task ComposeAsync(params string[] words) =>
        await Tool.MustAsync("docker-compose", ["-p", _project, "-f", _file, .. words], _environment);

    private async Task HealthyAsync()
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
        var until = DateTime.UtcNow + HealthyLimit;
        var filter = $"label=com.docker.compose.project={_project}";
        IReadOnlyList<string> seen;
        do
        {
            seen = await DockerEngine.LinesAsync("ps", "-a", "--filter", filter, "--format", "{{.Names}} {{.Status}}");
            if (seen.Count(line => line.Contains("(healthy)", StringComparison.Ordinal)) == Nodes)
            {
                foreach (var address in Addresses)
                {
                    Assert.True(await NodeProbe.IsServingAsync(address, Cancel), address);
                }

                return;
            }

            Assert.DoesNotContain(seen, line => line.Contains("Exited", StringComparison.Ordinal));
            await pause.WaitForNextTickAsync(Cancel);
        }
        while (DateTime.UtcNow < until);
        Assert.Fail($"not healthy within {HealthyLimit}: {string.Join(", ", seen)}");
    }

    /// <summary>Two numbers of which every port that begins with them and has one digit more is free.</summary>
    private static (int First, int Second) FreePorts()
    {
        // Below the ports that systems give out by themselves, so that nobody takes one before compose does.
        var candidates = Enumerable.Range(1100, 2000).ToArray();
        Random.Shared.Shuffle(candidates);
        var free = candidates.Where(p => Enumerable.Range(p * 10, Nodes).All(IsFree)).Take(2).ToList();
        return (free[0], free[1]);
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
