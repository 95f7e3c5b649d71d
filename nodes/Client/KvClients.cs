namespace Testbed.Client;

/// <summary>Makes clients of a running cluster.</summary>
public static class KvClients
{
    /// <summary>
    /// A client of the cluster that <paramref name="options"/> describe. Returns at once and connects in the background;
    /// operations submitted before a node is reached wait within their timeout.
    /// </summary>
    public static IKvClient Connect(KvClientOptions options) => throw new NotSupportedException(options.Strategy);
}
