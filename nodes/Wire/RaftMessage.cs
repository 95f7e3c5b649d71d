namespace Testbed.Wire;

/// <summary>Kind of a Raft message; also its first byte.</summary>
public enum RaftMessageKind : byte
{
    /// <summary>Leader to follower: entries after a position (section 5.3).</summary>
    Append = MessageTypes.RaftFirst,

    /// <summary>Follower to leader: durable up to a position, or refused with a hint.</summary>
    AppendReply = 17,

    /// <summary>
    /// Leader to follower: the leader lives; carries the commit index and the latest read round.
    /// </summary>
    Heartbeat = 18,

    /// <summary>Follower to leader: the latest read round it has seen.</summary>
    HeartbeatReply = 19,

    /// <summary>Candidate to all: asks for a vote (section 5.2).</summary>
    Vote = 20,

    /// <summary>The answer to a vote request.</summary>
    VoteReply = 21,

    /// <summary>Would you vote for me? Changes no state (thesis, section 9.6).</summary>
    PreVote = 22,

    /// <summary>The answer to a pre-vote.</summary>
    PreVoteReply = 23,

    /// <summary>Client to node: who leads?</summary>
    LeaderQuery = 24,

    /// <summary>Node to client: term and leader as far as this node knows.</summary>
    LeaderInfo = 25,
}

