using Docker.DotNet.Models;

namespace Testbed.Harness.Clusters.Docker.Resources;

/// <summary>
/// What the engine says a container has used, from its stream of statistics: about one message per second,
/// which is all an engine on another machine offers.
/// </summary>
internal sealed class EngineStats : INodeResources
{
    private readonly CancellationTokenSource _end = new();
    private readonly Task _stream;
    private volatile ContainerStatsResponse? _last;

    /// <summary>Begins to listen for a container that was just started.</summary>
    public EngineStats(Engine engine, string container) => _stream = ListenAsync(engine, container);

    /// <inheritdoc/>
    public NodeUse Read() => _last is { } stats ? UseOf(stats) : default;

    /// <inheritdoc/>
    public (long Throttled, long All)? Throttling() =>
        _last?.CPUStats?.ThrottlingData is { } data ? ((long)data.ThrottledPeriods, (long)data.Periods) : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        _end.Cancel();
        _ = _stream.ContinueWith(_ => _end.Dispose(), TaskScheduler.Default);
    }

    /// <summary>
    /// The figures of one message. Engines with control groups of version 1 name memory figures otherwise
    /// than those with version 2; the older ones come first here.
    /// </summary>
    internal static NodeUse UseOf(ContainerStatsResponse stats)
    {
        var memory = stats.MemoryStats?.Stats;
        var usage = (long?)stats.MemoryStats?.Usage;
        var inactive = Figure(memory, "total_inactive_file", "inactive_file") ?? 0;
        var disk = stats.BlkioStats?.IoServiceBytesRecursive;
        return new NodeUse
        {
            CpuSeconds = stats.CPUStats?.CPUUsage?.TotalUsage / 1e9,
            RssBytes = Figure(memory, "total_rss", "anon") + (Figure(memory, "total_mapped_file", "file_mapped") ?? 0),
            WorkingSetBytes = usage is { } all ? Math.Max(0, all - inactive) : null,
            CacheBytes = Figure(memory, "total_cache", "file"),
            InterfaceRxBytes = stats.Networks?.Values.Sum(n => (long)n.RxBytes),
            InterfaceTxBytes = stats.Networks?.Values.Sum(n => (long)n.TxBytes),
            DiskReadBytes = Sum(disk, "read"),
            DiskWriteBytes = Sum(disk, "write"),
        };
    }

    private static long? Figure(IDictionary<string, ulong>? figures, string v1, string v2) =>
        figures is null ? null
        : figures.TryGetValue(v1, out var first) ? (long)first
        : figures.TryGetValue(v2, out var second) ? (long)second
        : null;

    private static long? Sum(IList<BlkioStatEntry>? entries, string operation) =>
        entries?.Where(e => string.Equals(e.Op, operation, StringComparison.OrdinalIgnoreCase)).Sum(e => (long)e.Value);

    private async Task ListenAsync(Engine engine, string container)
    {
        try
        {
            await engine.Client.Containers.GetContainerStatsAsync(
                container, new ContainerStatsParameters { Stream = true }, new InlineProgress<ContainerStatsResponse>(s => _last = s), _end.Token)
                .ConfigureAwait(false);
        }
        catch (Exception)
        {
            // The stream ends with the container; without it there are no figures, which is what Read says.
        }
    }
}
