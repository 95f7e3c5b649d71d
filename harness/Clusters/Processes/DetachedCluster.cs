using System.Diagnostics;
using System.Globalization;
using Testbed.Injectors;

namespace Testbed.Harness.Clusters.Processes;

/// <summary>
/// A cluster that an earlier harness left running, found through its state file. Its nodes are not our
/// children.
/// </summary>
internal sealed class DetachedCluster : IDisposable
{
    private const int MostNodes = 32;

    private static readonly TimeSpan GoneLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan StatusLimit = TimeSpan.FromSeconds(2);

    private readonly string _path;
    private readonly GrpcNodeProbe _probe = new();

    private DetachedCluster(string path, ClusterState state)
    {
        _path = path;
        State = state;
    }

    /// <summary>What the state file says now.</summary>
    public ClusterState State { get; private set; }

    /// <summary>The cluster of a state file; null when there is none.</summary>
    public static DetachedCluster? Open(string path) =>
        ClusterState.Load(path) is { } state ? new DetachedCluster(path, state) : null;

    /// <summary>Starts a cluster that outlives this process and writes its state file.</summary>
    public static async Task<DetachedCluster> StartAsync(string path, ClusterOptions options, CancellationToken cancel)
    {
        await using var cluster = await ProcessCluster.StartAsync(options with { TieToParent = false }, cancel)
            .ConfigureAwait(false);
        var processes = cluster.Processes();
        var state = new ClusterState
        {
            StartedUtc = DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
            Strategy = options.Strategy,
            DataElements = options.DataElements,
            Width = options.Width,
            Durability = options.Durability,
            Reads = options.Reads,
            RebuildBytesPerSecond = options.RebuildBytesPerSecond,
            Seed = options.Seed,
            NodeProgram = options.NodeProgram,
            LogFolder = Path.GetFullPath(options.LogFolder),
            DataFolder = Path.GetFullPath(options.DataFolder),
            Members = [.. cluster.Addresses.Select((address, i) => new MemberState(
                address, cluster.MetricsAddresses.ElementAtOrDefault(i), processes[i].Pid, processes[i].StartToken))],
        };
        try
        {
            state.Save(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Without its state file nobody could end it any more.
            await cluster.EndAsync(removeData: true).ConfigureAwait(false);
            throw new ClusterStartException($"cannot write the state file {path}: {e.Message.ReplaceLineEndings(" ")}");
        }

        return new DetachedCluster(path, state);
    }

    /// <summary>True when the node's process lives and is the one of the state file.</summary>
    public bool IsAlive(int node) => State.Members[node] is { Pid: > 1, Start: { } start } member
        && ProcessIdentity.IsAlive(member.Pid, start);

    /// <summary>up, paused, down (ended on purpose) or gone (ended otherwise).</summary>
    public string StateOf(int node) => State.Members[node].Pid == 0 ? "down"
        : !IsAlive(node) ? "gone"
        : ProcessIdentity.State(State.Members[node].Pid) == "T" ? "paused"
        : "up";

    /// <summary>Status of a node by name; null when it does not answer.</summary>
    public async Task<IReadOnlyDictionary<string, string>?> StatusAsync(int node, CancellationToken cancel)
    {
        if (StateOf(node) != "up")
        {
            return null;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(StatusLimit);
        try
        {
            return await _probe.StatusAsync(State.Members[node].Address, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Ends a node's process; orderly or at once.</summary>
    public async Task<string> EndAsync(int node, bool orderly, CancellationToken cancel)
    {
        if (!IsAlive(node))
        {
            throw new NodeControlException(string.Create(CultureInfo.InvariantCulture, $"n{node} is already down"));
        }

        var member = State.Members[node];
        Signal(member.Pid, orderly);
        if (!await GoneAsync(member, cancel).ConfigureAwait(false))
        {
            Signal(member.Pid, orderly: false);
            _ = await GoneAsync(member, cancel).ConfigureAwait(false);
        }

        Remember(node, member with { Pid = 0, Start = null });
        return string.Create(
            CultureInfo.InvariantCulture, $"n{node} {(orderly ? "stopped" : "killed")} (pid {member.Pid})");
    }

    /// <summary>Starts a node again on its address and data.</summary>
    public async Task<string> StartNodeAsync(int node, CancellationToken cancel)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"n{node}");
        if (IsAlive(node))
        {
            throw new NodeControlException($"{name} is already running");
        }

        var member = State.Members[node];
        var options = new ClusterOptions
        {
            Strategy = State.Strategy,
            Nodes = State.Members.Count,
            Founders = State.Founders,
            DataElements = State.DataElements,
            Width = State.Width,
            Durability = State.Durability,
            Reads = State.Reads,
            RebuildBytesPerSecond = State.RebuildBytesPerSecond,
            LogFolder = State.LogFolder,
            DataFolder = State.DataFolder,
            TieToParent = false,
            Seed = State.Seed,
        };
        var log = Path.Combine(State.LogFolder, name + ".log");
        string[] words =
        [
            .. NodeProgram.Command(State.NodeProgram),
            .. NodeProgram.Arguments(
                options, node, [.. State.Members.Select(m => m.Address)], Path.Combine(State.DataFolder, name),
                member.Metrics ?? "off"),
            .. member.Joins ? ["--join"] : Array.Empty<string>(),
        ];
        var begun = Stopwatch.GetTimestamp();
        using var process = Process.Start(NodeProgram.StartInfo(words, log, tied: false))
            ?? throw new NodeControlException($"{name} did not start");
        Remember(node, member with { Pid = process.Id, Start = ProcessIdentity.StartToken(process.Id) });
        while (!await ServesAsync(member.Address, cancel).ConfigureAwait(false))
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(begun) > ReadyLimit)
            {
                var why = process.HasExited ? NodeProcess.ExitText(process.ExitCode) : "not ready in time";
                throw new NodeControlException($"{name} did not start: {why}; its log ends with: {LogTail.LastLine(log)}");
            }

            await Task.Delay(Poll, cancel).ConfigureAwait(false);
        }

        var took = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
        return string.Create(CultureInfo.InvariantCulture, $"{name} serves again after {took:F0} ms (pid {process.Id})");
    }

    /// <summary>Asks whoever leads to change the members.</summary>
    public MemberChanges Members() => new(() => [.. State.Members.Where(m => m.Pid > 0).Select(m => m.Address)]);

    /// <summary>Starts one more node and lets it join; returns once it votes.</summary>
    public async Task<string> AddNodeAsync(Action<string> progress, CancellationToken cancel)
    {
        var node = State.Members.Count;
        if (node == MostNodes)
        {
            throw new NodeControlException($"a cluster has at most {MostNodes} nodes");
        }

        var ports = Ports.Choose(2);
        var address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{ports[0]}");
        var metrics = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{ports[1]}");
        using var changes = Members();
        State = State with
        {
            Founders = State.Founders > 0 ? State.Founders : State.Members.Count,
            Members = [.. State.Members, new MemberState(address, metrics, 0, null, Joins: true)],
        };
        State.Save(_path);
        return await changes.AddAsync(
            node, address, async token => progress(await StartNodeAsync(node, token).ConfigureAwait(false)), progress, cancel)
            .ConfigureAwait(false);
    }

    /// <summary>Takes a node out and ends it; its number stays its own.</summary>
    public async Task<string> RemoveNodeAsync(int node, CancellationToken cancel)
    {
        using var changes = Members();
        var removed = await changes.RemoveAsync(node, cancel).ConfigureAwait(false);
        return IsAlive(node) ? $"{removed}; {await EndAsync(node, orderly: true, cancel).ConfigureAwait(false)}" : removed;
    }

    /// <summary>Kills a node and starts it without its data; returns once it is a full member again.</summary>
    public async Task<string> ReplaceNodeAsync(int node, CancellationToken cancel)
    {
        using var changes = Members();
        var former = State.Strategy == "raft" ? await changes.VoterAsync(node, cancel).ConfigureAwait(false) : 0;
        if (State.Strategy == "raft" && former == 0)
        {
            throw new NodeControlException(string.Create(
                CultureInfo.InvariantCulture, $"n{node} has no vote that could be replaced"));
        }

        if (IsAlive(node))
        {
            _ = await EndAsync(node, orderly: false, cancel).ConfigureAwait(false);
        }

        DataFolders.RemoveNode(State.DataFolder, string.Create(CultureInfo.InvariantCulture, $"n{node}"));
        Remember(node, State.Members[node] with { Joins = true });
        var started = await StartNodeAsync(node, cancel).ConfigureAwait(false);
        return State.Strategy == "raft"
            ? $"{started}; {await changes.ReplacedAsync(node, former, cancel).ConfigureAwait(false)}"
            : started;
    }

    /// <summary>
    /// Ends all nodes that still are the ones of the state file, removes data, logs and the file. Returns how
    /// many it ended.
    /// </summary>
    public async Task<int> DownAsync(CancellationToken cancel)
    {
        var alive = State.Members.Where((_, i) => IsAlive(i)).ToList();
        foreach (var member in alive)
        {
            Signal(member.Pid, orderly: true);
        }

        foreach (var member in alive)
        {
            if (!await GoneAsync(member, cancel).ConfigureAwait(false))
            {
                Signal(member.Pid, orderly: false);
                _ = await GoneAsync(member, cancel).ConfigureAwait(false);
            }
        }

        DataFolders.Remove(State.DataFolder);
        DataFolders.Remove(State.LogFolder);
        DataFolders.RemoveIfEmpty(Path.GetDirectoryName(State.DataFolder));
        File.Delete(_path);
        return alive.Count;
    }

    /// <inheritdoc/>
    public void Dispose() => _probe.Dispose();

    private static void Signal(int pid, bool orderly)
    {
        if (OperatingSystem.IsWindows())
        {
            using var process = Process.GetProcessById(pid);
            process.Kill();
            return;
        }

        _ = UnixSignal.TrySend(pid, orderly ? UnixSignal.Terminate : UnixSignal.Kill, out _);
        // A paused process takes a SIGTERM only once it runs again.
        _ = orderly && UnixSignal.TrySend(pid, UnixSignal.Continue, out _);
    }

    private static async Task<bool> GoneAsync(MemberState member, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        while (ProcessIdentity.IsAlive(member.Pid, member.Start ?? ""))
        {
            if (Stopwatch.GetElapsedTime(begun) > GoneLimit)
            {
                return false;
            }

            await Task.Delay(Poll, cancel).ConfigureAwait(false);
        }

        return true;
    }

    private async Task<bool> ServesAsync(string address, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(ProbeLimit);
        try
        {
            return await _probe.IsServingAsync(address, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return false;
        }
    }

    private void Remember(int node, MemberState member)
    {
        MemberState[] members = [.. State.Members];
        members[node] = member;
        State = State with { Members = members };
        State.Save(_path);
    }
}
