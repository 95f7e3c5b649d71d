namespace Testbed.Benchmarks.Peers;

/// <summary>The two systems.</summary>
internal static class PeerSystems
{
    public const string Etcd = "etcd";
    public const string Testbed = "testbed";

    public static IReadOnlyList<string> All { get; } = [Etcd, Testbed];
}

/// <summary>What is done.</summary>
internal static class PeerOperations
{
    /// <summary>Unary, to the leader.</summary>
    public const string Put = "put";

    /// <summary>Unary, linearizable, to the leader.</summary>
    public const string Get = "get";

    /// <summary>Over our own client's streams; only ours has it, and it is set against unary puts.</summary>
    public const string StreamPut = "stream put";
}

/// <summary>One measurement: a fresh cluster, an operation, a number of callers.</summary>
internal sealed record PeerCell(
    int Nodes, int Round, string System, string Operation, int Clients, double PerSecond, double P50Micros,
    double P99Micros, double ServerCpuMicrosPerOperation, double ClientCpuMicrosPerOperation,
    double DiskBytesPerOperation, long Operations, long Failed);

/// <summary>One kill of a leader.</summary>
/// <param name="Nodes">Cluster size.</param>
/// <param name="Round">Which fresh cluster.</param>
/// <param name="System">Whose.</param>
/// <param name="FirstPutMillis">From the signal to the first put that succeeded.</param>
/// <param name="Terms">Terms it took; more than one when votes were split.</param>
internal sealed record PeerKill(int Nodes, int Round, string System, double FirstPutMillis, long Terms);

/// <summary>All that was measured; grows while it runs.</summary>
internal sealed class PeersData
{
    public List<PeerCell> Cells { get; } = [];

    public List<PeerKill> Kills { get; } = [];
}
