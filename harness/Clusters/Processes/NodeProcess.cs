using System.Diagnostics;
using System.Globalization;
using System.Text;
using Testbed.Injectors;

namespace Testbed.Harness.Clusters.Processes;

/// <summary>State of a node's process as the harness made it.</summary>
internal enum NodeState
{
    /// <summary>No process.</summary>
    Down,

    /// <summary>Started, does not answer yet.</summary>
    Starting,

    /// <summary>Answers.</summary>
    Up,

    /// <summary>Stopped by SIGSTOP.</summary>
    Paused,
}

/// <summary>
/// One node: its process, if any. Actions are called one at a time; <see cref="State"/> and samples from any
/// thread.
/// </summary>
internal sealed class NodeProcess(int index, string address, string logFile, string? name = null)
{
    private static readonly TimeSpan GoneLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PauseLimit = TimeSpan.FromSeconds(1);

    private readonly Lock _samplerLock = new();
    private Process? _process;
    private ProcessSampler? _sampler;
    private Task _watch = Task.CompletedTask;
    private volatile NodeState _state = NodeState.Down;
    private volatile bool _endExpected;

    /// <summary>Node number.</summary>
    public int Index { get; } = index;

    /// <summary>host:port.</summary>
    public string Address { get; } = address;

    /// <summary>Name in files and messages.</summary>
    public string Name { get; } = name ?? string.Create(CultureInfo.InvariantCulture, $"n{index}");

    /// <summary>Where its output goes.</summary>
    public string LogFile { get; } = logFile;

    /// <summary>State as the harness knows it.</summary>
    public NodeState State => _state;

    /// <summary>Process id; 0 while down.</summary>
    public int Pid { get; private set; }

    /// <summary>Start token of the process, see <see cref="ProcessIdentity"/>.</summary>
    public string? StartToken { get; private set; }

    /// <summary>Exit code of the last process; null while one lives and before the first.</summary>
    public int? ExitCode { get; private set; }

    /// <summary>
    /// Starts the process. <paramref name="ended"/> is called when it ends without having been asked to.
    /// </summary>
    public void Launch(ProcessStartInfo info, Action<int, string> ended)
    {
        _endExpected = false;
        ExitCode = null;
        _state = NodeState.Starting;
        var process = Process.Start(info) ?? throw new ClusterStartException($"{Name} did not start");
        _process = process;
        Pid = process.Id;
        StartToken = ProcessIdentity.StartToken(process.Id);
        lock (_samplerLock)
        {
            _sampler?.Dispose();
            _sampler = new ProcessSampler(process);
        }

        var pumps = info.RedirectStandardOutput ? Pump(process) : Task.CompletedTask;
        _watch = WatchAsync(process, pumps, ended);
    }

    /// <summary>The node answers: it is up.</summary>
    public void MarkUp()
    {
        if (_state == NodeState.Starting)
        {
            _state = NodeState.Up;
        }
    }

