using Testbed.Ecc;
using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>
/// What a seed draws before anything happens (swarm testing: each seed looks at another corner): cluster,
/// timings, workload, and which faults there are at all.
/// </summary>
internal sealed record ClusterShape
{
    // Less than what a cluster has, once everything healed, before every operation must succeed.
    private const long PatienceMicros = 2_000_000;

    private const int LeaseDraw = 100;
    private const int WidthDraw = 101;
    private const int OrphanDraw = 102;
    private const int LateDraw = 103;

    private static readonly (int Nodes, int DataElements)[] Codes =
        [(3, 2), (5, 3), (5, 3), (5, 2), (6, 4), (4, 2), (7, 4), (9, 6)];

    /// <summary>Everything was drawn from it.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Whose cores.</summary>
    public required SimulatedStrategy Strategy { get; init; }

    /// <summary>Nodes, spare ones included.</summary>
    public required int Nodes { get; init; }

    /// <summary>Of them so many are no members at first. Raft only.</summary>
    public int Spares { get; init; }

    /// <summary>Nodes that are members at first.</summary>
    public int Founders => Nodes - Spares;

    /// <summary>Operators add and remove members and hand over the leadership. Raft only.</summary>
    public bool Operates { get; init; }

    /// <summary>Disks may be lost.</summary>
    public bool Wipes { get; init; }

    /// <summary>Limits of Raft's snapshots that are met all the time; null: the usual ones.</summary>
    public SnapshotLimits? Snapshots { get; init; }

    /// <summary>Data elements k of ECC; 0 for Raft.</summary>
    public required int DataElements { get; init; }

    /// <summary>
    /// ECC's puts never step down: while fewer than f + k nodes answer they end unknown. In the end all are up.
    /// </summary>
    public bool FixedWidth { get; init; }

    /// <summary>True at level fsync; else os: what is written survives the process, not the machine.</summary>
    public required bool Fsync { get; init; }

    /// <summary>True at level memory: a node that restarts is empty.</summary>
    public bool Volatile { get; init; }

    /// <summary>More nodes may be empty at once than the code tolerates: then the cluster may be LOST.</summary>
    public bool MayLose { get; init; }

    /// <summary>Age from which ECC's nodes take a pre-write for one that its writer left behind.</summary>
    public long OrphanAgeMicros { get; init; }

    /// <summary>Kills meet nodes that have finalised what no other one has. ECC only.</summary>
    public bool KillsWhoKnowsAlone { get; init; }

    /// <summary>Longest time for which a node is killed or replaced; 0: as for other faults.</summary>
    public long KillMicros { get; init; }

    /// <summary>Bytes per second that an empty node reads from others.</summary>
    public long RebuildBytesPerSecond { get; init; } = long.MaxValue;

    /// <summary>Client processes.</summary>
    public required int Clients { get; init; }

    /// <summary>Logical clients in each, one operation at a time each.</summary>
    public required int Slots { get; init; }

    /// <summary>Keys.</summary>
    public required int Keys { get; init; }

    /// <summary>How long faults act.</summary>
    public required long FaultyMicros { get; init; }

    /// <summary>
    /// Longest pause between two operations of a logical client; grows with their number, so that a cluster's
    /// load does not.
    /// </summary>
    public required long ThinkMicros { get; init; }

    /// <summary>Longest usual timeout of an operation.</summary>
    public required long TimeoutMicros { get; init; }

    /// <summary>Of 100 operations so many read; a few of the rest delete and scan.</summary>
    public required int ReadPercent { get; init; }

    /// <summary>Longest value.</summary>
    public required int ValueBytes { get; init; }

    /// <summary>Usual delay of a link.</summary>
    public required long LinkMicros { get; init; }

    /// <summary>One of so many frames is lost and sent again after a while; 0: none.</summary>
    public required int LossOneIn { get; init; }

    /// <summary>Longest delay before a process handles what came; 0: at once.</summary>
    public required long WakeMicros { get; init; }

