using Testbed.Erasure;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>What an ECC node must know; validated by <see cref="EccNodeCore"/>'s constructor.</summary>
public sealed record EccOptions
{
    /// <summary>This node.</summary>
    public required NodeId Self { get; init; }

    /// <summary>Nodes of the cluster, n; at least 2.</summary>
    public required int Nodes { get; init; }

    /// <summary>Data elements k, 1 to n - 1.</summary>
    public required int DataElements { get; init; }

    /// <summary>Seed of identities and choices.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Most operations coordinated at once for thin clients; one more is answered busy.</summary>
    public int GatewaySlots { get; init; } = 256;

    /// <summary>Longest a thin client's operation is tried, whatever it asks for.</summary>
    public long GatewayTimeoutMicros { get; init; } = 10_000_000;

    /// <summary>
    /// Values up to this size are written at width 1: coding them saves nothing. Not where widths are fixed.
    /// </summary>
    public int TinyValueBytes { get; init; } = 64;

    /// <summary>
    /// Puts always code at width k, wait for f + k nodes and never step down, as CAS does: a baseline.
    /// </summary>
    public bool FixedWidth { get; init; }

    /// <summary>
    /// Least time before an operation asks further nodes, asks again or steps down; 0: as response times say.
    /// </summary>
    public long LeastHedgeMicros { get; init; }

    /// <summary>Most bytes of pre-writes not finalised; beyond, pre-writes are refused.</summary>
    public long PendingBytesLimit { get; init; } = 512L * 1024 * 1024;

    /// <summary>
    /// Age from which a pre-write counts as left behind by its writer: it is dropped once all nodes agree that it
    /// was and will not be finalised. Longer than any operation is tried, for its writer cannot end it any more.
    /// </summary>
    public long OrphanAgeMicros { get; init; } = 60_000_000;

    /// <summary>Missing elements that are restored at the same time.</summary>
    public int FillsInFlight { get; init; } = 16;

    /// <summary>Narrow values that are widened at the same time; 0 switches widening off.</summary>
    public int WidensInFlight { get; init; } = 4;

    /// <summary>Most values widened per second.</summary>
    public int WidensPerSecond { get; init; } = 1_000;

    /// <summary>Time between two digests with a random peer when nothing is known to be missing.</summary>
    public long DigestIntervalMicros { get; init; } = 1_000_000;

    /// <summary>
    /// The host has a sign that this node has voted in an earlier process (<see cref="EccNodeCore.HasPart"/>).
    /// When its log is empty nevertheless, its memory is lost: it recovers from the others and never takes itself
    /// for a part of a new cluster.
    /// </summary>
    public bool Rejoins { get; init; }

    /// <summary>Most bytes per second that a node which lost its memory reads from others.</summary>
    public long RebuildBytesPerSecond { get; init; } = 128L * 1024 * 1024;

    /// <summary>Keys that such a node looks at in one go, about.</summary>
    public int RebuildKeysPerPage { get; init; } = 256;

    /// <summary>
    /// The log is written anew, in stretches, when it has grown by this much, and by twice the bytes that are
    /// alive, since that was done last.
    /// </summary>
    public long CheckpointBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Bytes of the new log written per tick.</summary>
    public int CheckpointBytesPerTick { get; init; } = 256 * 1024;

    /// <summary>
    /// Level memory: what the node knows dies with its process. A process that starts is a new and empty node,
    /// whatever its predecessor of the same id had promised.
    /// </summary>
    public bool Volatile { get; init; }

    /// <summary>Drawn at random by the host for each start of the process: tells its lives apart.</summary>
    public ulong Nonce { get; init; }

    /// <summary>
    /// A damaged log of this node was put aside and an empty one begun, in this life or an earlier one: what it
    /// had promised before is not known, so it must not take part as if it had promised nothing. True in every
    /// life from then on.
    /// </summary>
    public bool Amnesia { get; init; }

    /// <summary>
    /// Test only: every 50th read is answered with a forged higher version of width 1 and a garbage element
    /// whose checksum is right, so that a checker has something to find.
    /// </summary>
    public bool TestLie { get; init; }

    /// <summary>
    /// Test only: at the first f nodes every 20th read finds that a byte of the element it asks for has changed in
    /// memory.
    /// </summary>
    public bool TestRot { get; init; }

    /// <summary>The codec's kernel; null: the fastest this processor has. All give the same bytes.</summary>
    public Kernel? Kernel { get; init; }

    /// <summary>Test only: planted bugs.</summary>
    internal EccMutants Mutants { get; init; }

    /// <summary>The part that operations keep to which this node carries out itself.</summary>
    internal EngineOptions Engine => new()
    {
        Slots = GatewaySlots + RepairQueue.SlotsFor(this),
        TinyValueBytes = TinyValueBytes,
        FixedWidth = FixedWidth,
        LeastHedgeMicros = LeastHedgeMicros,
        Mutants = Mutants,
    };

    /// <summary>Test only: with the bug of this name planted, see docs/SIMULATION.md; null: none.</summary>
    public EccOptions WithPlant(string? name) => this with { Mutants = EccPlants.Parse(name) };
}

/// <summary>What an ECC client must know; validated by <see cref="EccClientCore"/>'s constructor.</summary>
public sealed record EccClientOptions
{
    /// <summary>Nodes of the cluster, n; at least 2.</summary>
    public required int Nodes { get; init; }

    /// <summary>Data elements k, 1 to n - 1.</summary>
    public required int DataElements { get; init; }

    /// <summary>Decides the client's identity: every client process and instance needs its own.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Slots 0 to this number - 1 may be used.</summary>
    public int MaxInFlight { get; init; } = 4096;

    /// <summary>
    /// Values up to this size are written at width 1: coding them saves nothing. Not where widths are fixed.
    /// </summary>
    public int TinyValueBytes { get; init; } = 64;

    /// <summary>
    /// Puts always code at width k, wait for f + k nodes and never step down, as CAS does: a baseline.
    /// </summary>
    public bool FixedWidth { get; init; }

    /// <summary>
    /// Least time before an operation asks further nodes, asks again or steps down; 0: as response times say.
    /// </summary>
    public long LeastHedgeMicros { get; init; }

    /// <summary>The codec's kernel; null: the fastest this processor has. All give the same bytes.</summary>
    public Kernel? Kernel { get; init; }

    /// <summary>Test only: planted bugs.</summary>
    internal EccMutants Mutants { get; init; }

    /// <summary>The part that operations keep to.</summary>
    internal EngineOptions Engine => new()
    {
        Slots = MaxInFlight,
        TinyValueBytes = TinyValueBytes,
        FixedWidth = FixedWidth,
        LeastHedgeMicros = LeastHedgeMicros,
        Mutants = Mutants,
    };

    /// <summary>Test only: with the bug of this name planted, see docs/SIMULATION.md; null: none.</summary>
    public EccClientOptions WithPlant(string? name) => this with { Mutants = EccPlants.Parse(name) };
}
