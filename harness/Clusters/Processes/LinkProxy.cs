using System.Globalization;
using Testbed.Harness.Clusters.Links;

namespace Testbed.Harness.Clusters.Processes;

/// <summary>The link proxy of a cluster of processes: one more child process on loopback.</summary>
internal sealed class LinkProxy
{
    /// <summary>The number under which its end is reported, since it is no node.</summary>
    public const int Index = -1;

    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ConnectStep = TimeSpan.FromMilliseconds(200);

    private readonly NodeProcess _process;
    private readonly string _control;
    private LinkController? _controller;

    /// <summary>Plans the links; nothing runs yet.</summary>
    /// <param name="nodes">Where the nodes really listen.</param>
    /// <param name="listeners">Addresses for the links, and one more for the commands.</param>
    /// <param name="logFolder">Where its log goes.</param>
    public LinkProxy(IReadOnlyList<string> nodes, IReadOnlyList<string> listeners, string logFolder)
    {
        Plan = new LinkPlan(nodes, i => listeners[i]);
        _control = listeners[LinkPlan.CountFor(nodes.Count)];
        _process = new NodeProcess(Index, _control, Path.Combine(logFolder, "links.log"), "the link proxy");
    }

    /// <summary>How many addresses it needs for so many nodes.</summary>
    public static int AddressesFor(int nodes) => LinkPlan.CountFor(nodes) + 1;

    /// <summary>Who dials whom.</summary>
    public LinkPlan Plan { get; }

    /// <summary>Its process, for those who end what is left over.</summary>
    public (int Pid, string? StartToken) Process => (_process.Pid, _process.StartToken);

    /// <summary>True when it could not start because another process has one of its ports.</summary>
    public bool PortWasTaken => _process.ExitCode == NodeProgram.PortInUse;

    /// <summary>Applies faults; there once it was started.</summary>
    public LinkController Controller => _controller
        ?? throw new InvalidOperationException("the link proxy was not started");

    /// <summary>Starts it and returns once it takes commands.</summary>
    public async Task StartAsync(Action started, Action<int, string> ended, CancellationToken cancel)
    {
        string[] words = [.. LinkProgram.Command(), .. Plan.Arguments(_control, exitWithParent: true)];
        try
        {
            _process.Launch(NodeProgram.StartInfo(words, _process.LogFile, tied: true), ended);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new ClusterStartException($"{_process.Name} could not be started: {e.Message}");
        }

        started();
        for (var waited = TimeSpan.Zero; ; waited += ConnectStep)
        {
            if (await LinkControl.ConnectAsync(_control, ConnectStep, cancel).ConfigureAwait(false) is { } control)
            {
                _controller = new LinkController(control, Plan.Nodes);
                _process.MarkUp();
                return;
            }

            if (_process.State == NodeState.Down || waited > ReadyLimit)
            {
                var why = _process.State == NodeState.Down
                    ? NodeProcess.ExitText(_process.ExitCode)
                    : string.Create(CultureInfo.InvariantCulture, $"not ready within {ReadyLimit.TotalSeconds} s");
                throw new ClusterStartException(
                    $"{_process.Name} did not start: {why}; its log ends with: {_process.LastLogLine()}");
            }
        }
    }

    /// <summary>Ends it.</summary>
    public async Task EndAsync()
    {
        _controller?.Dispose();
        await _process.DisposeAsync().ConfigureAwait(false);
    }
}
