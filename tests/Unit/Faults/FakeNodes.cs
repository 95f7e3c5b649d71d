using System.Globalization;
using Testbed.Faults;
using Testbed.Injectors;

namespace Testbed.Tests.Unit.Faults;

/// <summary>A cluster that only remembers what was done to it, with the time.</summary>
internal sealed class FakeNodes(int count, ManualTime time) : INodeControl, IFaultLog
{
    private readonly string[] _states = [.. Enumerable.Repeat("up", count)];

    public List<string> Actions { get; } = [];

    public List<FaultRecord> Log { get; } = [];

    /// <summary>Lowest node that is up leads, when true.</summary>
    public bool HasLeader { get; set; }

    /// <summary>Nodes whose next start fails.</summary>
    public HashSet<int> FailingStarts { get; } = [];

    public int Count => count;

    public IReadOnlyList<string> States => _states;

    public Task<string> KillAsync(int node, CancellationToken cancel) => Act("kill", node, "up", "down");

    public Task<string> StopAsync(int node, CancellationToken cancel) => Act("stop", node, "up", "down");

    public Task<string> PauseAsync(int node, CancellationToken cancel) => Act("pause", node, "up", "paused");

    public Task<string> ResumeAsync(int node, CancellationToken cancel) => Act("resume", node, "paused", "up");

    public Task<string> StartAsync(int node, CancellationToken cancel) => FailingStarts.Remove(node)
        ? Task.FromException<string>(new NodeControlException($"n{node} did not start"))
        : Act("start", node, "down", "up");

    public Task<string> InflictAsync(PlannedFault fault, int node, CancellationToken cancel) =>
        Act(FaultKinds.NameOf(fault.Kind), node, "up", "harmed");

    public Task<string> RelieveAsync(PlannedFault fault, int node, CancellationToken cancel) =>
        Act("relieve", node, "harmed", "up");

    public Task<int?> LeaderAsync(CancellationToken cancel)
    {
        var up = Array.IndexOf(_states, "up");
        return Task.FromResult<int?>(HasLeader && up >= 0 ? up : null);
    }

    public void Updated(FaultRecord record) => Log.Add(record);

    /// <summary>The node goes down by itself.</summary>
    public void Crash(int node) => _states[node] = "down";

    private Task<string> Act(string what, int node, string from, string to)
    {
        if (_states[node] != from)
        {
            return Task.FromException<string>(new NodeControlException($"n{node} is already {_states[node]}"));
        }

        _states[node] = to;
        Actions.Add(string.Create(
            CultureInfo.InvariantCulture, $"{DurationText.Format(time.Nanos)} {what} n{node}"));
        return Task.FromResult("evidence of " + what);
    }
}
