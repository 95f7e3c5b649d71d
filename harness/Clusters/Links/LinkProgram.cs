using Testbed.Harness.Clusters.Processes;

namespace Testbed.Harness.Clusters.Links;

/// <summary>Where the link proxy's program is.</summary>
internal static class LinkProgram
{
    /// <summary>The folder it was built into, whole, beside the harness.</summary>
    public static string Folder => Path.Combine(AppContext.BaseDirectory, "linkd");

    /// <summary>Its command; throws <see cref="ClusterStartException"/> when it is not there.</summary>
    public static IReadOnlyList<string> Command() => NodeProgram.In(Folder, "testbed-linkd");
}