    /// <summary>Usual time of a write to the disk's cache.</summary>
    public required long WriteMicros { get; init; }

    /// <summary>Usual time of a sync.</summary>
    public required long SyncMicros { get; init; }

    /// <summary>Bytes of a log segment.</summary>
    public required int SegmentBytes { get; init; }

    /// <summary>Greatest difference of a clock's rate.</summary>
    public required long ClockPpm { get; init; }

    /// <summary>Greatest error of a wall clock.</summary>
    public required long WallErrorMicros { get; init; }

    /// <summary>Raft's shortest election timeout.</summary>
    public required long ElectionMicros { get; init; }

    /// <summary>Limits of the cores are so small that they are met.</summary>
    public required bool SmallLimits { get; init; }

    /// <summary>Kinds of fault this seed knows, as bits.</summary>
    public required ulong FaultKinds { get; init; }

    /// <summary>Longest time between two faults.</summary>
    public required long FaultGapMicros { get; init; }

    /// <summary>Longest fault.</summary>
    public required long FaultMicros { get; init; }

    /// <summary>Faults never take more nodes away than the cluster tolerates.</summary>
    public required bool WithinTolerance { get; init; }

    /// <summary>
    /// Faults meet leaders and last long enough for another one to be elected; every second client process
    /// believes in a silent leader for long, so it still asks one that wakes up.
    /// </summary>
    public bool LeadersSleep { get; init; }

    /// <summary>Raft's leaders read by lease.</summary>
    public bool LeaseReads { get; init; }

    /// <summary>Leaders' clocks are a fifth slower and all others a fifth faster than they should be.</summary>
    public bool LeadersClocksLag { get; init; }

    /// <summary>Greatest difference of a clock's rate while a fault of clocks acts.</summary>
    public long FaultyClockPpm { get; init; } = 200_000;

    /// <summary>Switches of planted bugs.</summary>
    public required PlantedBugs Bugs { get; init; }

    /// <summary>Nodes that may be away while the cluster serves.</summary>
    public int Tolerated => DataElements == 0
        ? (Founders - 1) / 2
        : Math.Min(Nodes - DataElements, (Nodes - 1) / 2);

    /// <summary>Draws a shape.</summary>
    public static ClusterShape Draw(SimulatedStrategy strategy, ulong seed, PlantedBugs bugs)
    {
        var random = SimRandom.For(seed, Concern.Shape, (int)strategy);
        var (nodes, dataElements) = strategy == SimulatedStrategy.Raft
            ? (random.Of(3, 3, 3, 5, 5, 4, 7), 0)
            : Codes[(int)random.Below(Codes.Length)];
        var dense = random.OneIn(2);
        var link = random.Of(60L, 200, 200, 800, 3_000, 12_000);
        var clients = (int)random.Between(1, 4);
        var slots = (int)random.Between(1, 3);
        var shape = new ClusterShape
        {
            Seed = seed,
            Strategy = strategy,
            Nodes = nodes,
            DataElements = dataElements,
            Fsync = !random.OneIn(3),
            Clients = clients,
            Slots = slots,
            Keys = (int)random.Of(1L, 2, 3, 5, 20),
            FaultyMicros = dense ? random.Between(2, 6) * 1_000_000 : random.Between(8, 25) * 1_000_000,
            ThinkMicros = clients * slots * (dense ? random.Of(4_000L, 15_000) : random.Of(30_000L, 80_000, 200_000)),
            TimeoutMicros = random.Of(200_000L, 1_000_000, 3_000_000),
            ReadPercent = random.Of(30, 50, 50, 70),
            ValueBytes = random.Of(60, 200, 200, 1_500),
            LinkMicros = link,
            LossOneIn = random.Of(0, 0, 1_000, 100),
            WakeMicros = random.Of(0L, 0, 100, 2_000),
            WriteMicros = random.Of(5L, 30, 300),
            SyncMicros = random.Of(100L, 800, 5_000, 30_000),
            SegmentBytes = random.Of(4_096, 32_768, 1 << 20),
            ClockPpm = random.Of(0L, 100, 5_000, 50_000),
            WallErrorMicros = random.Of(0L, 5_000, 500_000, 3_600_000_000),
            ElectionMicros = link > 2_000 ? 500_000 : random.Of(150_000L, 500_000),
            SmallLimits = random.OneIn(3),
            FaultKinds = random.Next() | random.Next(),
            FaultGapMicros = dense ? random.Of(60_000L, 250_000) : random.Of(400_000L, 1_500_000, 4_000_000),
            FaultMicros = dense ? random.Of(100_000L, 700_000) : random.Of(300_000L, 1_500_000, 5_000_000),
            WithinTolerance = random.OneIn(2),
            Bugs = bugs,
        };
        if (strategy == SimulatedStrategy.Ecc)
        {
            return shape.WithMemory();
        }

        shape = random.OneIn(4) ? shape.WithChurn(random).WithMembers()
            : random.OneIn(6) ? shape.WithSleepers(random)
            : shape.WithMembers();
        return shape.WithLease();
    }

