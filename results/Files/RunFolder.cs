using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Testbed.Results;

/// <summary>
/// The folder of one run, see docs/RESULTS-FORMAT.md. The only thing that passes from a run to a report.
/// </summary>
public sealed class RunFolder
{
    /// <summary>Name of the link, or of the text file, that names the newest run.</summary>
    public const string LatestName = "latest";

    private RunFolder(string path)
    {
        FullPath = path;
        RunId = Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
    }

    /// <summary>The folder.</summary>
    public string FullPath { get; }

    /// <summary>The run's id, which is the folder's name.</summary>
    public string RunId { get; }

    /// <summary>manifest.json.</summary>
    public string ManifestPath => In("manifest.json");

    /// <summary>summary.json.</summary>
    public string SummaryPath => In("summary.json");

    /// <summary>summary.txt: what the terminal showed.</summary>
    public string SummaryTextPath => In("summary.txt");

    /// <summary>windows.csv.</summary>
    public string WindowsPath => In("windows.csv");

    /// <summary>latency.csv.</summary>
    public string LatencyPath => In("latency.csv");

    /// <summary>histograms.hlog.</summary>
    public string HistogramsPath => In("histograms.hlog");

    /// <summary>history.jsonl.gz.</summary>
    public string HistoryPath => In("history.jsonl.gz");

    /// <summary>faults.csv.</summary>
    public string FaultsPath => In("faults.csv");

    /// <summary>nodes.csv.</summary>
    public string NodesPath => In("nodes.csv");

    /// <summary>checks/verdict.json.</summary>
    public string VerdictPath => In("checks", "verdict.json");

    /// <summary>checks/timeline.html: counterexamples as pictures; only of invalid runs.</summary>
    public string TimelinePath => In("checks", "timeline.html");

    /// <summary>logs/, one file per node.</summary>
    public string LogFolder => In("logs");

    /// <summary>report/, pages and pictures.</summary>
    public string ReportFolder => In("report");

    /// <summary>A path inside the folder.</summary>
    public string In(params ReadOnlySpan<string> parts) => Path.Combine([FullPath, .. parts]);