/// <summary>
/// Any Raft message. Which fields a kind carries is fixed by the codec; the others read as zero.
/// </summary>
public readonly record struct RaftMessage
{
    /// <summary>Bytes that suffice for any message, its entries apart.</summary>
    public const int HeadBytes = 64;

    /// <summary>What it is.</summary>
    public required RaftMessageKind Kind { get; init; }

    /// <summary>
    /// The sender's term; for a pre-vote and a granted pre-vote the term that would begin.
    /// </summary>
    public ulong Term { get; init; }

    /// <summary>
    /// Append: index before the entries. AppendReply: durable up to here, or the refused index. Heartbeat:
    /// what the leader knows the follower to hold. Votes: the candidate's last index.
    /// </summary>
    public ulong Index { get; init; }

    /// <summary>
    /// Append: term at <see cref="Index"/>. AppendReply, refused: term at <see cref="Hint"/>. Votes: last
    /// term.
    /// </summary>
    public ulong LogTerm { get; init; }

    /// <summary>The leader's commit index.</summary>
    public ulong Commit { get; init; }

    /// <summary>
    /// Every voter holds the log durably up to here, so entries below are needed by nobody.
    /// </summary>
    public ulong Trim { get; init; }

    /// <summary>Read round of a heartbeat and its reply; the question's number for a leader query.</summary>
    public ulong Round { get; init; }

    /// <summary>
    /// AppendReply, refused: the highest index at which the follower's log may agree with the leader's.
    /// </summary>
    public ulong Hint { get; init; }

    /// <summary>
    /// AppendReply: accepted. Vote replies: granted. LeaderInfo: the answering node leads.
    /// </summary>
    public bool Yes { get; init; }

    /// <summary>LeaderInfo: the leader's index, or <see cref="KvReply.NoLeader"/>.</summary>
    public byte Leader { get; init; }

    /// <summary>
    /// Entries of an append, in <see cref="RaftEntryCodec"/>'s form; a slice of the message.
    /// </summary>
    public ReadOnlyMemory<byte> Entries { get; init; }

    /// <summary>Writes the message without entries; returns its length.</summary>
    public int Write(Span<byte> destination) => WriteHead(destination, 0);

    /// <summary>
    /// Writes everything but the entries; an append's entries, <paramref name="entryBytes"/> long, are to
    /// follow right behind. Returns the bytes written.
    /// </summary>
    public int WriteHead(Span<byte> destination, int entryBytes)
    {
        var writer = new WireWriter(destination);
        writer.U8((byte)Kind);
        writer.U64(Kind == RaftMessageKind.LeaderQuery ? Round : Term);
        switch (Kind)
        {
            case RaftMessageKind.Append:
                writer.U64(Index);
                writer.U64(LogTerm);
                writer.U64(Commit);
                writer.U64(Trim);
                writer.U32((uint)entryBytes);
                break;
            case RaftMessageKind.AppendReply:
                writer.U8(Yes ? (byte)1 : (byte)0);
                writer.U64(Index);
                writer.U64(Hint);
                writer.U64(LogTerm);
                break;
            case RaftMessageKind.Heartbeat:
                writer.U64(Index);
                writer.U64(Commit);
                writer.U64(Trim);
                writer.U64(Round);
                break;
            case RaftMessageKind.HeartbeatReply:
                writer.U64(Round);
                break;
            case RaftMessageKind.Vote or RaftMessageKind.PreVote:
                writer.U64(Index);
                writer.U64(LogTerm);
                break;
            case RaftMessageKind.VoteReply or RaftMessageKind.PreVoteReply:
                writer.U8(Yes ? (byte)1 : (byte)0);
                break;
            case RaftMessageKind.LeaderInfo:
                writer.U64(Round);
                writer.U8(Yes ? (byte)1 : (byte)0);
                writer.U8(Leader);
                break;
            default:
                break;
        }

        return writer.Position;
    }

    /// <summary>Reads a message, entries included; false when it is malformed or breaks a limit.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> source, out RaftMessage message)
    {
        var reader = new WireReader(source);
        var kind = (RaftMessageKind)reader.U8();
        message = new RaftMessage { Kind = kind };
        var known = true;
        var first = reader.U64();
        message = kind switch
        {
            RaftMessageKind.Append => new()
            {
                Kind = kind, Term = first, Index = reader.U64(), LogTerm = reader.U64(), Commit = reader.U64(),
                Trim = reader.U64(), Entries = reader.Long(Limits.MessageBytes),
            },
            RaftMessageKind.AppendReply => new()
            {
                Kind = kind, Term = first, Yes = Flag(ref reader, ref known), Index = reader.U64(),
                Hint = reader.U64(), LogTerm = reader.U64(),
            },
            RaftMessageKind.Heartbeat => new()
            {
                Kind = kind, Term = first, Index = reader.U64(), Commit = reader.U64(), Trim = reader.U64(),
                Round = reader.U64(),
            },
            RaftMessageKind.HeartbeatReply => new() { Kind = kind, Term = first, Round = reader.U64() },
            RaftMessageKind.Vote or RaftMessageKind.PreVote => new()
            {
                Kind = kind, Term = first, Index = reader.U64(), LogTerm = reader.U64(),
            },
            RaftMessageKind.VoteReply or RaftMessageKind.PreVoteReply => new()
            {
                Kind = kind, Term = first, Yes = Flag(ref reader, ref known),
            },
            RaftMessageKind.LeaderQuery => new() { Kind = kind, Round = first },
            RaftMessageKind.LeaderInfo => new()
            {
                Kind = kind, Term = first, Round = reader.U64(), Yes = Flag(ref reader, ref known),
                Leader = reader.U8(),
            },
            _ => Unknown(kind, ref known),
        };

        return known && reader.Complete && message.IsSane;
    }

    /// <summary>
    /// True when positions are within bounds and an append's entries continue its position.
    /// </summary>
    private bool IsSane =>
        Kind is RaftMessageKind.LeaderQuery or RaftMessageKind.LeaderInfo
        || (Term is > 0 and <= RaftEntryCodec.Largest && Index <= RaftEntryCodec.Largest && LogTerm <= Term
            && Commit <= RaftEntryCodec.Largest && Trim <= RaftEntryCodec.Largest
            && Round <= RaftEntryCodec.Largest && Hint <= RaftEntryCodec.Largest
            && (Kind != RaftMessageKind.Append || RaftEntryCodec.IsRun(Entries.Span, Index, LogTerm, Term)));

    private static bool Flag(ref WireReader reader, ref bool known)
    {
        var value = reader.U8();
        known &= value <= 1;
        return value == 1;
    }

    private static RaftMessage Unknown(RaftMessageKind kind, ref bool known)
    {
        known = false;
        return new RaftMessage { Kind = kind };
    }
}
