using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Docker.DotNet.Models;
using Testbed.Harness.Clusters.Processes;
using Testbed.Injectors;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>Faults that act on a container's limits: less CPU, and memory that runs out.</summary>
internal sealed class ContainerFaults(Engine engine, ClusterOptions options)
{
    /// <summary>Length of a quota period, the kernel's usual one.</summary>
    public const long CpuPeriodMicros = 100_000;

    private const long SmallestMemoryBytes = 6 << 20;
    private const long PageBytes = 4096;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<int, long> _throttledBefore = new();

    /// <summary>
    /// Lowers the CPU quota; returns once the kernel has held the node back at least once.
    /// </summary>
    public async Task<string> ThrottleAsync(ContainerNode node, double cpus, CancellationToken cancel)
    {
        RequireUp(node);
        if (cpus >= options.NodeCpus)
        {
            throw new NodeControlException(string.Create(CultureInfo.InvariantCulture,
                $"{node.Name} has only {options.NodeCpus} CPUs anyway"));
        }

        var before = node.Throttling() ?? (0, 0);
        _throttledBefore[node.Index] = before.Throttled;
        await node.UpdateAsync(Quota((long)(cpus * CpuPeriodMicros))).ConfigureAwait(false);
        var text = string.Create(CultureInfo.InvariantCulture, $"limited to {cpus} CPUs");
        var begun = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begun) < Limit)
        {
            await Task.Delay(Poll, cancel).ConfigureAwait(false);
            if (node.Throttling() is { } now && now.Throttled > before.Throttled)
            {
                return text + string.Create(CultureInfo.InvariantCulture,
                    $", held back after {Stopwatch.GetElapsedTime(begun).TotalMilliseconds:F0} ms");
            }
        }

        await UnthrottleAsync(node).ConfigureAwait(false);
        throw new NodeControlException(string.Create(CultureInfo.InvariantCulture,
            $"{node.Name} never wanted more than {cpus} CPUs within {Limit.TotalSeconds} s"));
    }

    /// <summary>Gives the node its own limit back.</summary>
    public async Task<string> UnthrottleAsync(ContainerNode node)
    {
        var throttled = node.Throttling()?.Throttled - _throttledBefore.GetValueOrDefault(node.Index);
        await node.UpdateAsync(Quota(options.NodeCpus is { } cpus ? (long)(cpus * CpuPeriodMicros) : -1)).ConfigureAwait(false);
        return throttled is { } times
            ? string.Create(CultureInfo.InvariantCulture, $"limit lifted; held back in {times} periods of 100 ms")
            : "limit lifted";
    }

    /// <summary>
    /// Lowers the memory limit to what the node cannot do without, until the kernel's OOM killer ends it.
    /// </summary>
    public async Task<string> ExhaustMemoryAsync(ContainerNode node, CancellationToken cancel)
    {
        RequireUp(node);
        node.EndExpected = true;
        var begun = Stopwatch.GetTimestamp();
        var lowest = long.MaxValue;
        while (Stopwatch.GetElapsedTime(begun) < Limit && node.State != NodeState.Down)
        {
            if (node.Sample().WorkingSetBytes is { } used)
            {
                // Control groups of version 1 refuse a limit below what is in use after all cache is given
                // back, so the noose follows the use; version 2 takes any limit and kills.
                var wanted = engine.Info.CgroupVersion == "2"
                    ? SmallestMemoryBytes
                    : Math.Max(SmallestMemoryBytes, used / PageBytes * PageBytes);
                if (wanted < lowest && await TrySetMemoryAsync(node, wanted).ConfigureAwait(false))
                {
                    lowest = wanted;
                }
            }

            await Task.Delay(Poll, cancel).ConfigureAwait(false);
        }

        if (node.State != NodeState.Down)
        {
            node.EndExpected = false;
            await RestoreMemoryAsync(node).ConfigureAwait(false);
            throw new NodeControlException(string.Create(CultureInfo.InvariantCulture,
                $"{node.Name} lived on under a limit of {lowest / 1e6:F1} MB for {Limit.TotalSeconds} s"));
        }

        if (node.Ended is not { OOMKilled: true })
        {
            throw new NodeControlException(
                $"{node.Name} ended when its memory ran out, but not by the OOM killer: {ContainerNode.ExitText(node.Ended)}");
        }

        return string.Create(CultureInfo.InvariantCulture,
            $"{ContainerNode.ExitText(node.Ended)}, under a limit of {lowest / 1e6:F1} MB");
    }

    /// <summary>Gives the node its own memory limit back, or all of the engine's memory.</summary>
    public async Task<string> RestoreMemoryAsync(ContainerNode node)
    {
        var bytes = options.NodeMemoryBytes ?? engine.Info.MemTotal;
        await node.UpdateAsync(new ContainerUpdateParameters { Memory = bytes, MemorySwap = bytes }).ConfigureAwait(false);
        return "memory limit restored";
    }

    private static async Task<bool> TrySetMemoryAsync(ContainerNode node, long bytes)
    {
        try
        {
            await node.UpdateAsync(new ContainerUpdateParameters { Memory = bytes, MemorySwap = bytes }).ConfigureAwait(false);
            return true;
        }
        catch (NodeControlException)
        {
            return false;
        }
    }

    private static ContainerUpdateParameters Quota(long micros) => new()
    {
        CPUPeriod = CpuPeriodMicros,
        CPUQuota = micros,
    };

    private static void RequireUp(ContainerNode node)
    {
        if (node.State != NodeState.Up)
        {
            throw new NodeControlException($"{node.Name} is not running");
        }
    }
}
