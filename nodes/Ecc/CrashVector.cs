using System.Buffers.Binary;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Per node the highest incarnation that this node knows of, and which process took it (Michael, Ports,
/// Sharma, Szekeres, DISC 2017). Goes out with every reply; only grows (E7).
/// </summary>
internal sealed class CrashVector
{
    private readonly byte[] _known;
    private readonly byte[] _nonces;
    private bool _anyRestarted;

    internal CrashVector(int nodes)
    {
        Nodes = nodes;
        _known = new byte[4 * nodes];
        _nonces = new byte[8 * nodes];
    }

    internal int Nodes { get; }

    /// <summary>Highest incarnation known of a node.</summary>
    internal uint this[int node] => BinaryPrimitives.ReadUInt32LittleEndian(_known.AsSpan(4 * node));

    /// <summary>Four bytes per node; empty while nobody ever restarted empty.</summary>
    internal ReadOnlyMemory<byte> Wire => _anyRestarted ? _known : default;

    /// <summary>Four bytes per node, always.</summary>
    internal ReadOnlyMemory<byte> Known => _known;

    /// <summary>Eight bytes per node.</summary>
    internal ReadOnlyMemory<byte> Nonces => _nonces;

    /// <summary>The nonce of the process that took the known incarnation; 0: not known.</summary>
    internal ulong NonceOf(int node) => BinaryPrimitives.ReadUInt64LittleEndian(_nonces.AsSpan(8 * node));

    /// <summary>
    /// Takes a fact about a node; true when it was new. Of two processes with one incarnation the first one
    /// stays known.
    /// </summary>
    internal bool Learn(int node, uint incarnation, ulong nonce)
    {
        var known = this[node];
        if (incarnation < known || (incarnation == known && (nonce == 0 || NonceOf(node) != 0)))
        {
            return false;
        }

        Invariant.Holds(incarnation >= known, "E7 known incarnations only grow");
        _anyRestarted |= incarnation > 0;
        BinaryPrimitives.WriteUInt32LittleEndian(_known.AsSpan(4 * node), incarnation);
        BinaryPrimitives.WriteUInt64LittleEndian(_nonces.AsSpan(8 * node), nonce);
        return true;
    }
}
