using Testbed.Injectors;
using Testbed.Results;

namespace Testbed.Harness.Clusters;

/// <summary>
/// A running cluster, of processes or of containers. Disposing stops every node and leaves nothing behind.
/// </summary>
public interface ICluster : INodeControl, IAsyncDisposable
{
    /// <summary>
    /// host:port where clients reach every node's gRPC, in node order; fixed for the cluster's life. With
    /// <see cref="ClusterOptions.LinkProxy"/> these are listeners of the link proxy.
    /// </summary>
    IReadOnlyList<string> Addresses { get; }

    /// <summary>
    /// Raised with the node index and a sentence that names it when a node ended that no fault ended (a
    /// crash); with -1 when what connects the nodes did.
    /// </summary>
    event Action<int, string>? UnexpectedExit;

    /// <summary>
    /// What is worth keeping about the cluster besides its options, such as engine and image; by name.
    /// </summary>
    IReadOnlyDictionary<string, string> Facts => new Dictionary<string, string>();

    /// <summary>The build of the nodes where the cluster knows better than the options; null otherwise.</summary>
    string? NodeBuild => null;

    /// <summary>
    /// One sample of every node, dead ones included (state "down", figures empty). Times are left 0; the
    /// caller sets them.
    /// </summary>
    Task<IReadOnlyList<NodeRow>> SampleAsync(CancellationToken cancel);

    /// <summary>
    /// Status of one node by name (role, term, keys, counters); null when it does not answer.
    /// </summary>
    Task<IReadOnlyDictionary<string, string>?> StatusAsync(int node, CancellationToken cancel);
}

/// <summary>What a cluster shall look like.</summary>
public sealed record ClusterOptions
{
    /// <summary><c>raft</c> or <c>ecc</c>.</summary>
    public required string Strategy { get; init; }

    /// <summary>Addresses of a cluster that runs already, in node order; empty for one to be started.</summary>
    public IReadOnlyList<string> AttachTo { get; init; } = [];

    /// <summary>Number of nodes n.</summary>
    public int Nodes { get; init; } = 5;

    /// <summary>The first so many nodes found the cluster, the others are added to it; 0: all.</summary>
    public int Founders { get; init; }

    /// <summary>Data elements k of the ECC strategy.</summary>
    public int DataElements { get; init; } = 3;

    /// <summary>memory, os or fsync.</summary>
    public string Durability { get; init; } = "memory";

    /// <summary><c>adaptive</c> or <c>fixed</c>: how ECC's nodes code the puts of thin clients; Raft ignores it.</summary>
    public string Width { get; init; } = "adaptive";

    /// <summary><c>index</c> or <c>lease</c>: how Raft's leaders answer reads; ECC ignores it.</summary>
    public string Reads { get; init; } = "index";

    /// <summary>Most bytes per second an ECC node reads to rebuild what it lost; null: the node's own default.</summary>
    public long? RebuildBytesPerSecond { get; init; }

    /// <summary>Folder for the nodes' logs (text), one file per node.</summary>
    public required string LogFolder { get; init; }

    /// <summary>Folder for the nodes' data; removed with the cluster when it is temporary.</summary>
    public required string DataFolder { get; init; }

    /// <summary>First port, the rest follow; 0 lets the operating system choose.</summary>
    public int BasePort { get; init; }

    /// <summary>
    /// True: nodes end when this process ends, however it ends. False: the cluster outlives it (cluster up).
    /// </summary>
    public bool TieToParent { get; init; } = true;

    /// <summary>Test-only: nodes that answer wrongly; empty in every real run.</summary>
    public IReadOnlyList<int> LyingNodes { get; init; } = [];

    /// <summary>Test-only: name of a bug planted in all nodes; null in every real run.</summary>
    public string? Plant { get; init; }

    /// <summary>True: each node serves <c>/metrics</c> on a port of its own.</summary>
    public bool Metrics { get; init; }

    /// <summary>Path of the node program; null: the one built beside the harness.</summary>
    public string? NodeProgram { get; init; }

    /// <summary>Seed for everything the nodes draw.</summary>
    public required ulong Seed { get; init; }

    /// <summary>True: links run through the link proxy, so that link faults can be applied.</summary>
    public bool LinkProxy { get; init; }

    /// <summary>CPUs a container may use; null: no limit.</summary>
    public double? NodeCpus { get; init; }

    /// <summary>Memory a container may use, without swap; null: no limit.</summary>
    public long? NodeMemoryBytes { get; init; }

    /// <summary>Size of the volume a container's data lie on; null: as large as the engine's disk.</summary>
    public long? NodeDiskBytes { get; init; }

    /// <summary>How containers are reached from here: <c>auto</c>, <c>direct</c> or <c>published</c>.</summary>
    public string NodeAccess { get; init; } = "auto";

    /// <summary>Image to run instead of one built from the node program; null: built.</summary>
    public string? NodeImage { get; init; }

    /// <summary>Name of what the cluster is for, such as the run's id; becomes a label of containers.</summary>
    public string Owner { get; init; } = "";
}