    // Level memory for a part of the seeds, and what belongs to it; drawn apart from all else.
    private ClusterShape WithMemory()
    {
        var random = SimRandom.For(Seed, Concern.Memory, 0);
        var isVolatile = random.OneIn(2);
        var shape = this with
        {
            Volatile = isVolatile,
            Fsync = Fsync && !isVolatile,
            MayLose = isVolatile && random.OneIn(6),
            RebuildBytesPerSecond = random.Of(1_000L, 20_000, 1_000_000_000),
            FixedWidth = SimRandom.For(Seed, Concern.Shape, WidthDraw).OneIn(8),
            CheckpointBytes = random.Of(2_000L, 20_000),
            OrphanAgeMicros = SimRandom.For(Seed, Concern.Shape, OrphanDraw).Of(2_000_000L, 5_000_000),
        };
        var late = SimRandom.For(Seed, Concern.Shape, LateDraw);
        return isVolatile && late.OneIn(4) ? shape.WithLateWriters(late) : shape.WithAmnesia(random);
    }

    /// <summary>
    /// The corner where writers and readers come back long after the nodes took them for dead: clients sleep and
    /// stall in the middle of operations, nodes lose their memory meanwhile, and pre-writes are old almost at once.
    /// </summary>
    private ClusterShape WithLateWriters(SimRandom random)
    {
        var (nodes, dataElements) = random.Of((3, 2), (3, 2), (4, 2), (5, 3), (5, 2));
        var clients = (int)random.Between(2, 4);
        return this with
        {
            Nodes = nodes,
            DataElements = dataElements,
            FixedWidth = false,
            MayLose = false,
            RebuildBytesPerSecond = 1_000_000_000,
            OrphanAgeMicros = random.Of(40_000L, 100_000),
            Clients = clients,

            // Often so little goes on that nobody else comes by a key for a while.
            Keys = random.Of(2, 5, 20),
            FaultyMicros = random.Between(10, 20) * 1_000_000,
            ThinkMicros = clients * Slots * random.Of(2_000L, 10_000, 30_000),
            TimeoutMicros = 3_000_000,
            ReadPercent = random.Of(30, 60),
            ValueBytes = random.Of(60, 200),
            LinkMicros = random.Of(200L, 800),
            LossOneIn = 0,
            WakeMicros = 0,
            SmallLimits = false,
            FaultKinds = Bits(
                    SimFaultKind.Kill, SimFaultKind.ClientStall, SimFaultKind.ClientDoze, SimFaultKind.ClientKill)
                | (random.Next() & Bits(SimFaultKind.ClientPause, SimFaultKind.PartitionOfAll)),
            FaultGapMicros = random.Of(60_000L, 150_000),
            FaultMicros = random.Of(300_000L, 1_000_000),
            KillMicros = random.Of(10_000L, 30_000),
            KillsWhoKnowsAlone = random.OneIn(2),
            WithinTolerance = false,
        };
    }

