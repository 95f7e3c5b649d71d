using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Where the operation machines put messages and results: a client's streams, or a node's peers and itself.
/// </summary>
internal interface IEnginePort
{
    /// <summary>Room for one message; followed by <see cref="End"/>.</summary>
    Span<byte> Begin(int node, int maxBytes);

    /// <summary>Ends the message begun last.</summary>
    void End(int writtenBytes);

    /// <summary>
    /// An operation given from outside ended. The slot is free already; its key, target version and value
    /// checksum can be read during this call.
    /// </summary>
    void Completed(OperationSlot slot, in ClientResult result);
}
