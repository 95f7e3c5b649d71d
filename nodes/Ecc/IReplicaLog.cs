using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>Where a replica's records go.</summary>
internal interface IReplicaLog
{
    /// <summary>Appends a record; head and body are copied.</summary>
    LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body);
}
