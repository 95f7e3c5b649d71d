namespace Testbed.Wire;

/// <summary>What a client asks of the cluster.</summary>
public enum KvKind : byte
{
    /// <summary>Linearizable read of one key.</summary>
    Get = 0,

    /// <summary>Write of one key.</summary>
    Put = 1,

    /// <summary>Removal of one key.</summary>
    Delete = 2,

    /// <summary>
    /// Up to <see cref="ClientOperation.ScanLimit"/> present keys in byte order, from the given key on.
    /// </summary>
    Scan = 3,

    /// <summary>
    /// Write of one key if it holds <see cref="ClientOperation.Expected"/>, or if it is absent. Raft only.
    /// </summary>
    CompareAndSet = 4,

    /// <summary>Opens a session for writes that count once; between client core and node only.</summary>
    OpenSession = 5,
}

/// <summary>What is known about an operation when it ends.</summary>
public enum KvOutcome : byte
{
    /// <summary>It took effect exactly once, or the read saw a value (a scan: any number of keys).</summary>
    Ok = 0,

    /// <summary>A get that proved the key absent.</summary>
    NotFound = 1,

    /// <summary>It certainly had and will have no effect.</summary>
    Failed = 2,

    /// <summary>
    /// It may have taken effect, now or later: a deadline passed or a stream broke after sending.
    /// </summary>
    Unknown = 3,

    /// <summary>A compare-and-set that met another value than it expected: it had no effect.</summary>
    PreconditionFailed = 4,
}

/// <summary>One key and value of a scan's answer; both refer to an immutable buffer.</summary>
public readonly record struct KvEntry(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);

/// <summary>
/// One operation as a client core takes it. The memory must stay unchanged until completion.
/// </summary>
public readonly record struct ClientOperation(
    KvKind Kind, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, int ScanLimit, long DeadlineMonotonicMicros)
{
    /// <summary>True: a compare-and-set needs the key to hold <see cref="Expected"/>; false: to be absent.</summary>
    public bool ExpectsValue { get; init; }

    /// <summary>The value it must hold then; empty otherwise.</summary>
    public ReadOnlyMemory<byte> Expected { get; init; }
}

/// <summary>How an operation ended, and what it cost.</summary>
public readonly struct ClientResult
{
    /// <summary>What is known about the operation's effect.</summary>
    public required KvOutcome Outcome { get; init; }

    /// <summary>The value of a get that is <see cref="KvOutcome.Ok"/>; immutable, may be kept.</summary>
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>The answer of a scan; null otherwise.</summary>
    public IReadOnlyList<KvEntry>? Entries { get; init; }

    /// <summary>A constant phrase that says why it failed or is unknown; null when neither.</summary>
    public string? Reason { get; init; }

    /// <summary>Message rounds this operation took.</summary>
    public byte Rounds { get; init; }

    /// <summary>
    /// True when an ECC get had to use a parity element, or a put was stored narrower than k.
    /// </summary>
    public bool Degraded { get; init; }
}

/// <summary>
/// A client of either strategy as a pure state machine: it finds leaders, counts votes, hedges, retries and
/// decides outcomes. Same rules as <see cref="INodeCore"/>.
/// </summary>
public interface IClientCore
{
    /// <summary>
    /// Advances time. The host calls it before each batch of inputs and at least every 5 ms.
    /// </summary>
    void Tick(CoreTime now, IClientOutput output);

    /// <summary>
    /// Begins an operation. <paramref name="slot"/> is a small number, unique among those outstanding (0 to
    /// the host's in-flight limit); it comes back in <see cref="IClientOutput.Complete"/> exactly once.
    /// </summary>
    void Submit(int slot, in ClientOperation operation, IClientOutput output);

    /// <summary>Handles one message from a node. False: malformed; the host closes that stream.</summary>
    bool Receive(NodeId from, ReadOnlyMemory<byte> message, IClientOutput output);

    /// <summary>The stream to the node is open.</summary>
    void LinkUp(NodeId node, IClientOutput output);

    /// <summary>The stream to the node broke, or could not be opened.</summary>
    void LinkDown(NodeId node, IClientOutput output);

    /// <summary>Writes counters (rounds, retries, hedges, bytes).</summary>
    void Report(IStatusSink sink);
}

/// <summary>Where a client core puts what it wants done. Valid during the call only.</summary>
public interface IClientOutput
{
    /// <summary>
    /// Room for one message, written in place into the node's next frame; followed by <see cref="End"/>.
    /// </summary>
    Span<byte> Begin(NodeId to, int maxBytes);

    /// <summary>Ends the message begun last with its true length; 0 takes it back.</summary>
    void End(int writtenBytes);

    /// <summary>
    /// Ends an operation. The slot may be used again at once, even before this call returns.
    /// </summary>
    void Complete(int slot, in ClientResult result);

    /// <summary>
    /// A node that the client was not told of at its start, and where it is reached, in ASCII. Once for each.
    /// </summary>
    void Node(NodeId node, ReadOnlySpan<byte> address)
    {
        // Only strategies whose members change have news.
    }
}