    /// <summary>
    /// Creates a new folder under the root and points <c>latest</c> at it. Throws <see
    /// cref="ResultsException"/> when that is not possible.
    /// </summary>
    public static RunFolder Create(
        string root, DateTimeOffset utc, string strategy, string workload, string faults)
    {
        var when = utc.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        try
        {
            Directory.CreateDirectory(root);
            for (var attempt = 0; attempt < 10; attempt++)
            {
                var id = RandomNumberGenerator.GetHexString(6, lowercase: true);
                var name = $"{when}-{Word(strategy)}-{Word(workload)}-{Word(faults)}-{id}";
                var path = Path.GetFullPath(Path.Combine(root, name));
                if (Directory.Exists(path))
                {
                    continue;
                }

                Directory.CreateDirectory(path);
                var folder = new RunFolder(path);
                Directory.CreateDirectory(folder.LogFolder);
                PointLatest(root, name);
                return folder;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException
            or NotSupportedException)
        {
            throw new ResultsException(
                $"Cannot write results under '{root}': {e.Message.TrimEnd('.')}. "
                + "Choose another folder with --results.", e);
        }

        throw new ResultsException($"Cannot find a free name for a run under '{root}'.");
    }

    /// <summary>
    /// Opens a run: a folder, or a link or text file that names one. Throws <see cref="ResultsException"/>
    /// when it is none.
    /// </summary>
    public static RunFolder Open(string path)
    {
        var full = Path.GetFullPath(path);
        if (new FileInfo(full) is { Exists: true, LinkTarget: null, Length: < 4096 })
        {
            full = Path.Combine(Path.GetDirectoryName(full)!, File.ReadAllText(full).Trim());
        }

        if (!Directory.Exists(full))
        {
            throw new ResultsException($"'{path}' is no run folder: there is no such folder.");
        }

        full = new DirectoryInfo(full).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? full;
        var folder = new RunFolder(Path.TrimEndingDirectorySeparator(full));
        if (PartialFile.Existing(folder.ManifestPath) is null)
        {
            throw new ResultsException($"'{path}' is no run folder: it has no manifest.json.");
        }

        return folder;
    }

    /// <summary>The newest run under the root; null when there is none.</summary>
    public static RunFolder? Latest(string root)
    {
        var link = Path.Combine(root, LatestName);
        if (Directory.Exists(link) || File.Exists(link))
        {
            try
            {
                return Open(link);
            }
            catch (ResultsException)
            {
                // The link points at a removed run: fall back to the newest one.
            }
        }

        return List(root) is [var first, ..] ? first : null;
    }

    /// <summary>All runs under the root, newest first.</summary>
    public static IReadOnlyList<RunFolder> List(string root)
    {
        if (!Directory.Exists(root))
        {
            return [];
        }

        return
        [
            .. Directory.EnumerateDirectories(root)
                .Where(path => Path.GetFileName(path) != LatestName)
                .Select(path => new RunFolder(Path.GetFullPath(path)))
                .Where(folder => PartialFile.Existing(folder.ManifestPath) is not null)
                .OrderByDescending(folder => folder.RunId, StringComparer.Ordinal),
        ];
    }

    /// <summary>Writes manifest.json.</summary>
    public void Write(Manifest manifest) =>
        ResultsJson.Write(ManifestPath, manifest, ResultsJson.Default.Manifest);

    /// <summary>Writes summary.json.</summary>
    public void Write(Summary summary) =>
        ResultsJson.Write(SummaryPath, summary, ResultsJson.Default.Summary);

    /// <summary>Writes checks/verdict.json.</summary>
    public void Write(VerdictFile verdict) =>
        ResultsJson.Write(VerdictPath, verdict, ResultsJson.Default.VerdictFile);

    /// <summary>Writes summary.txt.</summary>
    public void WriteSummaryText(string text) =>
        PartialFile.WriteText(SummaryTextPath, Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n")));

    /// <summary>
    /// Reads manifest.json; throws <see cref="ResultsException"/> when it is missing or malformed.
    /// </summary>
    public Manifest ReadManifest() =>
        ResultsJson.Read(ManifestPath, ResultsJson.Default.Manifest, "testbed.manifest/1")
        ?? throw new ResultsException($"'{FullPath}' has no manifest.json.");

    /// <summary>Reads summary.json; null when the run never got so far (its harness was killed).</summary>
    public Summary? ReadSummary() =>
        ResultsJson.Read(SummaryPath, ResultsJson.Default.Summary, "testbed.summary/1");

    /// <summary>Reads checks/verdict.json; null when the history was not checked.</summary>
    public VerdictFile? ReadVerdict() =>
        ResultsJson.Read(VerdictPath, ResultsJson.Default.VerdictFile, "testbed.verdict/1");

    /// <summary>True when the run came to its end.</summary>
    public bool IsComplete() => ReadSummary() is { Complete: true };

    /// <summary>Rows of windows.csv; empty when there is none.</summary>
    public IReadOnlyList<WindowRow> ReadWindows() => CsvRows.Read<WindowRow>(WindowsPath);

    /// <summary>Rows of latency.csv; empty when there is none.</summary>
    public IReadOnlyList<LatencyRow> ReadLatency() => CsvRows.Read<LatencyRow>(LatencyPath);

    /// <summary>Rows of faults.csv; empty when there is none.</summary>
    public IReadOnlyList<FaultRow> ReadFaults() => CsvRows.Read<FaultRow>(FaultsPath);

    /// <summary>Rows of nodes.csv; empty when there is none.</summary>
    public IReadOnlyList<NodeRow> ReadNodes() => CsvRows.Read<NodeRow>(NodesPath);

    private static void PointLatest(string root, string name)
    {
        var link = Path.Combine(root, LatestName);
        try
        {
            var old = new FileInfo(link);
            if (old.Exists || old.LinkTarget is not null)
            {
                old.Delete();
            }
            else if (new DirectoryInfo(link) is { Exists: true, LinkTarget: not null } directory)
            {
                directory.Delete();
            }

            Directory.CreateSymbolicLink(link, name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Where links are not allowed (Windows without developer mode), or two runs race: a text file
            // serves.
            try
            {
                File.WriteAllText(link, name + "\n");
            }
            catch (Exception inner) when (inner is IOException or UnauthorizedAccessException)
            {
                // A convenience only; the run itself can go on.
            }
        }
    }

    private static string Word(string text)
    {
        var word = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            word.Append(char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '_');
        }

        return word.Length == 0 ? "none" : word.ToString(0, Math.Min(word.Length, 40));
    }
}
