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

    /// <summary>
    /// Reads a run folder, or a link to one; also of a run that was cut off before it could sum up. Throws
    /// <see cref="ResultsException"/> when it is no run folder.
    /// </summary>
    public static RunData Load(string folder)
    {
        RunFolder run = RunFolder.Open(folder);
        Manifest manifest = run.ReadManifest();
        IReadOnlyList<WindowRow> windows = run.ReadWindows();
        IReadOnlyList<FaultRow> faults = run.ReadFaults();
        return new RunData
        {
            Folder = ShortestPath(run.FullPath),
            Manifest = manifest,
            Summary = run.ReadSummary() ?? CutOff.Summary(manifest, windows, faults),
            Windows = windows,
            Latencies = run.ReadLatency(),
            Faults = faults,
            Nodes = run.ReadNodes(),
        };
    }

    /// <summary>Relative when the folder lies below the current one: that is what a person types.</summary>
    private static string ShortestPath(string path)
    {
        string relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
    }
}
