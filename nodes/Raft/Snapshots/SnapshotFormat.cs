using System.IO.Hashing;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Raft.Snapshots;

/// <summary>
/// A snapshot is a row of pieces: one head, any number of pieces with records, one foot. Each begins with its
/// XXH3 checksum (8 bytes) over what follows and with its kind (1). Head: the members by part, the member book,
/// the client sessions. Records: key behind a two-byte length, index of the entry that wrote it (8), value behind
/// a four-byte length, one after another. Foot: how many records and bytes there were, and a digest of the
/// checksums of all pieces before it, in order. The same bytes travel to members and lie in the log.
/// </summary>
internal static class SnapshotFormat
{
    public const int PrefixBytes = 9;

    public const byte Head = 1;
    public const byte Records = 2;
    public const byte Foot = 3;

    /// <summary>Bytes one record takes.</summary>
    public static int RecordBytes(int keyBytes, int valueBytes) => 14 + keyBytes + valueBytes;

    /// <summary>Writes kind and checksum of a piece whose content stands behind the prefix.</summary>
    public static ulong Seal(Span<byte> piece, byte kind)
    {
        piece[8] = kind;
        var checksum = XxHash3.HashToUInt64(piece[8..]);
        new WireWriter(piece).U64(checksum);
        return checksum;
    }

    /// <summary>The kind of a whole piece and its checksum; 0 when it is damaged.</summary>
    public static byte Open(ReadOnlyMemory<byte> piece, out ulong checksum, out WireReader content)
    {
        content = new WireReader(piece);
        checksum = content.U64();
        var kind = content.U8();
        return !content.Failed && XxHash3.HashToUInt64(piece.Span[8..]) == checksum ? kind : (byte)0;
    }

    /// <summary>Folds a piece's checksum into the digest of all.</summary>
    public static ulong Fold(ulong digest, ulong checksum) => new SplitMix64(digest ^ checksum).Next();

    public static int Bytes(RosterRecord record) => 5 + (5 * (record.Voters.Length + record.VotersOutgoing.Length
        + record.Learners.Length + record.LearnersNext.Length));

    public static void Write(ref WireWriter writer, RosterRecord record)
    {
        Write(ref writer, record.Voters);
        Write(ref writer, record.VotersOutgoing);
        Write(ref writer, record.Learners);
        Write(ref writer, record.LearnersNext);
        writer.U8(record.AutoLeave ? (byte)1 : (byte)0);
    }

    public static RosterRecord ReadRoster(ref WireReader reader) => new()
    {
        Voters = ReadMembers(ref reader), VotersOutgoing = ReadMembers(ref reader),
        Learners = ReadMembers(ref reader), LearnersNext = ReadMembers(ref reader),
        AutoLeave = reader.U8() == 1,
    };

    private static void Write(ref WireWriter writer, MemberId[] members)
    {
        writer.U8((byte)members.Length);
        foreach (var member in members)
        {
            writer.U8(member.Node.Index);
            writer.U32(member.Incarnation);
        }
    }

    private static MemberId[] ReadMembers(ref WireReader reader)
    {
        var members = new MemberId[reader.U8()];
        for (var i = 0; i < members.Length; i++)
        {
            members[i] = new MemberId(new NodeId(reader.U8()), reader.U32());
        }

        return members;
    }
}