    /// <summary>
    /// The corner where nodes lose their memory one after another while much is under way: few keys, short
    /// kills, and clients whose messages wait. What needs an acknowledgement before a restart and one after the
    /// recovery from it, in one operation, happens only here.
    /// </summary>
    private ClusterShape WithAmnesia(SimRandom random)
    {
        if (!Volatile || random.OneIn(2))
        {
            return this;
        }

        var (nodes, dataElements) = random.Of((3, 2), (5, 3), (5, 3), (4, 2), (5, 2), (6, 4));
        var kinds = Bits(SimFaultKind.Kill, SimFaultKind.Wipe, SimFaultKind.ClientStall);
        var others = Bits(
            SimFaultKind.Stop, SimFaultKind.Pause, SimFaultKind.Partition, SimFaultKind.PartitionOfAll,
            SimFaultKind.PartitionIn, SimFaultKind.PartitionOut, SimFaultKind.Stall, SimFaultKind.Freeze, SimFaultKind.SlowLinks,
            SimFaultKind.HalfOpen, SimFaultKind.Reset, SimFaultKind.ClientPause, SimFaultKind.ClientKill,
            SimFaultKind.SlowProcess);
        return this with
        {
            Nodes = nodes,
            DataElements = dataElements,
            FixedWidth = false,
            Keys = random.Of(1, 1, 2, 3),
            FaultyMicros = random.Between(4, 10) * 1_000_000,
            ThinkMicros = Clients * Slots * random.Of(2_000L, 8_000),
            TimeoutMicros = random.Of(1_000_000L, 3_000_000),
            ReadPercent = random.Of(20, 40),
            LinkMicros = random.Of(200L, 800, 3_000),

            // Many values too small to be coded: what they lack cannot be made up for by a narrower encoding.
            ValueBytes = random.Of(40, 60, 200),
            FaultKinds = kinds | (random.Next() & random.Next() & others),
            FaultGapMicros = random.Of(60_000L, 200_000),
            FaultMicros = random.Of(200_000L, 600_000, 1_500_000),
            KillMicros = random.Of(10_000L, 50_000, 300_000),
            WithinTolerance = false,
        };
    }

    /// <summary>Bytes after which an ECC node writes its log anew.</summary>
    public long CheckpointBytes { get; init; } = long.MaxValue;

    /// <summary>
    /// A third of Raft's clusters read by lease. Their clocks keep within the bound that leases allow for, which is
    /// 10 % between the fastest and the slowest. With that bug planted no clock does, and leaders are cut off together
    /// with some of the clients again and again.
    /// </summary>
    private ClusterShape WithLease() =>
        (Bugs.Raft & RaftMutants.LeaseUnderDrift) != 0
            ? this with
            {
                LeaseReads = true, LeadersClocksLag = true, ElectionMicros = 500_000, LinkMicros = 200,
                ThinkMicros = Clients * Slots * 4_000, FaultKinds = Bits(SimFaultKind.PartitionOfAll),
                FaultGapMicros = 1_500_000, FaultMicros = 1_500_000, WithinTolerance = false,
            }
            : SimRandom.For(Seed, Concern.Shape, LeaseDraw).OneIn(3)
                ? this with { LeaseReads = true, ClockPpm = Math.Min(ClockPpm, 45_000), FaultyClockPpm = 45_000 }
                : this;

