using Testbed.Wire;

namespace Testbed.Raft.Membership;

/// <summary>
/// One life of a node as the cluster sees it. A node that lost its memory comes back under a higher
/// incarnation: another member, whose predecessor's acknowledgements count for nothing. Never used twice.
/// </summary>
/// <param name="Node">Where it runs.</param>
/// <param name="Incarnation">Which life of that node; real members begin at 1.</param>
internal readonly record struct MemberId(NodeId Node, uint Incarnation) : IComparable<MemberId>
{
    /// <summary>Nobody. A change that names it is skipped: its proposer has withdrawn it.</summary>
    public static MemberId None => default;

    public int CompareTo(MemberId other) => Incarnation != other.Incarnation
        ? Incarnation.CompareTo(other.Incarnation)
        : Node.CompareTo(other.Node);
}
