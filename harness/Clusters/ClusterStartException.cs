namespace Testbed.Harness.Clusters;

/// <summary>The cluster, or one node of it, did not come up. The message is one line for a person.</summary>
public sealed class ClusterStartException(string message) : Exception(message);
