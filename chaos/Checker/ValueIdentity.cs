using System.Globalization;

namespace Testbed.Checker;

/// <summary>
/// Identity of a written value: who wrote it and that writer's how-many-eth write it is. The identity 0 means
/// absent, so writers or their sequences begin at 1. As text: <c>writer.sequence</c>; plain numbers of histories
/// from elsewhere are those of writer 0.
/// </summary>
public static class ValueIdentity
{
    /// <summary>Bits of the sequence; the rest is the writer.</summary>
    public const int SequenceBits = 40;

    /// <summary>The largest writer.</summary>
    public const uint MaxWriter = (1u << (64 - SequenceBits)) - 1;

    /// <summary>The largest sequence.</summary>
    public const ulong MaxSequence = (1ul << SequenceBits) - 1;

    /// <summary>Joins writer and sequence; throws when either is too large.</summary>
    public static ulong Compose(uint writer, ulong sequence)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(writer, MaxWriter);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sequence, MaxSequence);
        return ((ulong)writer << SequenceBits) | sequence;
    }

    /// <summary>The writer's part.</summary>
    public static uint Writer(ulong value) => (uint)(value >> SequenceBits);

    /// <summary>The sequence's part.</summary>
    public static ulong Sequence(ulong value) => value & MaxSequence;

    /// <summary>As text; "absent" for 0.</summary>
    public static string Format(ulong value) =>
        value == 0 ? "absent"
        : Writer(value) == 0 ? Sequence(value).ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Writer(value)}.{Sequence(value)}");
}
