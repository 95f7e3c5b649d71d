using Testbed.Results;

namespace Testbed.Reports;

/// <summary>A run as its folder tells it: the only input of a report.</summary>
public sealed record RunData
{
    /// <summary>The folder; empty for data that has none.</summary>
    public string Folder { get; init; } = "";

    /// <summary>How it was run.</summary>
    public required Manifest Manifest { get; init; }

    /// <summary>What it found.</summary>
    public required Summary Summary { get; init; }

    /// <summary>100 ms windows.</summary>
    public IReadOnlyList<WindowRow> Windows { get; init; } = [];

    /// <summary>Percentile spectra.</summary>
    public IReadOnlyList<LatencyRow> Latencies { get; init; } = [];

    /// <summary>Faults with evidence.</summary>
    public IReadOnlyList<FaultRow> Faults { get; init; } = [];

    /// <summary>Resource samples.</summary>
    public IReadOnlyList<NodeRow> Nodes { get; init; } = [];

    /// <summary>Reads a run folder; also an incomplete one, as long as its manifest and summary are there.</summary>
    public static RunData Load(string folder) => FolderReader.Read(folder);
}
