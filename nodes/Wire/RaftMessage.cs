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

    /// <summary>Node without a part in the cluster to all: lets it found the cluster with them, or join it.</summary>
    Join = 26,

    /// <summary>
    /// Founder to one that asks: the cluster is founded and it is part of it. Leader to one that asks: which
    /// incarnation it has become.
    /// </summary>
    Welcome = 27,

    /// <summary>Leader to follower: stand for election now (thesis, 3.10).</summary>
    TimeoutNow = 28,

    /// <summary>Leader to follower: a piece of a snapshot (section 7).</summary>
    SnapshotChunk = 29,

    /// <summary>Follower to leader: how many pieces arrived in order, and whether the whole is installed.</summary>
    SnapshotReply = 30,

    /// <summary>Operator to node: change the members, or hand over the leadership.</summary>
    Admin = 31,
}

/// <summary>What an operator asks of a leader.</summary>
public enum RaftAdminKind : byte
{
    /// <summary>Adds a node as a learner, or names the address of one.</summary>
    AddLearner = 1,

    /// <summary>Lets a learner vote once it has caught up.</summary>
    Promote = 2,

    /// <summary>Removes a node.</summary>
    Remove = 3,

    /// <summary>Hands the leadership over to a node.</summary>
    Transfer = 4,
}

