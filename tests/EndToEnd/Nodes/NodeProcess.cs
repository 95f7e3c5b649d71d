using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Testbed.Client;

namespace Testbed.Tests.EndToEnd.Nodes;

/// <summary>A node program as a child process, in a folder of its own.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();

    private NodeProcess(Process process, string address)
    {
        _process = process;
        Address = address;
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                _errors.AppendLine(line.Data);
            }
        };
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    public string Address { get; }

    public int Pid => _process.Id;

    public string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>
    /// Ports that nobody has now, below those that the system gives to outgoing connections: such a connection could
    /// otherwise take the port of a node that is down for a while.
    /// </summary>
    public static string[] FreeAddresses(int count)
    {
        var taken = new List<TcpListener>();
        while (taken.Count < count)
        {
            var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(15_000, 32_000));
            try
            {
                listener.Start();
                taken.Add(listener);
            }
            catch (SocketException)
            {
                // Somebody has it: another one is drawn.
            }
        }

        string[] addresses = [.. taken.Select(l => l.LocalEndpoint.ToString()!)];
        taken.ForEach(l => l.Dispose());
        return addresses;
    }

    /// <summary>
    /// Starts the program with exactly these arguments: the one built beside the tests, or the one that
    /// <c>TESTBED_NODE_PROGRAM</c> names (an ahead-of-time build).
    /// </summary>
    public static NodeProcess Launch(string address, params string[] args)
    {
        var other = Environment.GetEnvironmentVariable("TESTBED_NODE_PROGRAM");
        var start = new ProcessStartInfo(other ?? "dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        if (other is null)
        {
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "node", "testbed-node.dll"));
        }

        foreach (var arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        return new NodeProcess(Process.Start(start)!, address);
    }

    /// <summary>Starts one node of a cluster and waits until it serves.</summary>
    public static async Task<NodeProcess> StartAsync(string strategy, string[] nodes, int id, string data,
        params string[] more)
    {
        var process = Launch(nodes[id],
        [
            "--id", id.ToString(CultureInfo.InvariantCulture), "--strategy", strategy, "--nodes",
            string.Join(',', nodes), "--data-elements",
            Math.Max(1, nodes.Length / 2).ToString(CultureInfo.InvariantCulture),
            "--data", data, "--exit-with-parent", .. more,
        ]);
        await process.ServingAsync();
        return process;
    }

    public async Task ServingAsync()
    {
        using var probe = new NodeProbe(Address);
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        var until = Stopwatch.StartNew();
        while (!await probe.IsServingAsync(Cancel))
        {
            Assert.False(_process.HasExited, $"node ended: {Errors}");
            Assert.True(until.Elapsed < Patience, $"node does not serve: {Errors}");
            await pause.WaitForNextTickAsync(Cancel);
        }
    }

    /// <summary>Kills the process at once and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(Cancel).WaitAsync(Patience, Cancel);
    }

    /// <summary>Asks the process to end and returns its exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        Assert.Equal(0, SendSignal(Pid, 15));
        return await ExitAsync();
    }

    /// <summary>Stops the process where it stands, until it is resumed or killed.</summary>
    public Task PauseAsync() => SignalAsync("STOP");

    /// <summary>Lets a paused process go on.</summary>
    public Task ResumeAsync() => SignalAsync("CONT");

    private async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", Pid.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(Cancel);
        Assert.Equal(0, kill.ExitCode);
    }

    public void CloseInput() => _process.StandardInput.Close();

    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync(Cancel).WaitAsync(Patience, Cancel);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int SendSignal(int pid, int signal);
}

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("testbed-").FullName;

    public string Of(int node) => System.IO.Path.Combine(Path, $"n{node}");

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
