using Testbed.Faults;

namespace Testbed.Injectors;

/// <summary>
/// What a cluster lets a fault do to a node; clusters of processes and of containers implement it alike.
/// </summary>
public interface INodeControl
{
    /// <summary>Number of nodes.</summary>
    int Count { get; }

    /// <summary>
    /// Kills the node at once (SIGKILL); returns evidence such as the exit code once it is gone.
    /// </summary>
    Task<string> KillAsync(int node, CancellationToken cancel);

    /// <summary>Asks the node to stop (SIGTERM) and waits until it is gone; returns evidence.</summary>
    Task<string> StopAsync(int node, CancellationToken cancel);

    /// <summary>
    /// Starts the node on its former address and data; returns once it answers health checks, with evidence.
    /// </summary>
    Task<string> StartAsync(int node, CancellationToken cancel);

    /// <summary>
    /// Stops the node's execution (SIGSTOP or freezer); returns evidence such as the process state.
    /// </summary>
    Task<string> PauseAsync(int node, CancellationToken cancel);

    /// <summary>Lets a paused node run again; returns evidence.</summary>
    Task<string> ResumeAsync(int node, CancellationToken cancel);

    /// <summary>
    /// Applies a fault of another kind (throttle, oom, disk-full, a link fault) and returns evidence that it
    /// has taken effect. Throws <see cref="NodeControlException"/> where it could not.
    /// </summary>
    Task<string> InflictAsync(PlannedFault fault, int node, CancellationToken cancel);

    /// <summary>
    /// Undoes what <see cref="InflictAsync"/> did; returns once the node serves again, with evidence.
    /// </summary>
    Task<string> RelieveAsync(PlannedFault fault, int node, CancellationToken cancel);

    /// <summary>The node that leads now; null when none is known or the strategy has no leader.</summary>
    Task<int?> LeaderAsync(CancellationToken cancel);
}
