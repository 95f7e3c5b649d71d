using Testbed.Client;

namespace Testbed.Harness.Clusters;

/// <summary>
/// How much garbage a node holds depends on when its collector ran last; without any, its memory is what it needs.
/// </summary>
internal static class NodeGarbage
{
    /// <summary>Has every node collect its garbage; false when one did not answer.</summary>
    public static async Task<bool> CollectAsync(IEnumerable<string> addresses, CancellationToken cancel)
    {
        var collected = await Task.WhenAll(addresses.Select(async address =>
        {
            using var probe = new NodeProbe(address);
            return await probe.CollectGarbageAsync(cancel).ConfigureAwait(false);
        })).ConfigureAwait(false);
        return collected.All(c => c);
    }
}
