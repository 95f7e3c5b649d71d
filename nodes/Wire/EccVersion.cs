namespace Testbed.Wire;

/// <summary>
/// A version of a key's value under the ECC strategy: (hlc, client, gen, rid, width) packed so that the
/// integer order is the order of (hlc, client, gen, rid). The tag is (hlc, client): one tag, one value.
/// Generations and repairer ids number encodings of that same value.
/// </summary>
/// <param name="Value">The packed form; 0 is <see cref="None"/>.</param>
public readonly record struct EccVersion(UInt128 Value) : IComparable<EccVersion>
{
    /// <summary>Highest generation; nothing may be re-encoded beyond it.</summary>
    public const int MaxGen = 255;

    /// <summary>"Never written": below every version.</summary>
    public static readonly EccVersion None;

    /// <summary>The version of a tag and an encoding.</summary>
    public static EccVersion Of(ulong hlc, uint client, int gen, int rid, int width) =>
        new(((UInt128)hlc << 56) | ((UInt128)client << 24) | ((UInt128)(byte)gen << 16) | ((UInt128)(
            byte)rid << 8)
            | (byte)width);

    /// <summary>Hybrid logical clock: microseconds of wall time, pushed forward by what was seen.</summary>
    public ulong Hlc => (ulong)(Value >> 56);

    /// <summary>The client that wrote the value.</summary>
    public uint Client => (uint)(Value >> 24);

    /// <summary>Number of the encoding of the value.</summary>
    public int Gen => (byte)(Value >> 16);

    /// <summary>0 for the writer's own encodings, else the repairer.</summary>
    public int Rid => (byte)(Value >> 8);

    /// <summary>Data elements of the encoding: any that many decode. 0 is a tombstone.</summary>
    public int Width => (byte)Value;

    /// <summary>(hlc, client) as one comparable number.</summary>
    public UInt128 Tag => Value >> 24;

    /// <summary>True for "never written".</summary>
    public bool IsNone => Value == 0;

    /// <summary>
    /// True for what a node or client can have made: a clock so far ahead that it could never be passed
    /// again is refused.
    /// </summary>
    public bool IsPlausible => Value >> 118 == 0;

    /// <summary>True for a deletion.</summary>
    public bool IsTombstone => Value != 0 && Width == 0;

    /// <inheritdoc/>
    public int CompareTo(EccVersion other) => Value.CompareTo(other.Value);

    /// <summary>Order of versions.</summary>
    public static bool operator <(EccVersion left, EccVersion right) => left.Value < right.Value;

    /// <summary>Order of versions.</summary>
    public static bool operator >(EccVersion left, EccVersion right) => left.Value > right.Value;

    /// <summary>Order of versions.</summary>
    public static bool operator <=(EccVersion left, EccVersion right) => left.Value <= right.Value;

    /// <summary>Order of versions.</summary>
    public static bool operator >=(EccVersion left, EccVersion right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public override string ToString() => IsNone ? "none" : $"{Hlc}.{Client:x8}.g{Gen}.r{Rid}.w{Width}";
}
