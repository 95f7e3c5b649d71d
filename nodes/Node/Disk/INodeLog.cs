using Testbed.Node.Server;
using Testbed.Wire;

namespace Testbed.Node.Disk;

/// <summary>
/// Where a node's records go. Its loop is the owner; what any thread may ask is marked.
/// </summary>
internal interface INodeLog
{
    /// <summary>True at level <c>memory</c>: records are durable at once, for as long as the process lives.</summary>
    bool IsVolatile { get; }

    /// <summary>The last record appended.</summary>
    LogSequence Appended { get; }

    /// <summary>The last record that is durable at the node's level. Any thread.</summary>
    LogSequence Durable { get; }

    /// <summary>True when the disk is so far behind that no more input should be taken. Any thread.</summary>
    bool IsFull { get; }

    /// <summary>Bytes in all segments. Any thread.</summary>
    long LogBytes { get; }

    /// <summary>How long writing a group took, the sync included. Any thread.</summary>
    TimeBuckets WriteTimes { get; }

    /// <summary>Appends one record to the open group.</summary>
    LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body);

    /// <summary>Records up to this one may go once everything appended so far is durable.</summary>
    void Release(LogSequence upTo);

    /// <summary>Begins to write what is appended, if nothing is being written. After each batch.</summary>
    void HandOver();

    /// <summary>
    /// Makes everything appended durable at the node's level and ends. The caller is the loop's owner for good.
    /// </summary>
    void Stop();
}
