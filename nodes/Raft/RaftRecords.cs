using System.Buffers.Binary;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// The node's log records. Hard state: term (8), vote (1; 255 none), commit (8), trim (8). Entries: commit
/// (8), trim (8), then entries as they travel. Commit and trim are hints: true when written, perhaps old
/// when read. An entry record replaces whatever earlier records hold from its first index on.
/// </summary>
internal static class RaftRecords
{
    /// <summary>Record type of entries.</summary>
    public const byte Entries = 16;

    /// <summary>Record type of term and vote.</summary>
    public const byte HardState = 17;

    private const int EntriesHeadBytes = 16;
    private const int HardStateBytes = 25;

    public static LogSequence AppendHardState(RaftProtocol raft, ICoreOutput output)
    {
        Span<byte> head = stackalloc byte[HardStateBytes];
        var writer = new WireWriter(head);
        writer.U64(raft.Term);
        writer.U8(raft.Vote == RaftProtocol.None || raft.ForgetsVotes ? KvReply.NoLeader : (byte)raft.Vote);

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

    public static void Recover(RaftProtocol raft, byte type, ReadOnlyMemory<byte> payload)
    {
        var reader = new WireReader(payload);
        if (type == HardState)
        {
            var term = reader.U64();
            var vote = reader.U8();
            var commit = reader.U64();
            var trim = reader.U64();
            Invariant.Holds(reader.Complete, "R3 log matching");
            raft.RecoverHardState(term, vote == KvReply.NoLeader ? RaftProtocol.None : vote);
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
