namespace Testbed.Harness.Runs;

/// <summary>What to compare: finished runs, or runs to be made now.</summary>
public sealed record CompareOptions
{
    /// <summary>Arguments as typed.</summary>
    public IReadOnlyList<string> Argv { get; init; } = [];

    /// <summary>Run folders of the baseline; empty when runs are made now.</summary>
    public IReadOnlyList<string> Baseline { get; init; } = [];

    /// <summary>Run folders of the candidate; empty when runs are made now.</summary>
    public IReadOnlyList<string> Candidate { get; init; } = [];

    /// <summary>
    /// Baseline and candidate strategy when runs are made now; empty when folders are given.
    /// </summary>
    public IReadOnlyList<string> Strategies { get; init; } = [];

    /// <summary>Runs per side when runs are made now.</summary>
    public int Repeat { get; init; } = 1;

    /// <summary>Compare even across durability levels, builds or machines.</summary>
    public bool Force { get; init; }

    /// <summary>
    /// Options of the runs of each cell, one per size of values, at least one; the strategy and the seed of each
    /// repeat replace those in it.
    /// </summary>
    public IReadOnlyList<RunOptions> Cells { get; init; } = [new RunOptions()];

    /// <summary>Options of the first cell; what does not depend on the size is the same in all.</summary>
    public RunOptions Run => Cells[0];
}
