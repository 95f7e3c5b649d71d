namespace Testbed.Client;

/// <summary>
/// A client of a key-value cluster, whichever strategy it uses. Thread-safe. At most
/// <see cref="KvClientOptions.MaxInFlight"/> operations are outstanding; one more ends at once as failed,
/// "client full".
/// </summary>
public interface IKvClient : IAsyncDisposable
{
    /// <summary>Begins an operation; never blocks.</summary>
    void Submit(KvOperation operation);

    /// <summary>The client's counters (rounds, retries, hedges, bytes sent), by stable name.</summary>
    IReadOnlyDictionary<string, long> Counters();
}

/// <summary>How to reach a cluster.</summary>
public sealed record KvClientOptions
{
    /// <summary><c>raft</c> or <c>ecc</c>.</summary>
    public required string Strategy { get; init; }

    /// <summary>host:port of every node, in node order.</summary>
    public required IReadOnlyList<string> Nodes { get; init; }

    /// <summary>
    /// The first so many nodes founded the cluster, the others were added to it; 0: all. Nodes that are added after the
    /// client has connected are not found by it.
    /// </summary>
    public int Founders { get; init; }

    /// <summary>
    /// Kernel of the codec by its name, see <see cref="Testbed.Erasure.Kernel"/>; null or empty: the fastest.
    /// </summary>
    public string? CodecKernel { get; init; }

    /// <summary>Data elements k of the ECC strategy; ignored for Raft.</summary>
    public int DataElements { get; init; } = 3;

    /// <summary>
    /// ECC only: puts always code at width k, wait for f + k nodes and never step down; a baseline.
    /// </summary>
    public bool FixedWidth { get; init; }

    /// <summary>
    /// ECC only: least time before an operation asks further nodes or codes narrower; zero: as response times
    /// say.
    /// </summary>
    public TimeSpan LeastHedge { get; init; }

    /// <summary>Most operations outstanding.</summary>
    public int MaxInFlight { get; init; } = 4096;

    /// <summary>
    /// Seed of the client's identity and tie-breaks; every client process and instance needs its own.
    /// </summary>
    public required ulong Seed { get; init; }

    /// <summary>Test only: name of a bug planted in the client's core; null: none.</summary>
    public string? TestPlant { get; init; }
}
