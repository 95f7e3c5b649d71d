namespace Testbed.Harness.Clusters;

/// <summary>
/// How a cluster asks a node how it is; apart from the cluster so that tests need no real node.
/// </summary>
public interface INodeProbe
{
    /// <summary>
    /// True when the node answers its health check with "serving"; false when it does not answer or says
    /// otherwise.
    /// </summary>
    Task<bool> IsServingAsync(string address, CancellationToken cancel);

    /// <summary>The node's status by name; null when it does not answer.</summary>
    Task<IReadOnlyDictionary<string, string>?> StatusAsync(string address, CancellationToken cancel);
}
