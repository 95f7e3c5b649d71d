using Testbed.Harness.Clusters.Docker;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Harness.Clusters;

/// <summary>Starts a cluster of the kind a person named.</summary>
internal static class ClusterFactory
{
    /// <summary>
    /// Starts the cluster and returns once every node answers; throws <see cref="ClusterStartException"/>
    /// with one line.
    /// </summary>
    public static async Task<ICluster> StartAsync(string kind, ClusterOptions options, CancellationToken cancel) =>
        kind switch
        {
            "attach" => new AttachedCluster(options.AttachTo),
            "process" => await ProcessCluster.StartAsync(options, cancel).ConfigureAwait(false),
            "docker" => await DockerCluster.StartAsync(options, cancel).ConfigureAwait(false),
            _ => throw new ClusterStartException($"there is no cluster of the kind '{kind}'"),
        };
}
