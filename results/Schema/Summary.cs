namespace Testbed.Results;

/// <summary>
/// <c>summary.json</c>: what a run found. Numbers are in base units; absent figures are null.
/// </summary>
public sealed record Summary
{
    /// <summary>Name and version of this form.</summary>
    public string Schema { get; init; } = "testbed.summary/1";

    /// <summary>Run id.</summary>
    public required string RunId { get; init; }

    /// <summary>False when the run was interrupted.</summary>
    public required bool Complete { get; init; }

    /// <summary>valid, invalid, unknown, inconclusive, void, unchecked.</summary>
    public required string Verdict { get; init; }

    /// <summary>One sentence that says why.</summary>
    public required string VerdictReason { get; init; }

    /// <summary>The process's exit code.</summary>
    public required int ExitCode { get; init; }

    /// <summary>Measured time in ns.</summary>
    public required long MeasuredNs { get; init; }

    /// <summary>Boundaries of the phases, in order.</summary>
    public required IReadOnlyList<PhaseSpan> Phases { get; init; }

    /// <summary>Figures per phase and operation; phase "measured" covers all after warm-up.</summary>
    public required IReadOnlyList<OperationFigures> Operations { get; init; }

    /// <summary>Schedule lag p99 in ns; null for closed loop.</summary>
    public long? ScheduleLagP99Ns { get; init; }

    /// <summary>Operations attempted over operations offered; null for closed loop.</summary>
    public double? AttemptedShare { get; init; }

    /// <summary>What the checker saw.</summary>
    public required CheckFigures Check { get; init; }

    /// <summary>Bytes held and moved.</summary>
    public required ByteFigures Bytes { get; init; }

    /// <summary>Memory of all nodes at the end; null when they were not asked.</summary>
    public MemoryFigures? Memory { get; init; }

    /// <summary>Bytes sent while nothing but one kind of operation went on; null when no such phase ended.</summary>
    public IReadOnlyList<TrafficFigures>? Traffic { get; init; }

    /// <summary>Availability around each fault.</summary>
    public required IReadOnlyList<FaultFigures> Faults { get; init; }

    /// <summary>What became of each node that came back empty (ECC).</summary>
    public IReadOnlyList<RebuildFigures> Rebuilds { get; init; } = [];

    /// <summary>What the cluster had declared LOST when the run ended; null: nothing.</summary>
    public LossFigures? DeclaredLost { get; init; }

    /// <summary>Per node: what it used and whether it came back and caught up.</summary>
    public required IReadOnlyList<NodeFigures> Nodes { get; init; }

    /// <summary>The client's own counters (rounds, hedges, retries).</summary>
    public required IReadOnlyDictionary<string, long> ClientCounters { get; init; }

    /// <summary>Things a reader must know (warnings).</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>
/// A phase: load, warm-up, steady, fault, degraded, recovery, recovered, drain. Times since the run's start.
/// </summary>
public sealed record PhaseSpan(string Name, long StartNs, long EndNs);

/// <summary>
/// Counts and latency of one operation in one phase. Latencies are of ok (and not found) operations only.
/// </summary>
public sealed record OperationFigures(
    string Phase, string Operation, long Ok, long NotFound, long Failed, long Unknown, long Corrupt, long Shed,
    double GoodputPerSecond, double? LatencyP50Us, double? LatencyP90Us, double? LatencyP99Us, double? LatencyP999Us,
    double? LatencyMaxUs, double? ServiceP50Us, double? ServiceP99Us, long Degraded);

/// <summary>
/// The checker's counts. Indefinite* are unknown writes that a later read saw, or never saw.
/// </summary>
public sealed record CheckFigures(
    string Result, long Operations, long Keys, long AcknowledgedWrites, long LostWrites, long StaleReads,
    long CorruptReads, long IndefiniteWrites, long IndefiniteSeen, double CheckSeconds, string? Counterexample);

/// <summary>
/// Bytes at the end of the run, summed over nodes, and moved during the measured time. Sent per operation counts
/// clients and nodes: an ECC client spreads what a Raft leader spreads, so nodes alone would flatter ECC.
/// </summary>
public sealed record ByteFigures(
    long LogicalBytes, long StoredPayloadBytes, long StoredTotalBytes, double? StoredPerLogical,
    double TheoryStoredPerLogical, long? ClientSentBytes, long? NodeSentBytes, long? NodeReceivedBytes,
    double? SentPerOperation, double? CpuMicrosPerOperation);

/// <summary>
/// Memory of all nodes after the final read, summed, garbage collected. Empty* is the same of the same nodes before
/// the first record. Log is what a node's core holds of its log in memory, free room included; null where it holds
/// none. Null where a node did not tell.
/// </summary>
public sealed record MemoryFigures(
    long? StoreTotalBytes, long? LogAllocatedBytes, long? GcHeapBytes, long? EmptyGcHeapBytes, long? RssBytes,
    long? EmptyRssBytes);

/// <summary>
/// Bytes on sockets while one phase did nothing but one operation: "load" puts every record, "final-read" gets
/// every key, both with many in flight.
/// </summary>
public sealed record TrafficFigures(
    string Phase, string Operation, long Operations, long ClientSentBytes, long NodeSentBytes);

/// <summary>
/// Availability numbers of one fault. Applied, healed and caught up are times in ns since the run's start,
/// the others lengths of time in ns: first success and full recovery from the moment it was applied,
/// unavailable as the sum of windows without success. Null when it never happened. By snapshot: a Raft node whose
/// process began anew caught up by another's snapshot, not by entries alone.
/// </summary>
public sealed record FaultFigures(
    int Id, string Kind, string Node, long? AppliedNs, long? HealedNs, long? DetectNs, long? UnavailableReadNs,
    long? UnavailableWriteNs, long? FirstSuccessNs, long? FullRecoveryNs, long? CaughtUpNs, long OkWhileDown,
    bool BySnapshot = false);

/// <summary>
/// A node that came back empty after a fault, when it was last asked. Standing is starting, recovering, ready or lost;
/// full redundancy is the time from the process's begin until the node voted in all slots, null: not within the run.
/// Rebuilt are bytes of the node's own elements, read those it received for that.
/// </summary>
public sealed record RebuildFigures(
    int FaultId, string Node, string Standing, long SlotsReady, long Slots, long? FullRedundancyNs, long RebuiltBytes,
    long ReadBytes, double? ReadPerRebuilt);

/// <summary>
/// A cluster that says it is LOST: more nodes are empty than it survives. Keys are those of the final read, which tries
/// each once then: refused ones are given up for certain, answered ones were checked like all others.
/// </summary>
public sealed record LossFigures(int EmptyNodes, int Tolerance, long RefusedKeys, long AnsweredKeys);

/// <summary>One node over the measured time.</summary>
public sealed record NodeFigures(
    string Node, double? CpuSeconds, long? MaxRssBytes, long? NetworkRxBytes, long? NetworkTxBytes,
    long? DiskWriteBytes, int Restarts, bool CaughtUp, string State);
