using System.Globalization;
using Testbed.Results;

namespace Testbed.Harness.Clusters;

/// <summary>Asks for and reads what nodes say of themselves, by the names they use.</summary>
internal static class NodeStatus
{
    /// <summary>What a node says of itself; null when it does not answer in time.</summary>
    public static async Task<IReadOnlyDictionary<string, string>?> AskAsync(
        INodeProbe probe, string address, TimeSpan patience, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(patience);
        try
        {
            return await probe.StatusAsync(address, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>
    /// The node that leads: of those that say so the one with the highest term, since a deposed leader may
    /// not know yet. Null when none does.
    /// </summary>
    public static int? Leader(IReadOnlyList<IReadOnlyDictionary<string, string>?> statuses)
    {
        int? leader = null;
        var highest = long.MinValue;
        for (var i = 0; i < statuses.Count; i++)
        {
            if (statuses[i] is { } status && Text(status, "role") == "leader" && (Number(status, "term") ?? 0) is var term
                && term > highest)
            {
                leader = i;
                highest = term;
            }
        }

        return leader;
    }

    /// <summary>A row of node samples; time is left 0.</summary>
    public static NodeRow Row(
        string name, string state, NodeUse use, IReadOnlyDictionary<string, string>? status) => new(
        0, name, state, use.CpuSeconds, use.RssBytes, use.WorkingSetBytes, use.CacheBytes,
        Number(status, "network_rx_bytes"), Number(status, "network_tx_bytes"), use.InterfaceRxBytes,
        use.InterfaceTxBytes, use.DiskReadBytes, use.DiskWriteBytes,
        Number(status, "store_payload_bytes"), Number(status, "store_total_bytes"), Number(status, "store_keys"),
        Text(status, "role"), Number(status, "gc_heap_bytes"), Number(status, "log_allocated_bytes"),
        Text(status, "standing"), Number(status, "slots_ready"), Number(status, "rebuilt_bytes"),
        Number(status, "rebuild_read_bytes"));

    /// <summary>
    /// What a node says it has used, for clusters whose machines cannot be looked at from here.
    /// </summary>
    public static NodeUse Use(IReadOnlyDictionary<string, string>? status) => new()
    {
        CpuSeconds = Number(status, "cpu_micros") / 1e6,
        RssBytes = Number(status, "rss_bytes"),
        WorkingSetBytes = Number(status, "working_set_bytes"),
        DiskReadBytes = Number(status, "disk_read_bytes"),
        DiskWriteBytes = Number(status, "disk_write_bytes"),
    };

    /// <summary>A value as text; empty when absent.</summary>
    public static string Text(IReadOnlyDictionary<string, string>? status, string name) =>
        status is not null && status.TryGetValue(name, out var text) ? text : "";

    /// <summary>A value as a number; null when absent or not one.</summary>
    public static long? Number(IReadOnlyDictionary<string, string>? status, string name) =>
        long.TryParse(Text(status, name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
}
