using CsvHelper;

namespace Testbed.Results;

/// <summary>
/// A row of <c>windows.csv</c>: one 100 ms window, operation and outcome. Windows are by intended start.
/// </summary>
[CsvRecord]
public sealed partial record WindowRow(
    [CsvColumn("t_ns")] long TNs,
    [CsvColumn("phase")] string Phase,
    [CsvColumn("operation")] string Operation,
    [CsvColumn("outcome")] string Outcome,
    [CsvColumn("count")] long Count,
    [CsvColumn("latency_p50_us")] double? LatencyP50Us,
    [CsvColumn("latency_p99_us")] double? LatencyP99Us,
    [CsvColumn("latency_max_us")] double? LatencyMaxUs,
    [CsvColumn("service_p50_us")] double? ServiceP50Us,
    [CsvColumn("service_p99_us")] double? ServiceP99Us);

/// <summary>
/// A row of <c>latency.csv</c>: one point of a percentile spectrum. Kind is latency, service or lag.
/// </summary>
[CsvRecord]
public sealed partial record LatencyRow(
    [CsvColumn("phase")] string Phase,
    [CsvColumn("operation")] string Operation,
    [CsvColumn("outcome")] string Outcome,
    [CsvColumn("kind")] string Kind,
    [CsvColumn("percentile")] double Percentile,
    [CsvColumn("value_us")] double ValueUs,
    [CsvColumn("count")] long Count);

/// <summary>
/// A row of <c>faults.csv</c>. Times are ns since the run's start; empty when it did not happen (yet).
/// </summary>
[CsvRecord]
public sealed partial record FaultRow(
    [CsvColumn("id")] int Id,
    [CsvColumn("kind")] string Kind,
    [CsvColumn("node")] string Node,
    [CsvColumn("requested_ns")] long RequestedNs,
    [CsvColumn("applied_ns")] long? AppliedNs,
    [CsvColumn("observed_ns")] long? ObservedNs,
    [CsvColumn("heal_requested_ns")] long? HealRequestedNs,
    [CsvColumn("healed_ns")] long? HealedNs,
    [CsvColumn("evidence")] string Evidence,
    [CsvColumn("heal_evidence")] string HealEvidence);

/// <summary>
/// A row of <c>nodes.csv</c>: one node at one time. Counters are since the process began; empty when it is
/// down.
/// </summary>
[CsvRecord]
public sealed partial record NodeRow(
    [CsvColumn("t_ns")] long TNs,
    [CsvColumn("node")] string Node,
    [CsvColumn("state")] string State,
    [CsvColumn("cpu_seconds")] double? CpuSeconds,
    [CsvColumn("rss_bytes")] long? RssBytes,
    [CsvColumn("working_set_bytes")] long? WorkingSetBytes,
    [CsvColumn("cache_bytes")] long? CacheBytes,
    [CsvColumn("network_rx_bytes")] long? NetworkRxBytes,
    [CsvColumn("network_tx_bytes")] long? NetworkTxBytes,
    [CsvColumn("interface_rx_bytes")] long? InterfaceRxBytes,
    [CsvColumn("interface_tx_bytes")] long? InterfaceTxBytes,
    [CsvColumn("disk_read_bytes")] long? DiskReadBytes,
    [CsvColumn("disk_write_bytes")] long? DiskWriteBytes,
    [CsvColumn("store_payload_bytes")] long? StorePayloadBytes,
    [CsvColumn("store_total_bytes")] long? StoreTotalBytes,
    [CsvColumn("store_keys")] long? StoreKeys,
    [CsvColumn("role")] string Role,
    [CsvColumn("gc_heap_bytes")] long? GcHeapBytes = null,
    [CsvColumn("log_allocated_bytes")] long? LogAllocatedBytes = null,
    [CsvColumn("standing")] string Standing = "",
    [CsvColumn("slots_ready")] long? SlotsReady = null,
    [CsvColumn("rebuilt_bytes")] long? RebuiltBytes = null,
    [CsvColumn("rebuild_read_bytes")] long? RebuildReadBytes = null);
