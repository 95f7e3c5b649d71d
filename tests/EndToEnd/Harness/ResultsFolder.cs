using Testbed.Results;

namespace Testbed.Tests.EndToEnd.Harness;

/// <summary>A results root of one test, removed at its end.</summary>
internal sealed class ResultsFolder : IDisposable
{
    /// <summary>The folder.</summary>
    public string Root { get; } = Directory.CreateTempSubdirectory("testbed-e2e-").FullName;

    /// <summary>The only run there.</summary>
    public RunFolder Run => Assert.Single(RunFolder.List(Root));

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Root, recursive: true);

    /// <summary>
    /// Processes whose command line names this folder or that live in it: nodes and link proxies that outlived
    /// their harness.
    /// </summary>
    public IReadOnlyList<string> Orphans() =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Where(folder => int.TryParse(Path.GetFileName(folder), out _))
            .Select(folder => CommandLine(folder) + " in " + WorkingFolder(folder))
            .Where(line => line.Contains(Root, StringComparison.Ordinal)),
    ];

    private static string WorkingFolder(string folder)
    {
        try
        {
            return File.ResolveLinkTarget(Path.Combine(folder, "cwd"), returnFinalTarget: false)?.FullName ?? "";
        }
        catch (IOException)
        {
            return "";
        }
        catch (UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string CommandLine(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "cmdline")).Replace('\0', ' ');
        }
        catch (IOException)
        {
            return "";
        }
        catch (UnauthorizedAccessException)
        {
            return "";
        }
    }
}
