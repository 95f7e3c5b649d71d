using System.Diagnostics;
using System.Globalization;
using Docker.DotNet.Models;
using Testbed.Harness.Clusters.Docker.Resources;
using Testbed.Harness.Clusters.Processes;
using Testbed.Injectors;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>
/// One node in its container, which stays the same one over restarts: so does its data. Actions are called
/// one at a time; <see cref="State"/> and samples from any thread.
/// </summary>
internal sealed class ContainerNode(Engine engine, int index, string container, string direct, string address)
{
    private const uint StopSeconds = 5;
    private static readonly TimeSpan GoneLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(10);

    private readonly Lock _resourcesLock = new();
    private INodeResources? _resources;
    private Task _watch = Task.CompletedTask;
    private volatile NodeState _state = NodeState.Down;
    private volatile bool _endExpected;

    /// <summary>Node number; -1 of the link proxy.</summary>
    public int Index { get; } = index;

    /// <summary>Name in files and messages.</summary>
    public string Name { get; } = index < 0 ? "links" : string.Create(CultureInfo.InvariantCulture, $"n{index}");

    /// <summary>The container's id.</summary>
    public string Container { get; } = container;

    /// <summary>host:port within the cluster's network.</summary>
    public string DirectAddress { get; } = direct;

    /// <summary>host:port as reached from here.</summary>
    public string Address { get; } = address;

    /// <summary>State as the harness knows it.</summary>
    public NodeState State => _state;

    /// <summary>How the container last ended; null while it runs and before.</summary>
    public State? Ended { get; private set; }

    /// <summary>The node is going to end, whoever ends it: not a crash.</summary>
    public bool EndExpected
    {
        get => _endExpected;
        set => _endExpected = value;
    }

    /// <summary>Process id of the container's first process on the engine's machine; 0 while down.</summary>
    public int Pid { get; private set; }

    /// <summary>
    /// Starts the container. <paramref name="ended"/> is called when it ends without having been asked to.
    /// </summary>
    public async Task LaunchAsync(Action<int, string> ended, CancellationToken cancel)
    {
        _endExpected = false;
        Ended = null;
        _state = NodeState.Starting;
        try
        {
            cancel.ThrowIfCancellationRequested();
            await Engine.CallAsync(c => engine.Client.Containers.StartContainerAsync(
                Container, new ContainerStartParameters(), c)).ConfigureAwait(false);
            _watch = WatchAsync(ended);
            Pid = (int)(await InspectAsync().ConfigureAwait(false)).Pid;
        }
        catch (EngineException e)
        {
            _state = NodeState.Down;
            throw new ClusterStartException($"{Name} could not be started: {e.Message}");
        }

        var resources = engine.IsThisMachines && Pid > 0 ? ControlGroup.TryOpen(Pid, Container) : null;
        lock (_resourcesLock)
        {
            _resources?.Dispose();
            _resources = (INodeResources?)resources ?? new EngineStats(engine, Container);
        }
    }

    /// <summary>The node answers: it is up.</summary>
    public void MarkUp()
    {
        if (_state == NodeState.Starting)
        {
            _state = NodeState.Up;
        }
    }

    /// <summary>SIGKILL, and waits until the container is gone.</summary>
    public async Task<string> KillAsync(CancellationToken cancel)
    {
        RequireAlive("killed");
        _endExpected = true;
        await CallAsync(c => engine.Client.Containers.KillContainerAsync(Container, new ContainerKillParameters { Signal = "SIGKILL" }, c))
            .ConfigureAwait(false);
        await GoneAsync(cancel).ConfigureAwait(false);
        return $"container exited: {ExitText(Ended)}";
    }

    /// <summary>SIGTERM, and waits until the container is gone; the engine kills it when it does not go.</summary>
    public async Task<string> StopAsync(CancellationToken cancel)
    {
        RequireAlive("stopped");
        if (_state == NodeState.Paused)
        {
            await ResumeAsync(cancel).ConfigureAwait(false);
        }

        _endExpected = true;
        var begun = Stopwatch.GetTimestamp();
        await CallAsync(c => engine.Client.Containers.StopContainerAsync(
            Container, new ContainerStopParameters { WaitBeforeKillSeconds = StopSeconds }, c)).ConfigureAwait(false);
        await GoneAsync(cancel).ConfigureAwait(false);
        var took = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
        return string.Create(CultureInfo.InvariantCulture, $"container exited: {ExitText(Ended)}, {took:F0} ms after SIGTERM");
    }

    /// <summary>Freezes all processes of the container.</summary>
    public async Task<string> PauseAsync(CancellationToken cancel)
    {
        RequireAlive("paused");
        if (_state == NodeState.Paused)
        {
            throw new NodeControlException($"{Name} is already paused");
        }

        await CallAsync(c => engine.Client.Containers.PauseContainerAsync(Container, c)).ConfigureAwait(false);
        _state = NodeState.Paused;
        cancel.ThrowIfCancellationRequested();
        var paused = false;
        await CallAsync(async c => paused = (await engine.Client.Containers.InspectContainerAsync(Container, c)
            .ConfigureAwait(false)).State is { Paused: true }).ConfigureAwait(false);
        return paused
            ? "container state paused (freezer)"
            : throw new NodeControlException($"{Name} did not stop running after it was paused");
    }

