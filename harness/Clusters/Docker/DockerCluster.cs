using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Docker.DotNet.Models;
using Testbed.Faults;
using Testbed.Harness.Clusters.Docker.Images;
using Testbed.Harness.Clusters.Links;
using Testbed.Harness.Clusters.Processes;
using Testbed.Injectors;
using Testbed.Results;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>
/// A cluster of containers in a Docker engine: on a network of its own with fixed addresses, labelled, and
/// gone when it is disposed. Nodes keep container, address and data over restarts.
/// </summary>
internal sealed class DockerCluster : ICluster
{
    private const int GrpcPort = 7000;
    private const int MaxStarts = 3;
    private static readonly TimeSpan SampleLimit = TimeSpan.FromMilliseconds(200);

    private readonly ClusterOptions _options;
    private readonly Engine _engine;
    private readonly string _id;
    private readonly GrpcNodeProbe _probe = new();
    private readonly List<ContainerNode> _nodes = [];
    private readonly List<SemaphoreSlim> _gates = [];
    private readonly EngineEvents _events;
    private readonly ContainerFaults _faults;
    private readonly MemberFaults _members;
    private DataVolumes? _volumes;
    private LinkContainer? _links;
    private bool _disposed;

    private DockerCluster(ClusterOptions options, Engine engine)
    {
        _options = options;
        _engine = engine;
        _id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(5));
        _events = new EngineEvents(engine, _id, Path.Combine(options.LogFolder, "engine-events.log"));
        _faults = new ContainerFaults(engine, options);
        _members = new MemberFaults(() => Addresses, options.Nodes);
    }

    /// <inheritdoc/>
    public event Action<int, string>? UnexpectedExit;

    /// <inheritdoc/>
    public IReadOnlyList<string> Addresses => _links?.ClientView ?? [.. _nodes.Select(n => n.Address)];

    /// <inheritdoc/>
    public int Count => _nodes.Count;

    /// <inheritdoc/>
    public string? NodeBuild => Image is { Build.Length: > 0 } image ? image.Build : null;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Facts => new Dictionary<string, string>
    {
        ["engine"] = _engine.Name,
        ["image"] = Image?.Name ?? "",
        ["image_bytes"] = (Image?.Bytes ?? 0).ToString(CultureInfo.InvariantCulture),
        ["access"] = Published ? "published ports" : "addresses of the containers",
        ["figures"] = _nodes.Count == 0 ? "" : _nodes[0].FiguresFrom,
        ["control_groups"] = $"version {_engine.Info.CgroupVersion}",
    };

    /// <summary>The image the nodes run.</summary>
    private NodeImage? Image { get; set; }

    /// <summary>
    /// Starts a cluster and returns once every node answers; throws <see cref="ClusterStartException"/> with
    /// one line, and leaves nothing behind then.
    /// </summary>
    public static async Task<DockerCluster> StartAsync(ClusterOptions options, CancellationToken cancel)
    {
        var full = options with { LogFolder = Path.GetFullPath(options.LogFolder) };
        Directory.CreateDirectory(full.LogFolder);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await StartOnceAsync(full, cancel).ConfigureAwait(false);
            }
            catch (EngineException e)
            {
                throw new ClusterStartException(e.Message);
            }
            catch (ClusterStartException e) when (attempt < MaxStarts
                && e.Message.Contains("already allocated", StringComparison.Ordinal))
            {
                // A published port was taken between its choice and its use; others are chosen.
            }
        }
    }

    /// <inheritdoc/>
    public Task<string> KillAsync(int node, CancellationToken cancel) => ActAsync(node, n => n.KillAsync(cancel), cancel);

    /// <inheritdoc/>
    public Task<string> StopAsync(int node, CancellationToken cancel) => ActAsync(node, n => n.StopAsync(cancel), cancel);

    /// <inheritdoc/>
    public Task<string> PauseAsync(int node, CancellationToken cancel) => ActAsync(node, n => n.PauseAsync(cancel), cancel);

    /// <inheritdoc/>
    public Task<string> ResumeAsync(int node, CancellationToken cancel) => ActAsync(node, n => n.ResumeAsync(cancel), cancel);

    /// <inheritdoc/>
    public Task<string> StartAsync(int node, CancellationToken cancel) => ActAsync(node, n => StartAgainAsync(n, cancel), cancel);

    /// <inheritdoc/>
    public Task<string> InflictAsync(PlannedFault fault, int node, CancellationToken cancel) => ActAsync(
        node,
        n => fault.Kind switch
        {
            FaultKind.Throttle => _faults.ThrottleAsync(n, fault.Amount ?? FaultText.DefaultThrottleCpus, cancel),
            FaultKind.Oom => _faults.ExhaustMemoryAsync(n, cancel),
            FaultKind.DiskFull => Volumes.FillAsync(n, cancel),
            FaultKind.Transfer => _members.InflictAsync(fault.Kind, node, cancel),
            _ when FaultKinds.IsLink(fault.Kind) => Links.InflictAsync(fault, node, cancel),
            _ => throw new NodeControlException($"{FaultKinds.NameOf(fault.Kind)} cannot be done to a container"),
        },
        cancel);

    /// <inheritdoc/>
    public Task<string> RelieveAsync(PlannedFault fault, int node, CancellationToken cancel) => ActAsync(
        node,
        async n =>
        {
            var done = fault.Kind switch
            {
                FaultKind.Throttle => await _faults.UnthrottleAsync(n).ConfigureAwait(false),
                FaultKind.Oom => await _faults.RestoreMemoryAsync(n).ConfigureAwait(false),
                FaultKind.DiskFull => await Volumes.FreeAsync(n, OnUnexpectedExit).ConfigureAwait(false),
                FaultKind.Transfer => "it leads until the next election",
                _ => await Links.RelieveAsync(fault, node, cancel).ConfigureAwait(false),
            };
            return n.State == NodeState.Down ? $"{done}, {await StartAgainAsync(n, cancel).ConfigureAwait(false)}" : done;
        },
        cancel);

    /// <inheritdoc/>
    public async Task<int?> LeaderAsync(CancellationToken cancel) => NodeStatus.Leader(
        await Task.WhenAll(_nodes.Select(n => StatusIfUpAsync(n, cancel))).ConfigureAwait(false));

    /// <inheritdoc/>
    public Task<IReadOnlyDictionary<string, string>?> StatusAsync(int node, CancellationToken cancel) =>
        StatusIfUpAsync(_nodes[node], cancel);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<NodeRow>> SampleAsync(CancellationToken cancel) =>
        await Task.WhenAll(_nodes.Select(n => SampleAsync(n, cancel))).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        ContainerNode[] all = _links is { } links ? [.. _nodes, links.Node] : [.. _nodes];
        foreach (var node in all)
        {
            node.EndExpected = true;
        }

        try
        {
            await Task.WhenAll(all.Select(async n =>
            {
                await n.SaveLogAsync(Path.Combine(_options.LogFolder, n.Name + ".log")).ConfigureAwait(false);
                await n.RemoveAsync().ConfigureAwait(false);
            })).ConfigureAwait(false);
            await Removal.ClusterAsync(_engine, _id).ConfigureAwait(false);
        }
        catch (EngineException e)
        {
            // The run's result does not depend on it, and nobody above could do more.
            await Console.Error.WriteLineAsync($"containers may be left: {e.Message}").ConfigureAwait(false);
        }
        finally
        {
            await _events.DisposeAsync().ConfigureAwait(false);
            _links?.Dispose();
            _probe.Dispose();
            _members.Dispose();
            _engine.Dispose();
        }
    }

    private static async Task<DockerCluster> StartOnceAsync(ClusterOptions options, CancellationToken cancel)
    {
        var engine = await Engine.ConnectAsync(cancel).ConfigureAwait(false);
        var cluster = new DockerCluster(options, engine);
        try
        {
            await cluster.StartAllAsync(cancel).ConfigureAwait(false);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private DataVolumes Volumes => _volumes
        ?? throw new NodeControlException("the nodes have no volume of their own that could be filled: give --node-disk");

    private LinkController Links => _links?.Controller
        ?? throw new NodeControlException("the cluster was started without the link proxy");

    private bool Published => _options.NodeAccess == "published"
        || (_options.NodeAccess == "auto" && !_engine.IsThisMachines);

    private async Task StartAllAsync(CancellationToken cancel)
    {
        Image = _options.NodeImage is { } given
            ? await NodeImage.GivenAsync(_engine, given, cancel).ConfigureAwait(false)
            : await NodeImage.EnsureAsync(_engine, _options.NodeProgram, null, cancel).ConfigureAwait(false);
        var labels = DockerLabels.Of(_id, _options.Owner);
        var network = await DockerNetwork.CreateAsync(_engine, $"testbed-{_id}", labels, cancel).ConfigureAwait(false);
        if (_options.NodeDiskBytes is { } diskBytes)
        {
            _volumes = await DataVolumes.CreateAsync(
                _engine, Image.Name, $"testbed-{_id}", labels, _options.Nodes, diskBytes, cancel).ConfigureAwait(false);
        }

        string[] direct = [.. Enumerable.Range(0, _options.Nodes).Select(i => WithPort(network.AddressOf(i), GrpcPort))];
        var ports = Published ? Ports.Choose(_options.Nodes) : [];
        var plan = _options.LinkProxy ? LinkContainer.Plan(direct, network.AddressOf(_options.Nodes)) : null;
        for (var i = 0; i < _options.Nodes; i++)
        {
            var parameters = Parameters(i, network, plan?.NodeView(i) ?? direct, ports.Count > 0 ? ports[i] : null, labels);
            cancel.ThrowIfCancellationRequested();
            var made = await Engine.CallAsync(c => _engine.Client.Containers.CreateContainerAsync(parameters, c))
                .ConfigureAwait(false);
            var address = ports.Count > 0 ? WithPort(_engine.PublishedHost, ports[i]) : direct[i];
            _nodes.Add(new ContainerNode(_engine, i, made.ID, direct[i], address));
            _gates.Add(new SemaphoreSlim(1));
        }

        if (plan is not null)
        {
            _links = await LinkContainer.StartAsync(
                _engine, network, plan, Published, $"testbed-{_id}", labels, OnUnexpectedExit, cancel).ConfigureAwait(false);
        }

        await Task.WhenAll(_nodes.Select(n => LaunchAndWaitAsync(n, cancel))).ConfigureAwait(false);
        // Nobody listens yet to what happens between one node's start and the last one's.
        if (_nodes.Find(n => n.State != NodeState.Up) is { } gone)
        {
            throw new ClusterStartException($"{gone.Name} came up and ended again: {ContainerNode.ExitText(gone.Ended)}; its log "
                + $"ends with: {await gone.LastLogLineAsync().ConfigureAwait(false)}");
        }
    }

    private void OnUnexpectedExit(int node, string what) => UnexpectedExit?.Invoke(node, what);

    private CreateContainerParameters Parameters(
        int node, DockerNetwork network, IReadOnlyList<string> view, int? published, Dictionary<string, string> labels)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"n{node}");
        var port = DockerPorts.Tcp(GrpcPort);
        var host = new HostConfig
        {
            NetworkMode = network.Id,
            // Killed containers stay down until the plan wants them back.
            RestartPolicy = new RestartPolicy { Name = RestartPolicyKind.No },
            LogConfig = new LogConfig
            {
                Type = "json-file",
                Config = new Dictionary<string, string> { ["max-size"] = "16m", ["max-file"] = "2" },
            },
            CapDrop = ["ALL"],
            SecurityOpt = ["no-new-privileges"],
            // As a quota, not as NanoCPUs: an engine changes no quota of a container that was given NanoCPUs.
            CPUPeriod = ContainerFaults.CpuPeriodMicros,
            CPUQuota = _options.NodeCpus is { } cpus ? (long)(cpus * ContainerFaults.CpuPeriodMicros) : -1,
            Memory = _options.NodeMemoryBytes ?? 0,
            MemorySwap = _options.NodeMemoryBytes ?? 0,
            Mounts = _volumes is { } volumes ? [volumes.MountOf(node)] : [],
        };
        if (published is { } at)
        {
            host.PortBindings = new Dictionary<string, IList<PortBinding>>
            {
                [port] = DockerPorts.Binding(_engine.PublishedHost, at),
            };
        }

        return new CreateContainerParameters
        {
            Name = $"testbed-{_id}-{name}",
            Hostname = name,
            Image = Image!.Name,
            Cmd = [.. NodeProgram.Arguments(
                _options with { TieToParent = false }, node, view, "/" + ImageArchive.DataFolder, "off"), "--listen", "*"],
            // The harness asks the nodes itself, ten times as often as an engine would.
            Healthcheck = new HealthcheckConfig { Test = ["NONE"] },
            Labels = new Dictionary<string, string>(labels) { [DockerLabels.Node] = name },
            ExposedPorts = new Dictionary<string, EmptyStruct> { [port] = default },
            HostConfig = host,
            NetworkingConfig = network.Endpoint(network.AddressOf(node)),
        };
    }

    private async Task LaunchAndWaitAsync(ContainerNode node, CancellationToken cancel)
    {
        await node.LaunchAsync(OnUnexpectedExit, cancel).ConfigureAwait(false);
        await ReadyAsync(node, cancel).ConfigureAwait(false);
    }

    private async Task ReadyAsync(ContainerNode node, CancellationToken cancel)
    {
        await NodeReadiness.WaitAsync(
            _probe, node.Address, node.Name,
            () => node.State == NodeState.Down ? ContainerNode.ExitText(node.Ended) : null,
            node.LastLogLineAsync, cancel).ConfigureAwait(false);
        node.MarkUp();
    }

    private async Task<string> StartAgainAsync(ContainerNode node, CancellationToken cancel)
    {
        if (node.State is NodeState.Up or NodeState.Paused)
        {
            throw new NodeControlException($"{node.Name} is already running");
        }

        var begun = Stopwatch.GetTimestamp();
        try
        {
            // A start that was given up half-way is taken up where it is.
            await (node.State == NodeState.Starting ? ReadyAsync(node, cancel) : LaunchAndWaitAsync(node, cancel))
                .ConfigureAwait(false);
        }
        catch (ClusterStartException e)
        {
            throw new NodeControlException(e.Message);
        }

        return string.Create(CultureInfo.InvariantCulture,
            $"serving after {Stopwatch.GetElapsedTime(begun).TotalMilliseconds:F0} ms");
    }

    private async Task<IReadOnlyDictionary<string, string>?> StatusIfUpAsync(ContainerNode node, CancellationToken cancel) =>
        node.State == NodeState.Up
            ? await NodeStatus.AskAsync(_probe, node.Address, SampleLimit, cancel).ConfigureAwait(false)
            : null;

    private async Task<NodeRow> SampleAsync(ContainerNode node, CancellationToken cancel)
    {
        var status = await StatusIfUpAsync(node, cancel).ConfigureAwait(false);
        return NodeStatus.Row(node.Name, node.State.ToString().ToLowerInvariant(), node.Sample(), status);
    }

    private async Task<string> ActAsync(int node, Func<ContainerNode, Task<string>> act, CancellationToken cancel)
    {
        await _gates[node].WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return await act(_nodes[node]).ConfigureAwait(false);
        }
        finally
        {
            _gates[node].Release();
        }
    }

    private static string WithPort(string host, int port) => string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");
}
