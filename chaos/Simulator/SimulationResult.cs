namespace Testbed.Simulator;

/// <summary>What came of one simulation.</summary>
public sealed record SimulationResult
{
    /// <summary>What was simulated.</summary>
    public required SimulationOptions Options { get; init; }

    /// <summary>The cluster and what was done to it, in one line.</summary>
    public required string Description { get; init; }

    /// <summary>What went wrong; null when nothing did.</summary>
    public required string? Violation { get; init; }

    /// <summary>Folds every event; the same seed gives the same number on any machine.</summary>
    public required ulong TraceHash { get; init; }

    /// <summary>Events handled.</summary>
    public required long Events { get; init; }

    /// <summary>Virtual time that passed.</summary>
    public required long SimulatedMicros { get; init; }

    /// <summary>Operations by how they ended.</summary>
    public required SimulatedOperations Operations { get; init; }

    /// <summary>Faults that acted, in order of their begin.</summary>
    public required IReadOnlyList<SimulatedFault> Faults { get; init; }

    /// <summary>Client processes while faults acted.</summary>
    public required int Clients { get; init; }

    /// <summary>How often rare things happened, by name.</summary>
    public required IReadOnlyDictionary<string, long> Coverage { get; init; }
}

/// <summary>Operations by how they ended.</summary>
/// <param name="Ok">With a definite answer.</param>
/// <param name="Unknown">Perhaps with an effect.</param>
/// <param name="Failed">Certainly without an effect.</param>
/// <param name="MostOfOneClient">Most that one logical client began while faults acted.</param>
public readonly record struct SimulatedOperations(long Ok, long Unknown, long Failed, int MostOfOneClient);

/// <summary>One fault of a simulation.</summary>
/// <param name="Number">Its number within the seed's plan.</param>
/// <param name="Text">What it did, to whom, when and for how long.</param>
public sealed record SimulatedFault(int Number, string Text);
