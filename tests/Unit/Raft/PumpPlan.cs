using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>
/// What one seed does: sizes, timings and which faults are switched on. Everything is drawn from the seed.
/// </summary>
internal sealed record PumpPlan
{
    public required ulong Seed { get; init; }
    public required int Nodes { get; init; }
    public required int Clients { get; init; }
    public required int Keys { get; init; }
    public required long FaultyMicros { get; init; }
    public required long LinkDelayMicros { get; init; }
    public required long DiskMicros { get; init; }
    public required bool Crashes { get; init; }
    public required bool Breaks { get; init; }
    public required bool Partitions { get; init; }
    public required bool Stalls { get; init; }
    public required bool Pauses { get; init; }
    public required bool SmallLimits { get; init; }
    public RaftMutants Mutants { get; init; }
    public bool TestLie { get; init; }

    public static PumpPlan Draw(ulong seed, RaftMutants mutants = RaftMutants.None)
    {
        var random = new SplitMix64(seed * 7919 + 13);
        return new PumpPlan
        {
            Seed = seed,
            Mutants = mutants,
            Nodes = random.Below(3) == 0 ? 5 : 3,
            Clients = 2 + (int)random.Below(3),
            Keys = 1 + (int)random.Below(3),
            FaultyMicros = 1_500_000 + random.Below(1_500_000),
            LinkDelayMicros = 50 + random.Below(random.Below(3) == 0 ? 20_000 : 1_000),
            DiskMicros = random.Below(4) == 0 ? 0 : 100 + random.Below(random.Below(3) == 0 ? 30_000 : 2_000),
            Crashes = random.Below(2) == 0,
            Breaks = random.Below(2) == 0,
            Partitions = random.Below(2) == 0,
            Stalls = random.Below(2) == 0,
            Pauses = random.Below(3) == 0,
            SmallLimits = random.Below(2) == 0,
        };
    }

    public RaftOptions Node(int index)
    {
        var options = new RaftOptions
        {
            Self = new NodeId((byte)index), Nodes = Nodes, Seed = Seed, ElectionTimeoutMicros = 120_000,
            HeartbeatMicros = 12_000, Mutants = Mutants, TestLie = TestLie,
        };
        return SmallLimits
            ? options with
            {
                AppendBytes = 100, WindowMessages = 2, WindowBytes = 300, UncommittedBytes = 1_000, PendingReads = 4,
                ReadRounds = 1, ApplyBytes = 150,
            }
            : options;
    }
}

/// <summary>A run found something that must never happen.</summary>
internal sealed class PumpViolation(string message) : Exception(message);