    /// <summary>
    /// The corner where elections come one after another and much is still under way: few nodes, single
    /// entries in flight; leaders fall silent and die on a slow disk, or the network is so bad that old
    /// answers come late. What needs two elections between an append and its acknowledgement happens only
    /// here.
    /// </summary>
    private ClusterShape WithChurn(SimRandom random)
    {
        var deaths = random.OneIn(2);
        var kinds = deaths ? Bits(SimFaultKind.LeaderHunt) : Bits(SimFaultKind.ResetOut, SimFaultKind.Freeze);
        var others = Bits(
            SimFaultKind.Kill, SimFaultKind.PowerLoss, SimFaultKind.Pause, SimFaultKind.Stall, SimFaultKind.PartitionIn,
            SimFaultKind.PartitionOut, SimFaultKind.HalfOpen, SimFaultKind.SlowLinks);
        var link = deaths ? random.Of(200L, 800, 3_000) : random.Of(200L, 800);
        return this with
        {
            Nodes = random.Of(3, 3, 3, 5),
            Fsync = !random.OneIn(4),
            FaultyMicros = random.Between(6, 15) * 1_000_000,
            ThinkMicros = Clients * Slots * random.Of(4_000L, 15_000),
            TimeoutMicros = 1_000_000,
            LinkMicros = link,
            LossOneIn = deaths ? LossOneIn : random.Of(8, 20, 60),
            WakeMicros = 0,
            SyncMicros = deaths ? random.Of(2_000L, 5_000, 10_000) : random.Of(100L, 800),
            ElectionMicros = link > 2_000 ? 500_000 : random.Of(150_000L, 500_000),
            SmallLimits = true,
            FaultKinds = kinds | (random.Next() & random.Next() & others),
            FaultGapMicros = deaths ? random.Of(1_500_000, 4_000_000) : random.Of(60_000L, 250_000),
            FaultMicros = random.Of(300_000L, 1_000_000),
            WithinTolerance = false,
        };
    }

    /// <summary>
    /// The corner where leaders sleep long enough to be replaced, and wake to old answers and to clients that
    /// still believe in them, while others have written at the successor: one machine sleeps at a time, and
    /// the network loses so much that answers are always under way.
    /// </summary>
    private ClusterShape WithSleepers(SimRandom random)
    {
        var clients = random.Of(2, 2, 3, 4);
        return this with
        {
            Nodes = random.Of(3, 3, 5),
            Clients = clients,
            Keys = random.Of(1, 1, 2),
            FaultyMicros = random.Between(10, 20) * 1_000_000,
            ThinkMicros = clients * Slots * random.Of(4_000L, 15_000),
            TimeoutMicros = random.Of(100_000L, 300_000),
            LinkMicros = random.Of(200L, 800),
            LossOneIn = random.Of(8, 20, 60),
            WakeMicros = 0,
            SyncMicros = random.Of(100L, 800),
            ElectionMicros = 150_000,
            FaultKinds = Bits(SimFaultKind.Freeze),
            FaultGapMicros = 2_000_000,
            FaultMicros = random.Of(500_000L, 1_500_000),
            WithinTolerance = true,
            LeadersSleep = true,
        };
    }

    private static ulong Bits(params ReadOnlySpan<SimFaultKind> kinds)
    {
        var bits = 0UL;
        foreach (var kind in kinds)
        {
            bits |= 1UL << (int)kind;
        }

        return bits;
    }

    /// <summary>Level memory, lost disks, operators and small snapshots for a part of Raft's seeds; drawn apart from all else.</summary>
    private ClusterShape WithMembers()
    {
        var random = SimRandom.For(Seed, Concern.Memory, 0);
        var isVolatile = random.OneIn(4);
        var operates = random.OneIn(3);
        var spares = operates ? (int)random.Below(3) : 0;
        var wipes = !isVolatile && random.OneIn(4);
        var shape = this with
        {
            Nodes = Nodes + spares,
            Spares = spares,
            Operates = operates,
            Volatile = isVolatile,
            Fsync = Fsync && !isVolatile,
            Wipes = wipes,
            MayLose = (isVolatile || wipes) && random.OneIn(15),
        };
        return random.OneIn(2)
            ? shape
            : shape with { Snapshots = SnapshotLimits.Draw(random), SegmentBytes = random.Of(4_096, 4_096, SegmentBytes) };
    }