    /// <summary>SIGKILL, and waits until the process is gone.</summary>
    public async Task<string> KillAsync(CancellationToken cancel)
    {
        var process = Living("killed");
        var pid = process.Id;
        _endExpected = true;
        process.Kill();
        await GoneAsync(GoneLimit, cancel).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"{ExitText(ExitCode)}, pid {pid}");
    }

    /// <summary>SIGTERM, and waits until the process is gone; SIGKILL when it does not go.</summary>
    public async Task<string> StopAsync(CancellationToken cancel)
    {
        var process = Living("stopped");
        var pid = process.Id;
        if (OperatingSystem.IsWindows())
        {
            // Windows has no SIGTERM; the end of its input tells the node to end.
            _endExpected = true;
            process.StandardInput.Close();
        }
        else
        {
            if (_state == NodeState.Paused)
            {
                await ResumeAsync(cancel).ConfigureAwait(false);
            }

            _endExpected = true;
            Send(UnixSignal.Terminate, "SIGTERM");
        }

        var begun = Stopwatch.GetTimestamp();
        try
        {
            await GoneAsync(StopLimit, cancel).ConfigureAwait(false);
        }
        catch (NodeControlException)
        {
            process.Kill();
            await GoneAsync(GoneLimit, cancel).ConfigureAwait(false);
            return string.Create(CultureInfo.InvariantCulture,
                $"did not end within {StopLimit.TotalSeconds} s of SIGTERM, then killed, pid {pid}");
        }

        var took = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
        return string.Create(CultureInfo.InvariantCulture, $"{ExitText(ExitCode)} {took:F0} ms after SIGTERM, pid {pid}");
    }

    /// <summary>SIGSTOP, and waits until the system says the process is stopped.</summary>
    public async Task<string> PauseAsync(CancellationToken cancel)
    {
        RefuseOnWindows();
        var pid = Living("paused").Id;
        if (_state == NodeState.Paused)
        {
            throw new NodeControlException($"{Name} is already paused");
        }

        Send(UnixSignal.Stop, "SIGSTOP");
        _state = NodeState.Paused;
        if (!OperatingSystem.IsLinux())
        {
            return string.Create(CultureInfo.InvariantCulture, $"SIGSTOP sent, pid {pid}");
        }

        var begun = Stopwatch.GetTimestamp();
        while (ProcessIdentity.State(pid) != "T")
        {
            if (Stopwatch.GetElapsedTime(begun) > PauseLimit)
            {
                throw new NodeControlException($"{Name} did not stop running after SIGSTOP");
            }

            await Task.Delay(1, cancel).ConfigureAwait(false);
        }

        return string.Create(CultureInfo.InvariantCulture, $"process state T (stopped), pid {pid}");
    }

    /// <summary>SIGCONT.</summary>
    public async Task<string> ResumeAsync(CancellationToken cancel)
    {
        RefuseOnWindows();
        var pid = Living("resumed").Id;
        if (_state != NodeState.Paused)
        {
            throw new NodeControlException($"{Name} is not paused");
        }

        Send(UnixSignal.Continue, "SIGCONT");
        _state = NodeState.Up;
        var begun = Stopwatch.GetTimestamp();
        while (ProcessIdentity.State(pid) == "T" && Stopwatch.GetElapsedTime(begun) < PauseLimit)
        {
            await Task.Delay(1, cancel).ConfigureAwait(false);
        }

        var state = ProcessIdentity.State(pid);
        return state is null
            ? string.Create(CultureInfo.InvariantCulture, $"SIGCONT sent, pid {pid}")
            : string.Create(CultureInfo.InvariantCulture, $"process state {state}, pid {pid}");
    }

    /// <summary>What the process has used; empty while down.</summary>
    public NodeUse Sample()
    {
        lock (_samplerLock)
        {
            return _state == NodeState.Down || _sampler is null ? default : _sampler.Read();
        }
    }

    /// <summary>Kills what still lives and frees everything.</summary>
    public async Task DisposeAsync()
    {
        _endExpected = true;
        try
        {
            if (_process is { HasExited: false } process)
            {
                process.Kill();
            }

            await _watch.WaitAsync(GoneLimit).ConfigureAwait(false);
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException)
        {
            // Gone between the question and the act, or the system does not let go of it; nothing more can be
            // done.
        }

        Release();
    }

    /// <summary>Frees handles; the process goes on.</summary>
    public void Release()
    {
        lock (_samplerLock)
        {
            _sampler?.Dispose();
            _sampler = null;
        }

        _process?.Dispose();
        _process = null;
    }

    /// <summary>The last line the node wrote that is not empty; for messages.</summary>
    public string LastLogLine() => LogTail.LastLine(LogFile);

    /// <summary>An exit code in words.</summary>
    public static string ExitText(int? code) => code switch
    {
        null => "no exit code",
        NodeProgram.PortInUse => "exit code 69 (port in use)",
        128 + UnixSignal.Kill => "exit code 137 (SIGKILL)",
        128 + UnixSignal.Terminate => "exit code 143 (SIGTERM)",
        _ => string.Create(CultureInfo.InvariantCulture, $"exit code {code}"),
    };

    private async Task WatchAsync(Process process, Task pumps, Action<int, string> ended)
    {
        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        await pumps.ConfigureAwait(false);
        ExitCode = process.ExitCode;
        Pid = 0;
        StartToken = null;
        var wasUp = _state is NodeState.Up or NodeState.Paused;
        _state = NodeState.Down;
        if (!_endExpected && wasUp)
        {
            ended(Index, $"{Name} ended by itself with {ExitText(ExitCode)}; its log ends with: {LastLogLine()}");
        }
    }

    private async Task GoneAsync(TimeSpan limit, CancellationToken cancel)
    {
        try
        {
            await _watch.WaitAsync(limit, cancel).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new NodeControlException(string.Create(
                CultureInfo.InvariantCulture, $"{Name} was still there after {limit.TotalSeconds} s"));
        }
    }

    private Process Living(string what) => _process is { HasExited: false } process && _state != NodeState.Down
        ? process
        : throw new NodeControlException($"{Name} is already down and cannot be {what}");

    private void Send(int signal, string name)
    {
        if (!UnixSignal.TrySend(Pid, signal, out var error))
        {
            throw new NodeControlException(string.Create(
                CultureInfo.InvariantCulture, $"{name} to {Name} was refused (errno {error})"));
        }
    }

    private async Task Pump(Process process)
    {
        await using var file = new FileStream(LogFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        await using var writer = new StreamWriter(file, new UTF8Encoding(false)) { AutoFlush = true };
        var gate = new SemaphoreSlim(1);
        await Task.WhenAll(PumpAsync(process.StandardOutput), PumpAsync(process.StandardError)).ConfigureAwait(false);

        async Task PumpAsync(StreamReader reader)
        {
            while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                await gate.WaitAsync().ConfigureAwait(false);
                await writer.WriteLineAsync(line).ConfigureAwait(false);
                gate.Release();
            }
        }
    }

    private static void RefuseOnWindows()
    {
        if (OperatingSystem.IsWindows())
        {
            throw new NodeControlException("pausing a node is not supported on Windows");
        }
    }
}
