namespace Testbed.Wire;

/// <summary>
/// A replica of either strategy as a pure state machine: messages, ticks and storage completions in; messages
/// and log records out. One owner calls it; nothing is awaited; it never throws for what a peer or client can
/// cause. The node host and the simulator drive the same object, so both see messages only as bytes.
/// </summary>
/// <remarks>
/// Order of calls: <see cref="Recover"/> for every record of the log, oldest first; <see cref="Start"/> once;
/// then the others in any order, each batch of them (one call or many) ended by <see cref="Flush"/>. A
/// message buffer is immutable and owned by the garbage collector: a core may keep slices of it, but who
/// keeps a slice keeps the whole frame (64 KiB or more), so lasting values are copied into the store.
/// </remarks>
public interface INodeCore
{
    /// <summary>
    /// True once this node has a part in a cluster that others may count on. At level memory the host keeps a sign of it
    /// before anything leaves that was put out since.
    /// </summary>
    bool HasPart { get; }

    /// <summary>
    /// Takes back one record that was appended in an earlier life. The payload may be kept.
    /// </summary>
    void Recover(byte recordType, ReadOnlyMemory<byte> payload);

    /// <summary>Begins work after recovery.</summary>
    void Start(CoreTime now, ICoreOutput output);

    /// <summary>
    /// Advances time. The host calls it before each batch of inputs and at least every 5 ms.
    /// </summary>
    void Tick(CoreTime now, ICoreOutput output);

    /// <summary>
    /// Handles one message. False: it is malformed; the host closes that stream and the core has not changed.
    /// </summary>
    bool Receive(Endpoint from, ReadOnlyMemory<byte> message, ICoreOutput output);

    /// <summary>
    /// A stream to or from the endpoint was opened (for peers: the outgoing one, messages can be sent now).
    /// </summary>
    void LinkUp(Endpoint endpoint, ICoreOutput output);

    /// <summary>The stream broke; anything sent on it and not answered may or may not have arrived.</summary>
    void LinkDown(Endpoint endpoint, ICoreOutput output);

    /// <summary>
    /// Every record up to and including <paramref name="upTo"/> is durable at the node's level.
    /// </summary>
    void StorageDone(LogSequence upTo, ICoreOutput output);

    /// <summary>
    /// Ends a batch of inputs. The host calls it after it has handed in everything that had arrived,
    /// <see cref="Tick"/> and <see cref="StorageDone"/> included, and before it sends or writes what the core
    /// put out; so a core may gather a batch and build one record and one message per peer here. Inputs
    /// without a Flush after them may stay without effect.
    /// </summary>
    void Flush(ICoreOutput output);

    /// <summary>Writes role, positions, counters and byte accounting for status, metrics and tests.</summary>
    void Report(IStatusSink sink);
}

/// <summary>Where a core puts what it wants done. Valid during the call only.</summary>
public interface ICoreOutput
{
    /// <summary>
    /// Room for one message of at most <paramref name="maxBytes"/> to the endpoint, written in place into its
    /// next frame. Must be followed by <see cref="End"/> before any other call. Sending to an endpoint that
    /// is gone is allowed and lost.
    /// </summary>
    Span<byte> Begin(Endpoint to, int maxBytes);

    /// <summary>
    /// Like <see cref="Begin"/>, but the message leaves only after every record appended so far is durable at
    /// the node's level. Two such messages to one endpoint keep their order; a plain message may overtake
    /// them.
    /// </summary>
    Span<byte> BeginAfterDurable(Endpoint to, int maxBytes);

    /// <summary>Ends the message begun last with its true length; 0 takes it back.</summary>
    void End(int writtenBytes);

    /// <summary>
    /// Appends one record, <paramref name="head"/> followed by <paramref name="body"/>, to the node's log;
    /// both are copied. Records become durable in order; completion is announced through
    /// <see cref="INodeCore.StorageDone"/>.
    /// </summary>
    LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body);

    /// <summary>
    /// Records up to and including this one are no longer needed: they may be missing at the next recovery.
    /// Only a hint: how many of them really go is the log's business. What supersedes them was appended
    /// before; none of them goes until everything appended before this call is durable.
    /// </summary>
    void Release(LogSequence upTo);

    /// <summary>
    /// A node that was not among the first ones is reached at this address, <c>host:port</c> in ASCII: the host keeps
    /// a stream to it from now on. A host whose nodes are all known beforehand ignores it.
    /// </summary>
    void Peer(NodeId node, ReadOnlySpan<byte> address)
    {
    }
}

/// <summary>
/// Receives a node's or client's figures under stable <c>snake_case</c> names with the unit last.
/// </summary>
public interface IStatusSink
{
    /// <summary>A value that can go up and down (bytes held, term, commit index).</summary>
    void Gauge(string name, long value);

    /// <summary>A count that only grows during a process's life (messages, degraded reads).</summary>
    void Counter(string name, long value);

    /// <summary>A word (role, leader).</summary>
    void Text(string name, string value);
}
