using Testbed.Faults;

namespace Testbed.Harness.Runs;

/// <summary>
/// Everything one run needs, resolved, validated, in base units; printed whole into the manifest.
/// </summary>
public sealed record RunOptions
{
    /// <summary>Arguments as typed, for the manifest.</summary>
    public IReadOnlyList<string> Argv { get; init; } = [];

    /// <summary><c>raft</c> or <c>ecc</c>.</summary>
    public string Strategy { get; init; } = "ecc";

    /// <summary>A shipped workload (<c>a</c> .. <c>f</c>) or the path of a property file.</summary>
    public string Workload { get; init; } = "b";

    /// <summary>The <c>-p name=value</c> pairs; the last one of a name counts.</summary>
    public IReadOnlyDictionary<string, string> Properties { get; init; } = new Dictionary<string, string>();

    /// <summary>Number of nodes n.</summary>
    public int Nodes { get; init; } = 5;

    /// <summary>Data elements k of the ECC strategy.</summary>
    public int DataElements { get; init; } = 3;

    /// <summary><c>adaptive</c> or <c>fixed</c>: how ECC's puts code a value.</summary>
    public string Width { get; init; } = "adaptive";

    /// <summary><c>memory</c>, <c>os</c> or <c>fsync</c>.</summary>
    public string Durability { get; init; } = "memory";

    /// <summary><c>index</c> or <c>lease</c>: how Raft's leaders answer reads.</summary>
    public string Reads { get; init; } = "index";

    /// <summary>Most bytes per second an ECC node reads to rebuild what it lost; null: the node's own default.</summary>
    public long? RebuildBytesPerSecond { get; init; }

    /// <summary>
    /// Offered operations per second of the open loop; null: closed loop (<c>--rate max</c>).
    /// </summary>
    public double? RatePerSecond { get; init; } = 2000;

    /// <summary>Arrivals of the open loop: <c>poisson</c> or <c>constant</c>.</summary>
    public string Arrival { get; init; } = "poisson";

    /// <summary>Logical clients.</summary>
    public int Clients { get; init; } = 64;

    /// <summary>Measured time.</summary>
    public long DurationNanos { get; init; } = 30_000_000_000;

    /// <summary>Time before it that is not measured.</summary>
    public long WarmupNanos { get; init; } = 5_000_000_000;

    /// <summary>
    /// Records loaded; null: <c>-p recordcount</c> or the property file's when given by path, else
    /// <see cref="DefaultRecords"/>.
    /// </summary>
    public long? Records { get; init; }

    /// <summary>
    /// Bytes of a value; null: what field count and length of the workload give, else
    /// <see cref="DefaultValueBytes"/>.
    /// </summary>
    public int? ValueBytes { get; init; }

    /// <summary>
    /// Offered rate of workloads with scans when nothing else says: a scan touches some 50 records, so this
    /// is a heavier load than the 2,000 operations per second of the others.
    /// </summary>
    public const double DefaultScanRate = 200;

    /// <summary>
    /// <c>process</c> or <c>docker</c>: started for the run; <c>attach</c>: one that runs already.
    /// </summary>
    public string Cluster { get; init; } = "process";

    /// <summary>host:port of the nodes to attach to, in node order; empty otherwise.</summary>
    public IReadOnlyList<string> AttachTo { get; init; } = [];

    /// <summary>What the user said of the cluster to attach to; its nodes must agree.</summary>
    public TypedCluster Typed { get; init; } = new();

    /// <summary>Build of the node program as the nodes say it; null: known from the program itself.</summary>
    public string? NodeBuild { get; init; }

    /// <summary>CPUs of a container; null: no limit.</summary>
    public double? NodeCpus { get; init; }

    /// <summary>Memory of a container; null: no limit.</summary>
    public long? NodeMemoryBytes { get; init; }

    /// <summary>Size of the data volumes when a disk is to be filled and nothing else was said.</summary>
    public const long DefaultDiskToFillBytes = 128L << 20;

    /// <summary>Size of a container's data volume; null: no limit.</summary>
    public long? NodeDiskBytes { get; init; }

    /// <summary>How containers are reached: <c>auto</c>, <c>direct</c> or <c>published</c>.</summary>
    public string NodeAccess { get; init; } = "auto";

    /// <summary>Image to run instead of one built from the node program; null: built.</summary>
    public string? NodeImage { get; init; }

    /// <summary>Path of the node program; null: the one built beside the harness.</summary>
    public string? NodeProgram { get; init; }

    /// <summary>Records when nothing else says.</summary>
    public const long DefaultRecords = 10_000;

    /// <summary>Bytes of a value when nothing else says.</summary>
    public const int DefaultValueBytes = 1024;

    /// <summary>Time after which an operation is given up.</summary>
    public long TimeoutNanos { get; init; } = 1_000_000_000;

