using Testbed.Simulator;

namespace Testbed.Harness.Simulate;

/// <summary>What <c>harness simulate</c> was asked for.</summary>
internal sealed record SimulateOptions
{
    /// <summary>Strategies, one after another.</summary>
    public required IReadOnlyList<SimulatedStrategy> Strategies { get; init; }

    /// <summary>First seed.</summary>
    public required ulong FirstSeed { get; init; }

    /// <summary>Last seed.</summary>
    public required ulong LastSeed { get; init; }

    /// <summary>Simulations at the same time.</summary>
    public required int Jobs { get; init; }

    /// <summary>Prints one line per event.</summary>
    public bool Trace { get; init; }

    /// <summary>Most simulations spent on making a failing one small; 0: none.</summary>
    public int ShrinkRuns { get; init; }

    /// <summary>Faults as they were typed, for the replay command.</summary>
    public IReadOnlyList<string> FaultTexts { get; init; } = [];

    /// <summary>What every simulation has beside its strategy and seed.</summary>
    public required SimulationOptions Common { get; init; }
}
