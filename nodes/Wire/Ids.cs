namespace Testbed.Wire;

/// <summary>Position of a node in the cluster's node list, from 0; printed as <c>n0</c>.</summary>
public readonly record struct NodeId(byte Index) : IComparable<NodeId>
{
    /// <inheritdoc/>
    public int CompareTo(NodeId other) => Index.CompareTo(other.Index);

    /// <inheritdoc/>
    public override string ToString() => $"n{Index}";
}

/// <summary>What sits at the other end of a stream.</summary>
public enum EndpointKind : byte
{
    /// <summary>Another node of the cluster; the id is its <see cref="NodeId"/>.</summary>
    Peer = 0,

    /// <summary>
    /// A client stream, or the host itself acting for unary calls; the id is the host's connection number.
    /// </summary>
    Client = 1,
}

/// <summary>Where a message came from, or shall go. Client ids are never used twice by one process.</summary>
public readonly record struct Endpoint(EndpointKind Kind, int Id)
{
    /// <summary>The endpoint of a peer node.</summary>
    public static Endpoint Peer(NodeId node) => new(EndpointKind.Peer, node.Index);

    /// <summary>The endpoint of a client connection.</summary>
    public static Endpoint Client(int connection) => new(EndpointKind.Client, connection);

    /// <summary>The peer's id; meaningful for peers only.</summary>
    public NodeId Node => new((byte)Id);
}

/// <summary>
/// The time a core may see. Monotonic time drives every timeout; wall time only feeds hybrid logical clocks,
/// may jump, and is never used for safety.
/// </summary>
/// <param name="MonotonicMicros">Microseconds since an arbitrary start; never decreases.</param>
/// <param name="WallMicros">Microseconds since 1970-01-01 UTC by the machine's clock.</param>
public readonly record struct CoreTime(long MonotonicMicros, long WallMicros);

/// <summary>Place of a record in a node's log, from 1; 0 means "nothing appended yet".</summary>
public readonly record struct LogSequence(long Value) : IComparable<LogSequence>
{
    /// <inheritdoc/>
    public int CompareTo(LogSequence other) => Value.CompareTo(other.Value);
}
