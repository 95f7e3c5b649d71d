using System.Globalization;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>
/// The labels on everything a cluster makes in an engine, by which it is found again: also by another harness
/// after the one that made it is dead.
/// </summary>
internal static class DockerLabels
{
    /// <summary>The cluster's id; on containers, networks and volumes.</summary>
    public const string Cluster = "io.testbed.cluster";

    /// <summary>The node's name; on its container.</summary>
    public const string Node = "io.testbed.node";

    /// <summary>What the cluster is for: the run's id.</summary>
    public const string Run = "io.testbed.run";

    /// <summary>The harness that made it: <c>host/pid/start token</c>.</summary>
    public const string Owner = "io.testbed.owner";

    /// <summary>The content hash; on images.</summary>
    public const string Image = "io.testbed.image";

    /// <summary>The labels of one cluster's parts.</summary>
    public static Dictionary<string, string> Of(string cluster, string run) => new()
    {
        [Cluster] = cluster,
        [Run] = run,
        [Owner] = Me(),
    };

    /// <summary>
    /// True when the harness of this label lives, or may live: that of another machine cannot be looked at.
    /// </summary>
    public static bool MayLive(string? owner)
    {
        var parts = (owner ?? "").Split('/');
        return parts.Length == 3 && int.TryParse(parts[1], CultureInfo.InvariantCulture, out var pid)
            && (parts[0] != Environment.MachineName || ProcessIdentity.IsAlive(pid, parts[2]));
    }

    /// <summary>An engine's filter for one label.</summary>
    public static Dictionary<string, IDictionary<string, bool>> Filter(string label, string? value = null) => new()
    {
        ["label"] = new Dictionary<string, bool> { [value is null ? label : $"{label}={value}"] = true },
    };

    private static string Me() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Environment.MachineName}/{Environment.ProcessId}/{ProcessIdentity.StartToken(Environment.ProcessId)}");
}