    /// <summary>Lets a paused container run again.</summary>
    public async Task<string> ResumeAsync(CancellationToken cancel)
    {
        RequireAlive("resumed");
        if (_state != NodeState.Paused)
        {
            throw new NodeControlException($"{Name} is not paused");
        }

        await CallAsync(c => engine.Client.Containers.UnpauseContainerAsync(Container, c)).ConfigureAwait(false);
        _state = NodeState.Up;
        cancel.ThrowIfCancellationRequested();
        return "container state running";
    }

    /// <summary>Changes limits of the container; throws <see cref="NodeControlException"/>.</summary>
    public Task UpdateAsync(ContainerUpdateParameters limits) =>
        CallAsync(c => engine.Client.Containers.UpdateContainerAsync(Container, limits, c));

    /// <summary>Waits until the container has ended; throws <see cref="NodeControlException"/>.</summary>
    public async Task GoneAsync(CancellationToken cancel)
    {
        try
        {
            await _watch.WaitAsync(GoneLimit, cancel).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new NodeControlException(string.Create(
                CultureInfo.InvariantCulture, $"{Name} was still there after {GoneLimit.TotalSeconds} s"));
        }
    }

    /// <summary>What the container has used; empty while down.</summary>
    public NodeUse Sample()
    {
        lock (_resourcesLock)
        {
            return _state == NodeState.Down || _resources is null ? default : _resources.Read();
        }
    }

    /// <summary>Where the figures come from, in words; empty before the first start.</summary>
    public string FiguresFrom
    {
        get
        {
            lock (_resourcesLock)
            {
                return _resources switch
                {
                    ControlGroup { HasProcessDisk: true } => "control groups; disk bytes: the process's account",
                    ControlGroup => "control groups; disk bytes: the group's, without buffered writes on version 1",
                    EngineStats => "statistics of the engine",
                    _ => "",
                };
            }
        }
    }

    /// <summary>CPU quota periods used up, and all; null when it is not known.</summary>
    public (long Throttled, long All)? Throttling()
    {
        lock (_resourcesLock)
        {
            return _resources?.Throttling();
        }
    }

    /// <summary>The last line the node wrote; for messages.</summary>
    public async Task<string> LastLogLineAsync()
    {
        try
        {
            using var limit = new CancellationTokenSource(CallLimit);
            using var stream = await engine.Client.Containers.GetContainerLogsAsync(
                Container, new ContainerLogsParameters { ShowStdout = true, ShowStderr = true, Tail = "5" }, limit.Token)
                .ConfigureAwait(false);
            var (output, errors) = await stream.ReadOutputToEndAsync(limit.Token).ConfigureAwait(false);
            return LogTail.LastLineOf(errors.Length > 0 ? errors : output);
        }
        catch (Exception e) when (Engine.IsRefusal(e))
        {
            return "(not known)";
        }
    }

    /// <summary>Writes all the node has written so far into a file.</summary>
    public async Task SaveLogAsync(string file)
    {
        try
        {
            using var limit = new CancellationTokenSource(CallLimit);
            using var stream = await engine.Client.Containers.GetContainerLogsAsync(
                Container, new ContainerLogsParameters { ShowStdout = true, ShowStderr = true }, limit.Token)
                .ConfigureAwait(false);
            await using var target = new FileStream(file, FileMode.Create, FileAccess.Write);
            await stream.CopyOutputToAsync(Stream.Null, target, target, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (Engine.IsRefusal(e))
        {
            await File.AppendAllTextAsync(file, $"(the engine did not give the log: {Engine.Reason(e)})\n").ConfigureAwait(false);
        }
    }

    /// <summary>Ends the container, if it runs, and removes it.</summary>
    public async Task RemoveAsync()
    {
        _endExpected = true;
        lock (_resourcesLock)
        {
            _resources?.Dispose();
            _resources = null;
        }

        await Removal.ContainerAsync(engine, Container).ConfigureAwait(false);
    }

    /// <summary>An end in words.</summary>
    public static string ExitText(State? ended) => ended switch
    {
        null => "exit code not known",
        { OOMKilled: true } => string.Create(CultureInfo.InvariantCulture, $"exit code {ended.ExitCode}, killed for memory (OOM)"),
        _ => NodeProcess.ExitText((int)ended.ExitCode),
    };

    /// <summary>The container's state now; throws <see cref="EngineException"/>.</summary>
    private async Task<State> InspectAsync()
    {
        var found = await Engine.CallAsync(c => engine.Client.Containers.InspectContainerAsync(Container, c))
            .ConfigureAwait(false);
        return found.State ?? new State();
    }

    private async Task WatchAsync(Action<int, string> ended)
    {
        try
        {
            await engine.Client.Containers.WaitContainerAsync(Container, CancellationToken.None).ConfigureAwait(false);
            Ended = await InspectAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (Engine.IsRefusal(e) || e is EngineException)
        {
            // Removed, or the engine itself is gone: how it ended stays unknown.
        }

        var wasUp = _state is NodeState.Up or NodeState.Paused;
        _state = NodeState.Down;
        Pid = 0;
        if (!_endExpected && wasUp)
        {
            var last = await LastLogLineAsync().ConfigureAwait(false);
            ended(Index, $"{Name} ended by itself with {ExitText(Ended)}; its log ends with: {last}");
        }
    }

    private void RequireAlive(string what)
    {
        if (_state == NodeState.Down)
        {
            throw new NodeControlException($"{Name} is already down and cannot be {what}");
        }
    }

    private static async Task CallAsync(Func<CancellationToken, Task> call)
    {
        try
        {
            await Engine.CallAsync(call).ConfigureAwait(false);
        }
        catch (EngineException e)
        {
            throw new NodeControlException(e.Message);
        }
    }
}
