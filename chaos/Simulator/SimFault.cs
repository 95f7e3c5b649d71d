using System.Globalization;
using Testbed.Faults;

namespace Testbed.Simulator;

/// <summary>What a simulated fault does. Everything is undone after a while, at the latest when all heals.</summary>
internal enum SimFaultKind : byte
{
    /// <summary>The process is gone; what it wrote stays in the cache.</summary>
    Kill,

    /// <summary>The process ends in an orderly way: its log is written first.</summary>
    Stop,

    /// <summary>The machine is gone: the disk keeps some of what was not synced.</summary>
    PowerLoss,

    /// <summary>All machines at once.</summary>
    PowerLossOfAll,

    /// <summary>All processes at once.</summary>
    KillOfAll,

    /// <summary>The process stands still; its connections stay.</summary>
    Pause,

    /// <summary>No bytes between two sides of the nodes; the mask says who is on which.</summary>
    Partition,

    /// <summary>As Partition, clients take sides too.</summary>
    PartitionOfAll,

    /// <summary>What others send does not reach the node.</summary>
    PartitionIn,

    /// <summary>What the node sends does not reach others.</summary>
    PartitionOut,

    /// <summary>Every node reaches only its neighbours in a ring: majorities that differ.</summary>
    Ring,

    /// <summary>Two halves that only one node connects.</summary>
    Bridge,

    /// <summary>A partition that comes and goes.</summary>
    Flapping,

    /// <summary>One direction between two processes carries nothing.</summary>
    Stall,

    /// <summary>A stream breaks; both ends learn soon.</summary>
    Reset,

    /// <summary>A stream breaks; one end learns late.</summary>
    HalfOpen,

    /// <summary>A node's links are slower.</summary>
    SlowLinks,

    /// <summary>A node's links lose frames.</summary>
    LossyLinks,

    /// <summary>A node's disk is slow.</summary>
    SlowDisk,

    /// <summary>Syncs of a node's disk fail: the process ends.</summary>
    SyncError,

    /// <summary>Writes of a node's disk fail: the process ends.</summary>
    DiskFull,

    /// <summary>A durable bit flips while the node is down: it must refuse to start.</summary>
    Corruption,

    /// <summary>A node's wall clock jumps.</summary>
    ClockJump,

    /// <summary>A node's clock runs at another rate.</summary>
    ClockDrift,

    /// <summary>A node's process is slow to handle what comes.</summary>
    SlowProcess,

    /// <summary>Whoever leads is killed, soon after each election.</summary>
    LeaderHunt,

    /// <summary>A client process is gone; another one comes.</summary>
    ClientKill,

    /// <summary>A client process stands still.</summary>
    ClientPause,

    /// <summary>All streams that a node has opened to other nodes break; theirs to it stay.</summary>
    ResetOut,

    /// <summary>
    /// A machine stands still, its links to the other nodes too: the process wakes first, its links a little
    /// later, with what was under way when it fell asleep.
    /// </summary>
    Freeze,

    /// <summary>The machine is replaced by an empty one of the same number.</summary>
    Wipe,

    /// <summary>What a client process sends to some of the nodes waits; what they send to it does not.</summary>
    ClientStall,

    /// <summary>An operator adds a node, and lets it vote once it can.</summary>
    MemberAdd,

    /// <summary>An operator removes a node.</summary>
    MemberRemove,

    /// <summary>An operator hands the leadership over to a node.</summary>
    LeaderTransfer,

    /// <summary>
    /// A client process falls asleep now and then, just when an answer has come, or is gone with its machine just when
    /// it has gone on from one.
    /// </summary>
    ClientDoze,
}

/// <summary>One fault of a plan.</summary>
internal sealed record SimFault
{
    /// <summary>Number within the whole plan, from 1; kept when others are left out.</summary>
    public required int Number { get; init; }

    /// <summary>What it does.</summary>
    public required SimFaultKind Kind { get; init; }

    /// <summary>To whom, where it is for one node.</summary>
    public required FaultTarget Target { get; init; }

    /// <summary>When.</summary>
    public required long AtMicros { get; init; }

    /// <summary>For how long.</summary>
    public required long ForMicros { get; init; }

    /// <summary>Sides, strength, the other process: what the kind makes of it.</summary>
    public required ulong Detail { get; init; }

    /// <summary>Kinds that a seed of this level may draw.</summary>
    public static bool IsAllowed(SimFaultKind kind, ClusterShape shape) =>
        (shape.Fsync || kind is not (SimFaultKind.PowerLoss or SimFaultKind.PowerLossOfAll))
        && (!shape.Volatile || kind is not (SimFaultKind.SlowDisk or SimFaultKind.SyncError or SimFaultKind.DiskFull
            or SimFaultKind.Corruption))
        && (shape.Volatile || shape.Strategy == SimulatedStrategy.Ecc || kind != SimFaultKind.ClientStall)
        && (shape.Operates || !IsOperators(kind))
        && (shape.Strategy == SimulatedStrategy.Raft
            ? kind != SimFaultKind.ClientDoze && (shape.Wipes || kind != SimFaultKind.Wipe)
            : kind != SimFaultKind.LeaderHunt);

    /// <summary>True for what operators do.</summary>
    public static bool IsOperators(SimFaultKind kind) =>
        kind is SimFaultKind.MemberAdd or SimFaultKind.MemberRemove or SimFaultKind.LeaderTransfer;

    /// <summary>How many nodes it takes away.</summary>
    public int Takes(int nodes) => Kind switch
    {
        SimFaultKind.PowerLossOfAll or SimFaultKind.KillOfAll => nodes,
        SimFaultKind.Partition or SimFaultKind.PartitionOfAll or SimFaultKind.Flapping
            => Smaller(Detail, nodes),
        SimFaultKind.Ring or SimFaultKind.Bridge => nodes / 2,
        SimFaultKind.Kill or SimFaultKind.Stop or SimFaultKind.PowerLoss or SimFaultKind.Pause
            or SimFaultKind.PartitionIn or SimFaultKind.PartitionOut or SimFaultKind.SyncError
            or SimFaultKind.DiskFull or SimFaultKind.Corruption or SimFaultKind.LeaderHunt
            or SimFaultKind.Freeze or SimFaultKind.Wipe => 1,
        _ => 0,
    };

    /// <inheritdoc/>
    public override string ToString()
    {
        var who = Kind switch
        {
            SimFaultKind.PowerLossOfAll or SimFaultKind.KillOfAll or SimFaultKind.Ring or SimFaultKind.Bridge
                => "",
            SimFaultKind.Partition or SimFaultKind.PartitionOfAll or SimFaultKind.Flapping
                => $":{Detail & 0xFFFF:x}",
            SimFaultKind.ClientKill or SimFaultKind.ClientPause or SimFaultKind.ClientStall
                or SimFaultKind.ClientDoze => "",
            _ => $":{Target}",
        };
        return string.Create(CultureInfo.InvariantCulture,
            $"{Number} {Kind}{who}@{AtMicros / 1e6:F3}s for {ForMicros / 1e6:F3}s");
    }

    private static int Smaller(ulong side, int nodes)
    {
        var one = System.Numerics.BitOperations.PopCount(side & ((1UL << nodes) - 1));
        return Math.Min(one, nodes - one);
    }
}
