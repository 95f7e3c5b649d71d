using Testbed.Raft.Membership;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Raft.Snapshots;

/// <summary>
/// Puts the pieces of a snapshot together beside the state in use; nothing of it counts before the foot has
/// confirmed the whole.
/// </summary>
internal sealed class SnapshotStaging(ulong index, ulong term)
{
    private ulong _digest;
    private ulong _records;
    private ulong _bytes;
    private bool _broken;

    /// <summary>The last entry it covers.</summary>
    public ulong Index { get; } = index;

    /// <summary>That entry's term.</summary>
    public ulong Term { get; } = term;

    /// <summary>Pieces taken, all from the first on.</summary>
    public ulong Pieces { get; private set; }

    /// <summary>True once everything arrived and agreed with the foot.</summary>
    public bool IsComplete { get; private set; }

    public KvStore Store { get; } = new();

    public Roster Roster { get; private set; } = Roster.Empty;

    public MemberBook Book { get; private set; } = new(0);

    public SessionTable Sessions { get; private set; } = new(1);

    /// <summary>Takes the next piece; false when it is damaged or out of place: the whole is worth nothing.</summary>
    public bool TryTake(ReadOnlyMemory<byte> piece)
    {
        var kind = SnapshotFormat.Open(piece, out var checksum, out var content);
        _broken |= IsComplete || (Pieces == 0) != (kind == SnapshotFormat.Head) || kind switch
        {
            SnapshotFormat.Head => !TryTakeHead(ref content),
            SnapshotFormat.Records => !TryTakeRecords(ref content),
            SnapshotFormat.Foot => !TryTakeFoot(ref content),
            _ => true,
        };
        _digest = SnapshotFormat.Fold(_digest, checksum);
        Pieces++;
        return !_broken;
    }

    private bool TryTakeHead(ref WireReader content)
    {
        var sane = Roster.TryRestore(SnapshotFormat.ReadRoster(ref content), out var roster);
        (Roster, Book) = (roster, MemberBook.Read(ref content));
        sane &= SessionTable.TryRead(content.Raw(content.Remaining).Span, out var sessions);
        Sessions = sessions;
        return sane && content.Complete;
    }

    private bool TryTakeRecords(ref WireReader content)
    {
        while (content.Remaining > 0 && !content.Failed)
        {
            var key = content.Short(Limits.KeyBytes);
            var version = content.U64();
            var value = content.Long(Limits.ValueBytes);
            if (content.Failed || key.IsEmpty)
            {
                return false;
            }

            Store.Put(key.Span, new RecordHeader(version, 0, value.Length, 0), value.Span);
            _records++;
            _bytes += (ulong)(key.Length + value.Length);
        }

        return content.Complete;
    }

    private bool TryTakeFoot(ref WireReader content)
    {
        IsComplete = content.U64() == _records && content.U64() == _bytes && content.U64() == _digest
            && content.Complete && _records == (ulong)Store.Count;
        return IsComplete;
    }
}
