using System.Numerics;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// What a registered node does that somebody takes for outdated: a peer remembers a later incarnation, and by rule CV
/// all who hear of that ignore this one. Either another process has taken this node's place, or an earlier process
/// tried to register there and was killed over it. The first had q nodes remember it; so where this process is the
/// latest to enough nodes, it was the second, and the node registers once more, above all attempts. It keeps what it
/// holds.
/// </summary>
internal sealed class OutbidCheck(EccCode code, int self, Readiness readiness)
{
    private uint _standing;
    private uint _ready;
    private uint _later;

    /// <summary>The peers are being asked.</summary>
    internal bool IsAsking => _later > readiness.Incarnation && !readiness.IsStarting;

    /// <summary>Called with the least incarnation to register with.</summary>
    internal Action<uint>? MustRegister { get; set; }

    /// <summary>Somebody knows of that incarnation of this node.</summary>
    internal void Begin(uint incarnation)
    {
        if (!IsAsking && incarnation < EccRegister.MostIncarnations)
        {
            (_later, _standing, _ready) = (incarnation, 1u << self, 0);
        }
    }

    /// <summary>A peer says whom it takes for this node; others are up, this one among them.</summary>
    internal void OnReply(int node, in EccRegisterReply reply, uint up)
    {
        if (!IsAsking || reply.Asked != new EccRegister(readiness.Incarnation, readiness.Nonce)
            || reply.Nodes != code.Nodes || reply.KnownOf(self) >= EccRegister.MostIncarnations)
        {
            return;
        }

        var bit = 1u << node;
        var known = reply.KnownOf(self);

        // A later incarnation without a nonce is hearsay: who registers leaves its nonce with q nodes.
        var nonce = reply.NonceOf(self);
        var stands = known == readiness.Incarnation ? nonce == readiness.Nonce : nonce == 0;
        _standing = stands ? _standing | bit : _standing & ~bit;
        _ready = reply.Standing == EccStanding.Ready ? _ready | bit : _ready & ~bit;
        _later = Math.Max(_later, known);

        // Without q others that vote it could not register, and of several in this place one goes after the other.
        if (BitOperations.PopCount(_standing) >= code.Quorum && BitOperations.PopCount(_ready) >= code.Quorum
            && (up & ~_ready & ~(1u << self)) == 0)
        {
            MustRegister?.Invoke(_later + 1);
        }
    }
}
