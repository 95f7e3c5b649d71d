using System.Diagnostics;
using System.Globalization;
using Testbed.Faults;
using Testbed.Harness.Clusters.Links;
using Testbed.Injectors;
using Testbed.Results;

namespace Testbed.Harness.Clusters.Processes;

/// <summary>A cluster of child processes on loopback.</summary>
public sealed class ProcessCluster : ICluster
{
    private const int MaxStarts = 3;

    private static readonly TimeSpan SampleLimit = TimeSpan.FromMilliseconds(200);

    private readonly ClusterOptions _options;
    private readonly INodeProbe _probe;
    private readonly GrpcNodeProbe? _ownProbe;
    private readonly IReadOnlyList<string> _command;
    private readonly NodeProcess[] _nodes;
    private readonly string[] _metrics;
    private readonly SemaphoreSlim[] _gates;
    private readonly MemberFaults _members;

    /// <summary>By node: the life whose data were removed; 0 for a node that still has its first ones.</summary>
    private readonly long[] _wiped;
    private readonly LinkProxy? _links;
    private readonly Reaper? _reaper;
    private bool _disposed;

    private ProcessCluster(ClusterOptions options, INodeProbe? probe, IReadOnlyList<int> ports)
    {
        _options = options;
        _ownProbe = probe is null ? new GrpcNodeProbe() : null;
        _probe = probe ?? _ownProbe!;
        _command = NodeProgram.Command(options.NodeProgram);
        string[] addresses = [.. ports.Select(Loopback)];
        string[] direct = addresses[..options.Nodes];
        _metrics = options.Metrics ? addresses[options.Nodes..(options.Nodes * 2)] : [];
        _nodes = [.. direct.Select((address, i) => new NodeProcess(
            i, address, Path.Combine(options.LogFolder, string.Create(CultureInfo.InvariantCulture, $"n{i}.log"))))];
        _links = options.LinkProxy
            ? new LinkProxy(direct, addresses[(options.Nodes + _metrics.Length)..], options.LogFolder)
            : null;
        Addresses = _links?.Plan.ClientView ?? direct;
        _gates = [.. _nodes.Select(_ => new SemaphoreSlim(1))];
        _members = new MemberFaults(() => direct, options.Nodes);
        _wiped = new long[options.Nodes];
        _reaper = Reaper.Start(options.DataFolder);
    }

    /// <inheritdoc/>
    public event Action<int, string>? UnexpectedExit;

    /// <inheritdoc/>
    public IReadOnlyList<string> Addresses { get; }

    /// <summary>host:port where the nodes really listen, whatever clients and other nodes dial.</summary>
    internal IReadOnlyList<string> DirectAddresses => [.. _nodes.Select(n => n.Address)];

    /// <summary>Process id of the link proxy; 0 when there is none.</summary>
    internal int LinkProxyPid => _links?.Process.Pid ?? 0;

    /// <summary>host:port of every node's <c>/metrics</c>; empty when the cluster has none.</summary>
    public IReadOnlyList<string> MetricsAddresses => _metrics;

    /// <inheritdoc/>
    public int Count => _nodes.Length;

    /// <summary>
    /// Starts a cluster and returns once every node answers; throws <see cref="ClusterStartException"/> with
    /// one line.
    /// </summary>
    public static Task<ProcessCluster> StartAsync(ClusterOptions options, CancellationToken cancel) =>
        StartAsync(options, null, cancel);

