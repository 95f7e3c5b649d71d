using Testbed.Checker;
using Testbed.Harness.Load;
using Testbed.Results;

namespace Testbed.Harness.Runs;

/// <summary>
/// What a run has found so far; filled from phase to phase, so that a run cut short has what came before.
/// </summary>
internal sealed class RunFindings
{
    /// <summary>Reasons why the run proves nothing; empty when it does.</summary>
    public List<string> VoidReasons { get; } = [];

    /// <summary>True after Ctrl-C.</summary>
    public bool Interrupted { get; set; }

    /// <summary>When the measured time began; null when it never did.</summary>
    public long? MeasuredFromNanos { get; set; }

    /// <summary>Figures of the recorder.</summary>
    public RunFigures? Figures { get; set; }

    /// <summary>The violation at which <c>--fail-fast</c> stopped the run; null for none.</summary>
    public StreamingViolation? StoppedBy { get; set; }

    /// <summary>The verdict on the history.</summary>
    public HistoryCheck? Check { get; set; }

    /// <summary>The report of warm-up and measured time.</summary>
    public LoadReport? Load { get; set; }

    /// <summary>The report of the read of every key; null when it was not reached.</summary>
    public LoadReport? FinalRead { get; set; }

    /// <summary>The nodes before the first record; an attached cluster may hold data of others.</summary>
    public IReadOnlyList<NodeRow> SampleBefore { get; set; } = [];

    /// <summary>What was sent during phases of one operation alone.</summary>
    public List<TrafficFigures> Traffic { get; } = [];

    /// <summary>True when the nodes of both samples had collected their garbage.</summary>
    public bool GarbageCollected { get; set; }

    /// <summary>The nodes after the final read.</summary>
    public IReadOnlyList<NodeRow> FinalSample { get; set; } = [];

    /// <summary>Per node: whether it said at the end that it lacks nothing.</summary>
    public SortedDictionary<int, bool> CaughtUp { get; } = [];

    /// <summary>Counters of the client.</summary>
    public IReadOnlyDictionary<string, long> ClientCounters { get; set; } = new Dictionary<string, long>();

    /// <summary>Bytes the client sent during the measured time; null when it never ended.</summary>
    public long? ClientSentBytes { get; set; }

    /// <summary>True when links ran through the link proxy.</summary>
    public bool LinkProxy { get; set; }

    /// <summary>Resource sums.</summary>
    public NodeSampler? Sampler { get; set; }

    /// <summary>Faults.</summary>
    public PhaseTracker? Tracker { get; set; }

    /// <summary>Catching up.</summary>
    public CatchUpWatch? Watch { get; set; }
}
