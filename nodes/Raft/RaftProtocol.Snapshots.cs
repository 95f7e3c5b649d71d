using Testbed.Raft.Membership;

namespace Testbed.Raft;

/// <summary>Which members need a snapshot (section 7). Making and sending one is the owner's business.</summary>
internal sealed partial class RaftProtocol
{
    /// <summary>
    /// While a snapshot is under way the entries behind it may take this many times the usual memory.
    /// </summary>
    private const int SnapshotKeepFactor = 4;

    /// <summary>Nodes to which our stream broke and is not there again, as bits.</summary>
    private uint _cutOff;

    /// <summary>The member that was sent a snapshot last, and its slot.</summary>
    private (int Slot, MemberId Member) _fed = (None, default);

    /// <summary>Index of the snapshot under way to a member; the largest number when there is none.</summary>
    public ulong SnapshotIndex { get; private set; } = ulong.MaxValue;

    /// <summary>
    /// The member to be sent a snapshot next: it needs entries that are gone, or has nothing to build them upon,
    /// and is heard. -1: nobody.
    /// </summary>
    public int SnapshotTarget()
    {
        // Behind the one that was served last: who never gets through does not keep the others waiting.
        var members = Roster.Configuration.Members;
        var behind = _fed.Slot < 0 ? members : new PeerSet(members.Bits & ~((2UL << _fed.Slot) - 1));
        return FirstTarget(behind) is >= 0 and var next ? next : FirstTarget(members);
    }

    private int FirstTarget(PeerSet members)
    {
        foreach (var slot in members)
        {
            if (Role == RaftRole.Leader && slot != _self && NeedsSnapshot(slot)
                && (_cutOff >> Roster[slot].Node.Index & 1) == 0
                && _now - _times[slot].HeardMicros <= _options.ElectionTimeoutMicros)
            {
                return slot;
            }
        }

        return -1;
    }

    /// <summary>A snapshot of the applied state goes to the member; appends to it wait.</summary>
    public void SnapshotBegun(int slot)
    {
        _tracker[slot].BecomeSnapshot(Applied);
        _times[slot].HoldsNothing = false;
        (SnapshotIndex, _fed) = (Applied, (slot, Roster[slot]));
    }

    /// <summary>
    /// The snapshot has arrived, or will not: the member is asked behind what it matches, which shows whether it
    /// needs another.
    /// </summary>
    public void SnapshotEnded(int slot, MemberId member)
    {
        SnapshotIndex = ulong.MaxValue;
        if (Role == RaftRole.Leader && Roster[slot] == member && _tracker[slot].State == ReplicationState.Snapshot)
        {
            _tracker[slot].SnapshotFailed();
            _tracker[slot].BecomeProbe();
        }
    }

    /// <summary>Members that need entries which are no longer in memory.</summary>
    public int PeersBehindLog()
    {
        var count = 0;
        foreach (var slot in Roster.Configuration.Members)
        {
            count += Role == RaftRole.Leader && slot != _self
                && (NeedsSnapshot(slot) || _tracker[slot].State == ReplicationState.Snapshot) ? 1 : 0;
        }

        return count;
    }

    /// <summary>What is known of a member's log; for reports and tests.</summary>
    public ref readonly ReplicaProgress Progress(int slot) => ref _tracker[slot];

    /// <summary>
    /// Entries from here on are kept for a member that gets a snapshot, or has got one and is not in step yet: were
    /// they dropped as soon as it has arrived, the next one would be needed at once, for ever.
    /// </summary>
    private ulong NeededFrom
    {
        get
        {
            var (slot, member) = _fed;
            if (Role != RaftRole.Leader || slot < 0 || Roster[slot] != member
                || _now - _times[slot].HeardMicros > _options.ElectionTimeoutMicros)
            {
                return SnapshotIndex;
            }

            ref var progress = ref _tracker[slot];
            var follows = progress.State == ReplicationState.Replicate && progress.Match >= Log.BaseIndex
                && Log.BytesBetween(progress.Match, Log.LastIndex) > _options.CaughtUpBytes;
            return follows ? ulong.Min(SnapshotIndex, progress.Match) : SnapshotIndex;
        }
    }

    private bool NeedsSnapshot(int slot) => _tracker[slot].Next <= Log.BaseIndex || _times[slot].HoldsNothing;
}
