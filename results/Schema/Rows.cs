namespace Testbed.Results;

/// <summary>A row of <c>windows.csv</c>: one 100 ms window, operation and outcome. Windows are by intended start.</summary>
public sealed record WindowRow(
    long TNs, string Phase, string Operation, string Outcome, long Count, double? LatencyP50Us, double? LatencyP99Us,
    double? LatencyMaxUs, double? ServiceP50Us, double? ServiceP99Us);

/// <summary>A row of <c>latency.csv</c>: one point of a percentile spectrum. Kind is latency, service or lag.</summary>
public sealed record LatencyRow(
    string Phase, string Operation, string Outcome, string Kind, double Percentile, double ValueUs, long Count);

/// <summary>A row of <c>faults.csv</c>. Times are ns since the run's start; empty when it did not happen (yet).</summary>
public sealed record FaultRow(
    int Id, string Kind, string Node, long RequestedNs, long? AppliedNs, long? ObservedNs, long? HealRequestedNs,
    long? HealedNs, string Evidence, string HealEvidence);

/// <summary>A row of <c>nodes.csv</c>: one node at one time. Counters are since the process began; empty when it is down.</summary>
public sealed record NodeRow(
    long TNs, string Node, string State, double? CpuSeconds, long? RssBytes, long? NetworkRxBytes, long? NetworkTxBytes,
    long? DiskReadBytes, long? DiskWriteBytes, long? StorePayloadBytes, long? StoreTotalBytes, long? StoreKeys,
    string Role);
