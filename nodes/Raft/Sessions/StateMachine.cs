using System.Buffers.Binary;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>
/// What committed entries change: the store, and the sessions that make a write that was sent twice count once. All
/// of it depends on the entries alone, so every node holds the same (R5).
/// </summary>
internal sealed class StateMachine(KvStore store, SessionTable sessions, RaftMutants mutants)
{
    /// <summary>The records; replaced when a snapshot is taken in.</summary>
    public KvStore Store { get; set; } = store;

    /// <summary>The sessions; replaced when a snapshot is taken in.</summary>
    public SessionTable Sessions { get; set; } = sessions;

    /// <summary>The session that the last entry opened.</summary>
    public ulong Opened { get; private set; }

    /// <summary>Writes that had been applied before and were not again.</summary>
    public long Deduplicated { get; private set; }

    /// <summary>Writes refused because their session is unknown.</summary>
    public long Expired { get; private set; }

    /// <summary>Applies an entry; says what is to be answered to who proposed it.</summary>
    public KvStatus Apply(in RaftEntryView entry)
    {
        if (entry.Kind == RaftEntryKind.OpenSession)
        {
            Opened = Sessions.Open(BinaryPrimitives.ReadUInt64LittleEndian(entry.Value), entry.Index);
            return KvStatus.Ok;
        }

        var stamp = entry.Command.Stamp;
        if (stamp.IsNone)
        {
            return CarryOut(entry);
        }

        var again = (mutants & RaftMutants.RetryAppliedTwice) != 0;

        switch (Sessions.Look(stamp, entry.Index, out var status))
        {
            case SessionVerdict.New:
                status = CarryOut(entry);
                Sessions.Keep(stamp, status);
                return status;
            case SessionVerdict.Expired:
                Expired++;
                return status;
            case SessionVerdict.Applied or SessionVerdict.Answered when again:
                return CarryOut(entry);
            default:
                Deduplicated++;
                return (mutants & RaftMutants.RetryAppliedTwice) != 0 ? CarryOut(entry) : status;
        }
    }

    private KvStatus CarryOut(in RaftEntryView entry)
    {
        switch (entry.Kind)
        {
            case RaftEntryKind.CompareAndSet when !IsAsExpected(entry.Command):
                return KvStatus.PreconditionFailed;
            case RaftEntryKind.Put or RaftEntryKind.CompareAndSet:
                // No checksum: a full copy is guarded by the log's CRC on its way here, and nobody would compare it.
                Store.Put(entry.Key, new RecordHeader(entry.Index, 0, entry.Value.Length, 0), entry.Value);
                return KvStatus.Ok;
            case RaftEntryKind.Delete:
                Store.Delete(entry.Key);
                return KvStatus.Ok;
            default:
                return KvStatus.Ok;
        }
    }

    private bool IsAsExpected(in RaftCommand command) => Store.TryGet(command.Key, out _, out var value)
        ? command.ExpectsValue && value.SequenceEqual(command.Expected)
        : !command.ExpectsValue;
}