    /// <summary>The options of a Raft node, with its process's nonce, and whether it lost its log.</summary>
    public RaftOptions RaftNode(int node, ulong nonce, bool amnesia)
    {
        var options = new RaftOptions
        {
            Self = new NodeId((byte)node),
            Nodes = Founders,
            Volatile = Volatile,
            Amnesia = amnesia,
            Nonce = nonce,
            SnapshotPatienceMicros = 4 * ElectionMicros,
            Seed = SimRandom.Seed(Seed, Concern.Core, node),
            ElectionTimeoutMicros = ElectionMicros,
            HeartbeatMicros = ElectionMicros / 10,
            LogChunkBytes = SmallLimits ? 700 : 16 * 1024,
            LeaseReads = LeaseReads,
            Mutants = Bugs.Raft,
        };
        options = Snapshots?.Limit(options) ?? options;
        return SmallLimits
            ? options with
            {
                // One entry in each append, or a few.
                AppendBytes = (Seed & 2) == 0 ? 1 : 100, WindowMessages = 2, WindowBytes = 300, UncommittedBytes = 1_000,
                PendingReads = 4, ReadRounds = 1, ApplyBytes = 150, Sessions = Math.Max(3, Clients),
            }
            : options;
    }

    /// <summary>The options of a Raft client process.</summary>
    public RaftClientOptions RaftClient(int client) => new()
    {
        Nodes = Nodes,
        Seed = SimRandom.Seed(Seed, Concern.Core, 1_000 + client),
        MaxInFlight = Slots,
        // A client that goes over to the next leader late sees nothing of a lease that lasts too long.
        SuspicionMicros = LeadersClocksLag ? ElectionMicros / 10
            : LeadersSleep && client % 2 == 0 ? PatienceMicros
            : ElectionMicros,
        Mutants = Bugs.Raft,
    };

    /// <summary>The options of an ECC node: with its process's nonce, and whether one before it has voted.</summary>
    public EccOptions EccNode(int node, ulong nonce = 0, bool rejoins = false)
    {
        var options = new EccOptions
        {
            Self = new NodeId((byte)node),
            Nodes = Nodes,
            DataElements = DataElements,
            Seed = SimRandom.Seed(Seed, Concern.Core, node),
            TinyValueBytes = TinyValueBytes,
            FixedWidth = FixedWidth,
            DigestIntervalMicros = ElectionMicros,
            Volatile = Volatile,
            Nonce = nonce,
            Rejoins = rejoins,
            RebuildBytesPerSecond = RebuildBytesPerSecond,
            CheckpointBytes = CheckpointBytes,
            OrphanAgeMicros = OrphanAgeMicros,
            Mutants = Bugs.Ecc,
        };
        return SmallLimits
            ? options with
            {
                FillsInFlight = 1, WidensInFlight = 1, WidensPerSecond = 50, GatewaySlots = 4, RebuildKeysPerPage = 1,
                CheckpointBytesPerTick = 300,
            }
            : options;
    }

    /// <summary>The options of an ECC client process.</summary>
    public EccClientOptions EccClient(int client) => new()
    {
        Nodes = Nodes,
        DataElements = DataElements,
        Seed = SimRandom.Seed(Seed, Concern.Core, 1_000 + client),
        MaxInFlight = Slots,
        TinyValueBytes = TinyValueBytes,
        FixedWidth = FixedWidth,
        Mutants = Bugs.Ecc,
    };

    /// <summary>The shape in a line.</summary>
    public override string ToString()
    {
        var cluster = DataElements == 0
            ? $"raft with {Founders}{(Spares > 0 ? $"+{Spares}" : "")} nodes"
            : $"ecc ({Nodes},{DataElements}){(FixedWidth ? " of fixed width" : "")}";
        var level = Volatile ? "memory" : Fsync ? "fsync" : "os";
        return $"{cluster}, level {level}, {Clients} x {Slots} clients on {Keys} keys, "
            + $"faults for {FaultyMicros / 1_000_000} s{(WithinTolerance ? " within the tolerance" : "")}"
            + $"{(MayLose ? ", may be LOST" : "")}, links of {LinkMicros} us{(LeaseReads ? ", reads by lease" : "")}";
    }

    // Half of the shapes code values that the other half takes for too small.
    private int TinyValueBytes => (Seed & 1) == 0 ? 16 : 64;
}
