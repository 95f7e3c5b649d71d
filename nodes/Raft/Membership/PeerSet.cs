using System.Numerics;

namespace Testbed.Raft.Membership;

/// <summary>
/// A set of peer slots as bits. A slot is a node's own number for a member: an index into its arrays. Other
/// nodes may number the same members differently, so slots never travel.
/// </summary>
internal readonly record struct PeerSet(ulong Bits)
{
    /// <summary>
    /// Slots there are; twice <see cref="Wire.Limits.Nodes"/>, so that every node can be replaced in one
    /// joint change.
    /// </summary>
    public const int Slots = 64;

    public int Count => BitOperations.PopCount(Bits);

    public bool IsEmpty => Bits == 0;

    /// <summary>The lowest slot that is in the set; <see cref="Slots"/> when it is empty.</summary>
    public int First => BitOperations.TrailingZeroCount(Bits);

    public static PeerSet operator |(PeerSet left, PeerSet right) => new(left.Bits | right.Bits);

    public static PeerSet operator &(PeerSet left, PeerSet right) => new(left.Bits & right.Bits);

    /// <summary>What is in one of both only.</summary>
    public static PeerSet operator ^(PeerSet left, PeerSet right) => new(left.Bits ^ right.Bits);

    public static PeerSet operator ~(PeerSet set) => new(~set.Bits);

    public static PeerSet Of(int slot) => new(1UL << slot);

    public bool Contains(int slot) => (Bits & 1UL << slot) != 0;

    public bool Contains(PeerSet other) => (other.Bits & ~Bits) == 0;

    /// <summary>Visits the slots in ascending order.</summary>
    public Enumerator GetEnumerator() => new(Bits);

    internal struct Enumerator(ulong rest)
    {
        private ulong _rest = rest;

        public int Current { get; private set; }

        public bool MoveNext()
        {
            Current = BitOperations.TrailingZeroCount(_rest);
            var any = _rest != 0;
            _rest &= _rest - 1;
            return any;
        }
    }
}
