using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Testbed.Harness.Clusters;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Benchmarks.Peers;

/// <summary>
/// etcd servers on loopback as they come, except for the storage quota. They end with the cluster, and through
/// the reaper when this process ends without a word.
/// </summary>
internal sealed class EtcdCluster : PeerCluster
{
    // Versions of overwritten keys stay: the usual 2 GiB would fill within a long run.
    private const long QuotaBytes = 8L * 1024 * 1024 * 1024;
    private const int MaxStarts = 3;

    private static readonly TimeSpan StatusLimit = TimeSpan.FromMilliseconds(500);

    private readonly string _program;
    private readonly string _dataFolder;
    private readonly IReadOnlyList<int> _ports;
    private readonly NodeProcess[] _nodes;
    private readonly EtcdProbe _probe = new();
    private readonly Reaper? _reaper;

    private EtcdCluster(string program, int nodes, string folder)
    {
        _program = program;
        _dataFolder = Path.Combine(folder, "etcd-data");
        var logs = Path.Combine(folder, "etcd-logs");
        Directory.CreateDirectory(logs);
        DataFolders.Make(_dataFolder);
        _ports = Ports.Choose(nodes * 2);
        Addresses = [.. _ports.Take(nodes).Select(Loopback)];
        _nodes = [.. Addresses.Select((address, i) =>
            new NodeProcess(i, address, Path.Combine(logs, Name(i) + ".log"), Name(i)))];
        _reaper = Reaper.Start(_dataFolder);
    }

    public override IReadOnlyList<string> Addresses { get; }

    /// <summary>
    /// The program: the one given, or the first in the search path; null when there is none.
    /// </summary>
    public static string? Find(string? given = null)
    {
        if (given is not null)
        {
            return File.Exists(given) ? Path.GetFullPath(given) : null;
        }

        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        return path.Split(Path.PathSeparator).Append("/usr/bin").Where(Path.IsPathRooted)
            .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? "etcd.exe" : "etcd"))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>The first line the program says about its version.</summary>
    public static async Task<string> VersionAsync(string program, CancellationToken cancel)
    {
        using var process = Process.Start(new ProcessStartInfo(program, "--version") { RedirectStandardOutput = true })
            ?? throw new ClusterStartException($"{program} did not start");
        var text = await process.StandardOutput.ReadToEndAsync(cancel).ConfigureAwait(false);
        await process.WaitForExitAsync(cancel).ConfigureAwait(false);
        return text.Split('\n')[0].Trim();
    }

    /// <summary>Starts servers with data and logs below <paramref name="folder"/>.</summary>
    public static async Task<EtcdCluster> StartAsync(
        string program, int nodes, string folder, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            var cluster = new EtcdCluster(program, nodes, folder);
            try
            {
                await Task.WhenAll(Enumerable.Range(0, nodes).Select(node => cluster.StartAsync(node, cancel)))
                    .ConfigureAwait(false);
                return cluster;
            }
            catch (ClusterStartException e) when (attempt < MaxStarts
                && e.Message.Contains("address already in use", StringComparison.Ordinal))
            {
                // Another process took a port since it was drawn.
                await cluster.DisposeAsync().ConfigureAwait(false);
            }
            catch
            {
                await cluster.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    public override KvCalls Connect(int node) => new EtcdCalls(Addresses[node]);

    protected override Task<IReadOnlyDictionary<string, string>?[]> StatusesAsync(CancellationToken cancel) =>
        Task.WhenAll(_nodes.Select(node => StatusAsync(node, cancel)));

    public override Task KillAsync(int node, CancellationToken cancel) => _nodes[node].KillAsync(cancel);

    public override async Task StartAsync(int node, CancellationToken cancel)
    {
        var server = _nodes[node];
        var info = NodeProgram.StartInfo([_program, .. Arguments(node)], server.LogFile, tied: true);
        // Options also come from the environment; what is set there is not meant for these servers.
        foreach (var name in info.Environment.Keys.Where(n => n.StartsWith("ETCD_", StringComparison.Ordinal)).ToList())
        {
            info.Environment.Remove(name);
        }

        try
        {
            server.Launch(info, static (_, _) => { });
        }
        catch (Win32Exception e)
        {
            throw new ClusterStartException($"{server.Name} could not be started: {e.Message}");
        }

        lock (_nodes)
        {
            _reaper?.Watch(_nodes.Where(n => n.Pid != 0).Select(n => (n.Pid, n.StartToken)));
        }

        await NodeReadiness.WaitAsync(
            _probe, server.Address, server.Name,
            () => server.State == NodeState.Down ? NodeProcess.ExitText(server.ExitCode) : null,
            () => Task.FromResult(server.LastLogLine()), cancel).ConfigureAwait(false);
        server.MarkUp();
    }

    public override Task<ServerUse> UseAsync(CancellationToken cancel)
    {
        var samples = _nodes.Select(node => node.Sample()).ToList();
        return Task.FromResult(new ServerUse(
            samples.Sum(s => s.CpuSeconds ?? 0), samples.Sum(s => s.DiskWriteBytes ?? 0)));
    }

    public override async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_nodes.Select(node => node.DisposeAsync())).ConfigureAwait(false);
        _probe.Dispose();
        _reaper?.Watch([]);
        _reaper?.Dispose();
        DataFolders.Remove(_dataFolder);
    }

    private static string Name(int node) => string.Create(CultureInfo.InvariantCulture, $"etcd{node}");

    private static string Loopback(int port) => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");

    private string PeerUrl(int node) => "http://" + Loopback(_ports[_nodes.Length + node]);

    private string[] Arguments(int node) =>
    [
        "--name", Name(node),
        "--data-dir", Path.Combine(_dataFolder, Name(node)),
        "--listen-client-urls", "http://" + Addresses[node],
        "--advertise-client-urls", "http://" + Addresses[node],
        "--listen-peer-urls", PeerUrl(node),
        "--initial-advertise-peer-urls", PeerUrl(node),
        "--initial-cluster", string.Join(',', _nodes.Select(n => $"{n.Name}={PeerUrl(n.Index)}")),
        "--initial-cluster-state", "new",
        "--initial-cluster-token", "testbed-" + string.Join('-', _ports),
        "--quota-backend-bytes", QuotaBytes.ToString(CultureInfo.InvariantCulture),
    ];

    private async Task<IReadOnlyDictionary<string, string>?> StatusAsync(NodeProcess node, CancellationToken cancel)
    {
        if (node.State != NodeState.Up)
        {
            return null;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(StatusLimit);
        try
        {
            return await _probe.StatusAsync(node.Address, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }
}