    /// <summary>The same with another way to ask the nodes, for tests.</summary>
    internal static async Task<ProcessCluster> StartAsync(
        ClusterOptions options, INodeProbe? probe, CancellationToken cancel)
    {
        var full = options with
        {
            LogFolder = Path.GetFullPath(options.LogFolder),
            DataFolder = Path.GetFullPath(options.DataFolder),
        };
        if (options.LinkProxy && !options.TieToParent)
        {
            throw new ClusterStartException("a cluster that outlives the harness cannot run through the link proxy");
        }

        MakeFolders(full);
        for (var attempt = 1; ; attempt++)
        {
            var cluster = new ProcessCluster(full, probe, ChoosePorts(full));
            try
            {
                await cluster.StartAllAsync(cancel).ConfigureAwait(false);
                return cluster;
            }
            catch (Exception e)
            {
                await cluster.EndAsync(attempt == MaxStarts || !cluster.PortWasTaken).ConfigureAwait(false);
                if (e is not ClusterStartException || !cluster.PortWasTaken || full.BasePort != 0 || attempt == MaxStarts)
                {
                    throw;
                }
            }
        }
    }

    /// <inheritdoc/>
    public Task<string> KillAsync(int node, CancellationToken cancel) =>
        ActAsync(node, n => n.KillAsync(cancel), cancel);

    /// <inheritdoc/>
    public Task<string> StopAsync(int node, CancellationToken cancel) =>
        ActAsync(node, n => n.StopAsync(cancel), cancel);

    /// <inheritdoc/>
    public Task<string> PauseAsync(int node, CancellationToken cancel) =>
        ActAsync(node, n => n.PauseAsync(cancel), cancel);

    /// <inheritdoc/>
    public Task<string> ResumeAsync(int node, CancellationToken cancel) =>
        ActAsync(node, n => n.ResumeAsync(cancel), cancel);

    /// <inheritdoc/>
    public Task<string> StartAsync(int node, CancellationToken cancel) => ActAsync(
        node,
        async n =>
        {
            if (n.State is NodeState.Up or NodeState.Paused)
            {
                throw new NodeControlException($"{n.Name} is already running");
            }

            var begun = Stopwatch.GetTimestamp();
            try
            {
                // A start that was given up half-way is taken up where it is.
                await (n.State == NodeState.Starting ? ReadyAsync(n, cancel) : LaunchAndWaitAsync(n, cancel))
                    .ConfigureAwait(false);
            }
            catch (ClusterStartException e)
            {
                throw new NodeControlException(e.Message);
            }

            var took = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
            return string.Create(CultureInfo.InvariantCulture, $"serving after {took:F0} ms, pid {n.Pid}");
        },
        cancel);

    /// <inheritdoc/>
    public Task<string> InflictAsync(PlannedFault fault, int node, CancellationToken cancel) => fault.Kind switch
    {
        FaultKind.Replace => ActAsync(node, n => WipeAsync(n, cancel), cancel),
        _ when FaultKinds.IsMembership(fault.Kind) => _members.InflictAsync(fault.Kind, node, cancel),
        _ => LinksFor(fault).InflictAsync(fault, node, cancel),
    };

    /// <inheritdoc/>
    public async Task<string> RelieveAsync(PlannedFault fault, int node, CancellationToken cancel)
    {
        if (FaultKinds.IsMembership(fault.Kind))
        {
            // A removed node's process still believes in its old part: the member that comes is a new one.
            return await _members.RelieveAsync(fault.Kind, node, async token =>
            {
                _ = await ActAsync(node, n => WipeAsync(n, token), token).ConfigureAwait(false);
                _ = await StartAsync(node, token).ConfigureAwait(false);
            }, cancel).ConfigureAwait(false);
        }

        if (fault.Kind != FaultKind.Replace)
        {
            return await LinksFor(fault).RelieveAsync(fault, node, cancel).ConfigureAwait(false);
        }

        var started = await StartAsync(node, cancel).ConfigureAwait(false);
        return _options.Strategy == "raft"
            ? $"{started}; {await _members.ReplacedAsync(node, _wiped[node], cancel).ConfigureAwait(false)}"
            : started;
    }