/// <summary>
/// Any Raft message. Which fields a kind carries is fixed by the codec; the others read as zero.
/// </summary>
public readonly record struct RaftMessage
{
    /// <summary>Bytes that suffice for any message, its entries apart.</summary>
    public const int HeadBytes = 80;

    /// <summary>Longest address of a node.</summary>
    public const int AddressBytes = 255;

    /// <summary>What it is.</summary>
    public required RaftMessageKind Kind { get; init; }

    /// <summary>
    /// The sender's term; for a pre-vote and a granted pre-vote the term that would begin.
    /// </summary>
    public ulong Term { get; init; }

    /// <summary>
    /// Between members: the sender's incarnation; 0 while it has none. What a former life of a node sent counts
    /// for nothing. Welcome from a leader: the incarnation that the receiver has become.
    /// </summary>
    public uint From { get; init; }

    /// <summary>Between members: the incarnation it is meant for; others ignore it.</summary>
    public uint To { get; init; }

    /// <summary>
    /// Append: index before the entries. AppendReply: durable up to here, or the refused index. Heartbeat:
    /// what the leader knows the follower to hold. Votes: the candidate's last index. Snapshots: last index
    /// they cover. Admin: the node meant.
    /// </summary>
    public ulong Index { get; init; }

    /// <summary>
    /// Append, snapshots: term at <see cref="Index"/>. AppendReply, refused: term at <see cref="Hint"/>. Votes:
    /// last term. Vote replies: term at <see cref="Commit"/>. Admin: what to do, a <see cref="RaftAdminKind"/>.
    /// </summary>
    public ulong LogTerm { get; init; }

    /// <summary>The leader's commit index; of vote replies the voter's own.</summary>
    public ulong Commit { get; init; }

    /// <summary>
    /// Every voter holds the log durably up to here, so entries below are needed by nobody.
    /// </summary>
    public ulong Trim { get; init; }

    /// <summary>
    /// Read round of a heartbeat and its reply; the question's number for a leader query and an admin request;
    /// the asker's nonce of joins and welcomes.
    /// </summary>
    public ulong Round { get; init; }

    /// <summary>
    /// AppendReply, refused: the highest index at which the follower's log may agree with the leader's.
    /// Join: the founders it has agreed to, 0 for none. Welcome: the founders, 0 from a leader. SnapshotChunk:
    /// number of the piece, from 0. SnapshotReply: pieces received in order.
    /// </summary>
    public ulong Hint { get; init; }

    /// <summary>
    /// AppendReply: accepted. Votes: the leader itself wants this election. Vote replies: granted. LeaderInfo: the
    /// answering node leads. Join: never had a part, so it may found a cluster. SnapshotChunk: the last piece.
    /// SnapshotReply: installed and durable.
    /// </summary>
    public bool Yes { get; init; }

    /// <summary>LeaderInfo: the leader's index, or <see cref="KvReply.NoLeader"/>.</summary>
    public byte Leader { get; init; }

    /// <summary>
    /// Entries of an append, in <see cref="RaftEntryCodec"/>'s form; a slice of the message.
    /// </summary>
    public ReadOnlyMemory<byte> Entries { get; init; }

    /// <summary>
    /// A piece of a snapshot, or an admin request's address; LeaderInfo: where the leader is reached, empty when it is one
    /// of the founders. A slice of the message.
    /// </summary>
    public ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>True for what members say to each other as members: it names both incarnations.</summary>
    public bool IsBetweenMembers => Kind is not (RaftMessageKind.LeaderQuery or RaftMessageKind.LeaderInfo
        or RaftMessageKind.Join or RaftMessageKind.Admin);

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
        var asks = Kind is RaftMessageKind.LeaderQuery or RaftMessageKind.Admin or RaftMessageKind.Join;
        writer.U64(asks ? Round : Term);
        if (IsBetweenMembers)
        {
            writer.U32(From);
            writer.U32(To);
        }

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
                writer.U8(Yes ? (byte)1 : (byte)0);
                break;
            case RaftMessageKind.Join:
                writer.U64(Hint);
                writer.U8(Yes ? (byte)1 : (byte)0);
                break;
            case RaftMessageKind.Welcome:
                writer.U64(Round);
                writer.U64(Hint);
                break;
            case RaftMessageKind.SnapshotChunk:
                writer.U64(Index);
                writer.U64(LogTerm);
                writer.U64(Hint);
                writer.U8(Yes ? (byte)1 : (byte)0);
                writer.U32((uint)entryBytes);
                break;
            case RaftMessageKind.SnapshotReply:
                writer.U64(Index);
                writer.U64(Hint);
                writer.U8(Yes ? (byte)1 : (byte)0);
                break;
            case RaftMessageKind.Admin:
                writer.U64(Index);
                writer.U64(LogTerm);
                writer.Short(Payload.Span);
                break;
            case RaftMessageKind.VoteReply or RaftMessageKind.PreVoteReply:
                writer.U8(Yes ? (byte)1 : (byte)0);
                writer.U64(Commit);
                writer.U64(LogTerm);
                break;
            case RaftMessageKind.LeaderInfo:
                writer.U64(Round);
                writer.U8(Yes ? (byte)1 : (byte)0);
                writer.U8(Leader);
                writer.Short(Payload.Span);
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
        var (from, to) = message.IsBetweenMembers ? (reader.U32(), reader.U32()) : (0, 0);
        message = kind switch
        {
            RaftMessageKind.Append => new()
            {
                Kind = kind, Index = reader.U64(), LogTerm = reader.U64(), Commit = reader.U64(),
                Trim = reader.U64(), Entries = reader.Long(Limits.MessageBytes),
            },
            RaftMessageKind.AppendReply => new()
            {
                Kind = kind, Yes = Flag(ref reader, ref known), Index = reader.U64(), Hint = reader.U64(),
                LogTerm = reader.U64(),
            },
            RaftMessageKind.Heartbeat => new()
            {
                Kind = kind, Index = reader.U64(), Commit = reader.U64(), Trim = reader.U64(),
                Round = reader.U64(),
            },
            RaftMessageKind.HeartbeatReply => new() { Kind = kind, Round = reader.U64() },
            RaftMessageKind.Vote or RaftMessageKind.PreVote => new()
            {
                Kind = kind, Index = reader.U64(), LogTerm = reader.U64(), Yes = Flag(ref reader, ref known),
            },
            RaftMessageKind.VoteReply or RaftMessageKind.PreVoteReply => new()
            {
                Kind = kind, Yes = Flag(ref reader, ref known), Commit = reader.U64(), LogTerm = reader.U64(),
            },
            RaftMessageKind.LeaderInfo => new()
            {
                Kind = kind, Round = reader.U64(), Yes = Flag(ref reader, ref known), Leader = reader.U8(),
                Payload = reader.Short(AddressBytes),
            },
            RaftMessageKind.Join => new()
            {
                Kind = kind, Hint = reader.U64(), Yes = Flag(ref reader, ref known),
            },
            RaftMessageKind.Welcome => new() { Kind = kind, Round = reader.U64(), Hint = reader.U64() },
            RaftMessageKind.SnapshotChunk => new()
            {
                Kind = kind, Index = reader.U64(), LogTerm = reader.U64(), Hint = reader.U64(),
                Yes = Flag(ref reader, ref known), Payload = reader.Long(Limits.MessageBytes),
            },
            RaftMessageKind.SnapshotReply => new()
            {
                Kind = kind, Index = reader.U64(), Hint = reader.U64(), Yes = Flag(ref reader, ref known),
            },
            RaftMessageKind.Admin => new()
            {
                Kind = kind, Index = reader.U64(), LogTerm = reader.U64(), Payload = reader.Short(AddressBytes),
            },
            RaftMessageKind.LeaderQuery or RaftMessageKind.TimeoutNow => message,
            _ => Unknown(kind, ref known),
        };
        message = kind is RaftMessageKind.LeaderQuery or RaftMessageKind.Admin or RaftMessageKind.Join
            ? message with { Round = first }
            : message with { Term = first, From = from, To = to };
        return known && reader.Complete && message.IsSane;
    }

    /// <summary>
    /// True when positions are within bounds and an append's entries continue its position.
    /// </summary>
    private bool IsSane =>
        Kind is RaftMessageKind.LeaderQuery or RaftMessageKind.LeaderInfo or RaftMessageKind.Join
            or RaftMessageKind.Admin
        || (Kind == RaftMessageKind.Welcome && Term <= RaftEntryCodec.Largest)
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
