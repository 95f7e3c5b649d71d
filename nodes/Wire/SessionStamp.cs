namespace Testbed.Wire;

/// <summary>
/// What makes a write count once however often it is sent (Ongaro's thesis, 6.3): the session it belongs to,
/// its number in it, and the lowest number whose answer the client still waits for. Results below that may be
/// forgotten.
/// </summary>
/// <param name="Session">The session, as the cluster named it when it was opened; 0: none.</param>
/// <param name="Sequence">Number of the write, from 1.</param>
/// <param name="FirstUnanswered">From 1 to <paramref name="Sequence"/>, less than
/// <see cref="Limits.SessionWindow"/> below it.</param>
public readonly record struct SessionStamp(ulong Session, ulong Sequence, ulong FirstUnanswered)
{
    /// <summary>Bytes of a stamp in messages and entries.</summary>
    public const int Bytes = 18;

    /// <summary>Set in the byte of a kind that a stamp follows.</summary>
    internal const byte Flag = 0x80;

    /// <summary>True for a write without a session: it is applied whenever it is committed.</summary>
    public bool IsNone => Session == 0;

    internal void Write(ref WireWriter writer)
    {
        writer.U64(Session);
        writer.U64(Sequence);
        writer.U16((ushort)(Sequence - FirstUnanswered));
    }

    internal static SessionStamp Of(ulong session, ulong sequence, ushort behind) =>
        new(session, sequence, sequence - behind);

    /// <summary>True when what was read is a stamp.</summary>
    internal bool IsSane => Session != 0 && FirstUnanswered >= 1 && FirstUnanswered <= Sequence
        && Sequence <= RaftEntryCodec.Largest && Sequence - FirstUnanswered < Limits.SessionWindow;
}