    /// <inheritdoc/>
    public async Task<int?> LeaderAsync(CancellationToken cancel)
    {
        var statuses = await Task.WhenAll(_nodes.Select(n => StatusIfUpAsync(n, cancel))).ConfigureAwait(false);
        return NodeStatus.Leader(statuses);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<string, string>?> StatusAsync(int node, CancellationToken cancel) =>
        await StatusIfUpAsync(_nodes[node], cancel).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<NodeRow>> SampleAsync(CancellationToken cancel) =>
        await Task.WhenAll(_nodes.Select(n => SampleAsync(n, cancel))).ConfigureAwait(false);

    /// <summary>The processes as they are now, for a state file.</summary>
    internal IReadOnlyList<(int Pid, string? StartToken)> Processes() => [.. _nodes.Select(n => (n.Pid, n.StartToken))];

    /// <summary>
    /// Ends every node and removes the data. A cluster that shall outlive its parent is only let go of.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (_options.TieToParent)
        {
            await EndAsync(removeData: true).ConfigureAwait(false);
            return;
        }

        _reaper?.LetGo();
        _reaper?.Dispose();
        _ownProbe?.Dispose();
        _members.Dispose();
        foreach (var node in _nodes)
        {
            node.Release();
        }
    }

    private bool PortWasTaken =>
        _links is { PortWasTaken: true } || _nodes.Any(n => n.ExitCode == NodeProgram.PortInUse);

    /// <summary>Kills a node and removes what it kept; it starts as a new member from now on.</summary>
    private async Task<string> WipeAsync(NodeProcess node, CancellationToken cancel)
    {
        _wiped[node.Index] = long.Max(1, _options.Strategy == "raft"
            ? await _members.VoterAsync(node.Index, cancel).ConfigureAwait(false)
            : 0);
        var killed = node.State is NodeState.Up or NodeState.Paused
            ? await node.KillAsync(cancel).ConfigureAwait(false)
            : "it was down";
        DataFolders.RemoveNode(_options.DataFolder, node.Name);
        return killed + ", its data removed";
    }

    private LinkController LinksFor(PlannedFault fault)
    {
        if (!FaultKinds.IsLink(fault.Kind))
        {
            throw new NodeControlException($"{FaultKinds.NameOf(fault.Kind)} cannot be done to a process");
        }

        return _links?.Controller ?? throw new NodeControlException(
            $"{FaultKinds.NameOf(fault.Kind)} needs a cluster whose links run through the link proxy");
    }

    private static string Loopback(int port) => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");

    private static IReadOnlyList<int> ChoosePorts(ClusterOptions options)
    {
        var count = (options.Metrics ? options.Nodes * 2 : options.Nodes)
            + (options.LinkProxy ? LinkProxy.AddressesFor(options.Nodes) : 0);
        if (options.BasePort == 0)
        {
            return Ports.Choose(count);
        }

        IReadOnlyList<int> ports = [.. Enumerable.Range(options.BasePort, count)];
        var taken = ports.Where(p => !Ports.IsFree(p)).ToList();
        return taken.Count == 0 ? ports : throw new ClusterStartException(string.Create(
            CultureInfo.InvariantCulture,
            $"port {taken[0]} is in use; choose another --base-port or leave it out to get free ports"));
    }

