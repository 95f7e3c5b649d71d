using System.Buffers.Binary;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// The node's log records. Hard state: term (8), vote (node 1, incarnation 4; 0 none), incarnation (4), commit
/// (8), trim (8). Entries: commit (8), trim (8), then entries as they travel. Commit and trim are hints: true
/// when written, perhaps old when read. An entry record replaces whatever earlier records hold from its first
/// index on. Snapshot: index (8), term (8), number (4), then a piece as it travels.
/// </summary>
internal static class RaftRecords
{
    /// <summary>Record type of entries.</summary>
    public const byte Entries = 16;

    /// <summary>Record type of term and vote.</summary>
    public const byte HardState = 17;

    /// <summary>Record type of a snapshot's piece.</summary>
    public const byte Snapshot = 18;

    private const int EntriesHeadBytes = 16;
    private const int HardStateBytes = 33;
    private const int SnapshotHeadBytes = 20;

    public static LogSequence AppendHardState(RaftProtocol raft, ICoreOutput output)
    {
        Span<byte> head = stackalloc byte[HardStateBytes];
        var writer = new WireWriter(head);
        writer.U64(raft.Term);
        var vote = raft.ForgetsVotes ? MemberId.None : raft.Vote;
        writer.U8(vote.Node.Index);
        writer.U32(vote.Incarnation);
        writer.U32(raft.Incarnation);

        // Only what earlier records hold: they may still show overruled entries where this batch commits new
        // ones.
        writer.U64(ulong.Min(raft.Commit, raft.Unwritten - 1));
        writer.U64(raft.Trim);
        return output.Append(HardState, head, default);
    }

    /// <summary>Writes the entries from <paramref name="first"/> on that lie in one piece.</summary>
    public static LogSequence AppendEntries(RaftProtocol raft, ulong first, out ulong last, ICoreOutput output)
    {
        var run = raft.Log.Run(first, raft.Log.LastIndex, out last);
        Span<byte> head = stackalloc byte[EntriesHeadBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(head, ulong.Min(raft.Commit, last));
        BinaryPrimitives.WriteUInt64LittleEndian(head[8..], raft.Trim);
        return output.Append(Entries, head, run);
    }

    public static LogSequence AppendSnapshot(
        ulong index, ulong term, uint number, ReadOnlySpan<byte> piece, ICoreOutput output)
    {
        Span<byte> head = stackalloc byte[SnapshotHeadBytes];
        var writer = new WireWriter(head);
        writer.U64(index);
        writer.U64(term);
        writer.U32(number);
        return output.Append(Snapshot, head, piece);
    }

    public static bool TryReadSnapshot(byte type, ReadOnlyMemory<byte> payload, out ulong index, out ulong term,
        out uint number, out ReadOnlyMemory<byte> piece)
    {
        var reader = new WireReader(payload);
        (index, term, number) = (reader.U64(), reader.U64(), reader.U32());
        piece = reader.Raw(reader.Remaining);
        return type == Snapshot && !reader.Failed;
    }

    public static void Recover(RaftProtocol raft, byte type, ReadOnlyMemory<byte> payload)
    {
        var reader = new WireReader(payload);
        if (type == HardState)
        {
            var term = reader.U64();
            var vote = new MemberId(new NodeId(reader.U8()), reader.U32());
            var incarnation = reader.U32();
            var commit = reader.U64();
            var trim = reader.U64();
            Invariant.Holds(reader.Complete, "R3 log matching");
            raft.RecoverHardState(term, vote, incarnation);
            raft.RecoverEntries(default, commit, trim);
        }
        else if (type == Entries)
        {
            var commit = reader.U64();
            var trim = reader.U64();
            Invariant.Holds(!reader.Failed, "R3 log matching");
            raft.RecoverEntries(reader.Raw(reader.Remaining).Span, commit, trim);
        }
        else
        {
            throw new InvariantViolation(
                $"record type {type} is not Raft's: the data folder belongs to another kind of node");
        }
    }
}
