using System.Diagnostics;
using Testbed.Workloads;

namespace Testbed.Harness.Load;

/// <summary>How a <see cref="LoadGenerator"/> works.</summary>
public sealed record LoadOptions
{
    /// <summary>Offered operations per second of the open loop; null: closed loop.</summary>
    public double? RatePerSecond { get; init; }

    /// <summary>Arrivals of the open loop.</summary>
    public ArrivalKind Arrival { get; init; } = ArrivalKind.Poisson;

    /// <summary>Rates and times for <see cref="ArrivalKind.Steps"/>; the last rate stays.</summary>
    public IReadOnlyList<RateStep> Steps { get; init; } = [];

    /// <summary>Clients of the closed loop, each with one operation outstanding.</summary>
    public int Clients { get; init; } = 64;

    /// <summary>Most operations outstanding in the open loop; what comes on top is shed.</summary>
    public int MaxInFlight { get; init; } = 4096;

    /// <summary>Operations outstanding while records are loaded and in the final read.</summary>
    public int LoadConcurrency { get; init; } = 64;

    /// <summary>Time after which the client gives up an operation.</summary>
    public long TimeoutMicros { get; init; } = 1_000_000;

    /// <summary>Seed of operations and arrivals.</summary>
    public required ulong Seed { get; init; }

    /// <summary>
    /// Writer number in the identity of values; each generator of one history needs its own, from 1.
    /// </summary>
    public uint Writer { get; init; } = 1;

    /// <summary>Attempts per record of the load phase; every one writes a value of its own.</summary>
    public int InsertAttempts { get; init; } = 20;

    /// <summary>Attempts per key of the final read.</summary>
    public int FinalReadAttempts { get; init; } = 30;

    /// <summary>Pause before a failed load insert or final read is tried again.</summary>
    public long RetryPauseMicros { get; init; } = 50_000;

    /// <summary>Pause of a closed-loop client after an operation that failed without effect.</summary>
    public long FailurePauseMicros { get; init; } = 1_000;

    /// <summary>The run is void when the p99 of the schedule lag is above this.</summary>
    public long MaxLagP99Micros { get; init; } = 5_000;

    /// <summary>The run is void when less than this share of the offered operations was attempted.</summary>
    public double MinAttemptedShare { get; init; } = 0.99;

    /// <summary>
    /// How long operations beyond their timeout are waited for before they count as unknown for good.
    /// </summary>
    public long DrainGraceMicros { get; init; } = 10_000_000;

    /// <summary>Most bytes in value buffers; the operations in flight are bounded to keep it.</summary>
    public long MaxBufferBytes { get; init; } = 1L << 30;

    /// <summary>
    /// The <see cref="Stopwatch"/> timestamp that is time 0 of the run; 0: when the generator is made.
    /// </summary>
    public long OriginTimestamp { get; init; }

    /// <summary>The schedule of the open loop; throws when there is none.</summary>
    internal ArrivalSchedule CreateSchedule() => Arrival switch
    {
        ArrivalKind.Constant => ArrivalSchedule.Constant(RatePerSecond!.Value),
        ArrivalKind.Poisson => ArrivalSchedule.Poisson(RatePerSecond!.Value, Seed),
        ArrivalKind.Steps => ArrivalSchedule.Steps(Steps, Seed),
        _ => throw new ArgumentOutOfRangeException(nameof(Arrival)),
    };
}
