using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>
/// What a checker over a whole cluster is told. Each method throws <see cref="SimulationViolation"/> when
/// something must not be; ids are those of docs/INVARIANTS.md.
/// </summary>
internal interface IClusterChecks
{
    /// <summary>
    /// What was known of a node's disk no longer counts; all that its log holds follows, from this record on: those
    /// before it were released.
    /// </summary>
    void Forget(int node, ulong firstSequence);

    /// <summary>A record on a node's disk is durable at the level of the run.</summary>
    void Durable(int node, byte type, ReadOnlyMemory<byte> payload);

    /// <summary>A node's disk was replaced by an empty one.</summary>
    void Wiped(int node)
    {
        // Only clusters whose nodes recover from each other survive it.
    }

    /// <summary>A node has taken back its log.</summary>
    void Recovered(SimNode node);

    /// <summary>
    /// A node has handled a batch of inputs, and not yet put out anything. Raft may drop entries after that.
    /// </summary>
    void Batch(SimNode node);

    /// <summary>A client has a definite answer.</summary>
    void Completed(KvKind kind, int key, ulong identity, EccVersion version);

    /// <summary>Whether all nodes agree and none has anything to do.</summary>
    bool IsAtRest();

    /// <summary>Compares the nodes once they are at rest.</summary>
    void AtRest();

    /// <summary>The nodes in a line.</summary>
    string Describe();

    /// <summary>The simulation has ended: stores go back to its memory.</summary>
    void GiveBack();

    /// <summary>Adds to the counts of rare things.</summary>
    void Collect();
}
