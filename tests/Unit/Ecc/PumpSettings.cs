using Testbed.Ecc;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>What one run of the pump does; everything else follows from the seed.</summary>
internal sealed record PumpSettings
{
    internal required ulong Seed { get; init; }

    internal int Nodes { get; init; } = 5;

    internal int DataElements { get; init; } = 3;

    internal int Clients { get; init; } = 4;

    internal int Keys { get; init; } = 2;

    internal int Operations { get; init; } = 140;

    internal bool Faults { get; init; } = true;

    internal EccMutants Mutants { get; init; }

    /// <summary>Typical delay of a message and of a sync; null: drawn.</summary>
    internal long? DelayMicros { get; init; }

    internal bool Lie { get; init; }

    /// <summary>Puts code at width k or not at all.</summary>
    internal bool FixedWidth { get; init; }

    /// <summary>Level memory: a node that crashes comes back empty.</summary>
    internal bool Volatile { get; init; }

    /// <summary>Bytes after which a node writes its log anew.</summary>
    internal long CheckpointBytes { get; init; } = long.MaxValue;

    /// <summary>Age at which a pre-write is taken for one that its writer left behind.</summary>
    internal long OrphanAgeMicros { get; init; } = 60_000_000;

    /// <summary>Bytes per second that an empty node reads.</summary>
    internal long RebuildBytesPerSecond { get; init; } = long.MaxValue;
}