    /// <summary>Seed of everything drawn.</summary>
    public ulong Seed { get; init; }

    /// <summary>False when the seed was drawn because none was given.</summary>
    public bool SeedGiven { get; init; }

    /// <summary>The faults asked for.</summary>
    public FaultRequest Faults { get; init; } = FaultRequest.None;

    /// <summary>Permits faults beyond what the cluster tolerates.</summary>
    public bool AllowOutage { get; init; }

    /// <summary>Folder that holds the runs.</summary>
    public string ResultsRoot { get; init; } = "";

    /// <summary>Free text that becomes part of the run's name; null for none.</summary>
    public string? Label { get; init; }

    /// <summary>False leaves the report (HTML, PNG) out.</summary>
    public bool Report { get; init; } = true;

    /// <summary>
    /// Schedule lag p99 above which the load generator itself was the limit and the run is void. Lag is part
    /// of every latency; the default is half of the 100 ms windows that reports resolve, so that an operation
    /// stays in its window or the next.
    /// </summary>
    public long MaxLagNanos { get; init; } = 50_000_000;

    /// <summary>Stops at the first violation of linearizability instead of finding it in the end.</summary>
    public bool FailFast { get; init; }

    /// <summary>No status while running.</summary>
    public bool Quiet { get; init; }

    /// <summary>First port of the cluster; 0 lets the operating system choose.</summary>
    public int BasePort { get; init; }

    /// <summary>Limits that decide between exit code 0 and 1.</summary>
    public Thresholds Thresholds { get; init; } = new();

    /// <summary>Test-only: nodes that answer wrongly.</summary>
    public IReadOnlyList<int> LyingNodes { get; init; } = [];

    /// <summary>Test-only: name of a bug planted in the nodes and the client; null: none.</summary>
    public string? Plant { get; init; }

    /// <summary>
    /// Nodes that may be away while reads and writes go on: Raft a minority, ECC f = min(n - k, minority); where every put
    /// needs f + k nodes, no more than the rest.
    /// </summary>
    public int Tolerance
    {
        get
        {
            var minority = (Nodes - 1) / 2;
            var least = Strategy == "raft" ? minority : Math.Min(Nodes - DataElements, minority);
            return IsFixedWidth ? Nodes - (least + DataElements) : least;
        }
    }

    /// <summary>Every put waits for f + k nodes.</summary>
    public bool IsFixedWidth => Strategy == "ecc" && Width == "fixed";

    /// <summary>How messages name the cluster: <c>raft (5 nodes)</c>, <c>ecc (5,3)</c>.</summary>
    public string ClusterName => Strategy == "raft"
        ? FormattableString.Invariant($"raft ({Nodes} nodes)")
        : FormattableString.Invariant($"ecc ({Nodes},{DataElements}){(IsFixedWidth ? " of fixed width" : "")}");

    /// <summary>What the fault plan has to fit.</summary>
    public FaultLimits FaultLimits => new()
    {
        Strategy = Strategy,
        Nodes = Nodes,
        Tolerance = Tolerance,
        DurationNanos = DurationNanos,
        AllowOutage = AllowOutage,
        Cluster = Cluster,
        ClusterName = ClusterName,
    };

    /// <summary>
    /// The schedule of faults for these options; throws <see cref="FaultPlanException"/> with one line that
    /// says why not.
    /// </summary>
    public FaultPlan CompilePlan() => FaultPlanCompiler.Compile(Faults, FaultLimits, Seed);
}

/// <summary>Limits a run must keep; null is no limit. A missed one makes the exit code 1.</summary>
public sealed record Thresholds
{
    /// <summary>Highest p99 latency of reads over the measured time.</summary>
    public long? MaxReadP99Nanos { get; init; }

    /// <summary>Highest p99 latency of writes over the measured time.</summary>
    public long? MaxWriteP99Nanos { get; init; }

    /// <summary>Lowest goodput (ok per second) over the measured time.</summary>
    public double? MinGoodput { get; init; }

    /// <summary>True when nothing is limited.</summary>
    public bool IsEmpty => MaxReadP99Nanos is null && MaxWriteP99Nanos is null && MinGoodput is null;
}

/// <summary>Words about a cluster that is attached to; null: not said.</summary>
public sealed record TypedCluster
{
    /// <summary><c>raft</c> or <c>ecc</c>.</summary>
    public string? Strategy { get; init; }

    /// <summary>Data elements k.</summary>
    public int? DataElements { get; init; }

    /// <summary>How the run's puts code a value.</summary>
    public string? Width { get; init; }

    /// <summary><c>memory</c>, <c>os</c> or <c>fsync</c>.</summary>
    public string? Durability { get; init; }

    /// <summary>How leaders answer reads.</summary>
    public string? Reads { get; init; }
}
