namespace Testbed.Harness.Clusters;

/// <summary>What a node has used so far; null where the system does not tell.</summary>
/// <param name="CpuSeconds">CPU time, user and system.</param>
/// <param name="RssBytes">Resident memory of the process.</param>
/// <param name="WorkingSetBytes">
/// Memory that cannot be had back: a process's resident pages that no file backs, a container's usage less
/// its inactive file cache.
/// </param>
/// <param name="CacheBytes">File cache charged to the container; null for processes.</param>
/// <param name="InterfaceRxBytes">Bytes the container's interface received, headers included.</param>
/// <param name="InterfaceTxBytes">Bytes the container's interface sent, headers included.</param>
/// <param name="DiskReadBytes">Bytes read from block devices.</param>
/// <param name="DiskWriteBytes">Bytes written to block devices.</param>
internal readonly record struct NodeUse(
    double? CpuSeconds = null,
    long? RssBytes = null,
    long? WorkingSetBytes = null,
    long? CacheBytes = null,
    long? InterfaceRxBytes = null,
    long? InterfaceTxBytes = null,
    long? DiskReadBytes = null,
    long? DiskWriteBytes = null);