    private static void MakeFolders(ClusterOptions options)
    {
        try
        {
            Directory.CreateDirectory(options.LogFolder);
            DataFolders.Make(options.DataFolder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ClusterStartException("cannot write the cluster's folders: " + e.Message);
        }
    }

    private async Task StartAllAsync(CancellationToken cancel)
    {
        if (_links is not null)
        {
            await _links.StartAsync(TellReaper, OnUnexpectedExit, cancel).ConfigureAwait(false);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var starts = _nodes.Select(n => LaunchAndWaitAsync(n, stop.Token)).ToList();
        ClusterStartException? failure = null;
        while (starts.Count > 0)
        {
            var ended = await Task.WhenAny(starts).ConfigureAwait(false);
            starts.Remove(ended);
            try
            {
                await ended.ConfigureAwait(false);
            }
            catch (ClusterStartException e)
            {
                failure ??= e;
                await stop.CancelAsync().ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (failure is not null)
            {
                // The others give up because one failed; the one that failed is the message.
            }
        }

        cancel.ThrowIfCancellationRequested();
        // Nobody listens yet to what happens between one node's start and the last one's.
        if (failure is null && Array.Find(_nodes, n => n.State != NodeState.Up) is { } gone)
        {
            failure = new ClusterStartException($"{gone.Name} came up and ended again: "
                + $"{NodeProcess.ExitText(gone.ExitCode)}; its log ends with: {gone.LastLogLine()}");
        }

        if (failure is not null)
        {
            throw failure;
        }
    }

    private async Task LaunchAndWaitAsync(NodeProcess node, CancellationToken cancel)
    {
        var data = Path.Combine(_options.DataFolder, node.Name);
        Directory.CreateDirectory(data);
        var metrics = _options.Metrics ? _metrics[node.Index] : "off";
        var view = _links?.Plan.NodeView(node.Index) ?? Addresses;
        string[] words =
        [
            .. _command, .. NodeProgram.Arguments(_options, node.Index, view, data, metrics),
            .. _wiped[node.Index] > 0 ? ["--join"] : Array.Empty<string>(),
        ];
        try
        {
            node.Launch(NodeProgram.StartInfo(words, node.LogFile, _options.TieToParent), OnUnexpectedExit);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new ClusterStartException($"{node.Name} could not be started: {e.Message}");
        }

        TellReaper();
        await ReadyAsync(node, cancel).ConfigureAwait(false);
    }

    private async Task ReadyAsync(NodeProcess node, CancellationToken cancel)
    {
        await NodeReadiness.WaitAsync(
            _probe, node.Address, node.Name,
            () => node.State == NodeState.Down ? NodeProcess.ExitText(node.ExitCode) : null,
            () => Task.FromResult(node.LastLogLine()), cancel).ConfigureAwait(false);
        node.MarkUp();
    }

    private async Task<IReadOnlyDictionary<string, string>?> StatusIfUpAsync(NodeProcess node, CancellationToken cancel) =>
        node.State == NodeState.Up
            ? await NodeStatus.AskAsync(_probe, node.Address, SampleLimit, cancel).ConfigureAwait(false)
            : null;

    private async Task<NodeRow> SampleAsync(NodeProcess node, CancellationToken cancel)
    {
        var status = await StatusIfUpAsync(node, cancel).ConfigureAwait(false);
        return NodeStatus.Row(node.Name, node.State.ToString().ToLowerInvariant(), node.Sample(), status);
    }

    private async Task<string> ActAsync(int node, Func<NodeProcess, Task<string>> act, CancellationToken cancel)
    {
        await _gates[node].WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return await act(_nodes[node]).ConfigureAwait(false);
        }
        finally
        {
            _gates[node].Release();
            TellReaper();
        }
    }

    private void TellReaper()
    {
        var processes = Processes().Where(p => p.Pid != 0);
        _reaper?.Watch(_links is { Process.Pid: not 0 } ? processes.Append(_links.Process) : processes);
    }

    private void OnUnexpectedExit(int node, string what)
    {
        TellReaper();
        UnexpectedExit?.Invoke(node, what);
    }

    /// <summary>Ends every node, whatever it was meant for; may be called again.</summary>
    internal async Task EndAsync(bool removeData)
    {
        _disposed = true;
        await Task.WhenAll(_nodes.Select(n => n.DisposeAsync())).ConfigureAwait(false);
        await (_links?.EndAsync() ?? Task.CompletedTask).ConfigureAwait(false);
        _ownProbe?.Dispose();
        _members.Dispose();
        _reaper?.Watch([]);
        _reaper?.Dispose();
        if (removeData)
        {
            DataFolders.Remove(_options.DataFolder);
        }
    }
}
