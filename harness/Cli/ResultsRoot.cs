namespace Testbed.Harness.Cli;

/// <summary>Where runs are kept.</summary>
internal static class ResultsRoot
{
    /// <summary>
    /// The folder given, or results/runs of the repository the current folder lies in, or of the current
    /// folder.
    /// </summary>
    public static string Resolve(string? given, string currentFolder)
    {
        if (given is not null)
        {
            return Path.GetFullPath(given, currentFolder);
        }

        for (var folder = new DirectoryInfo(currentFolder); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Testbed.sln")))
            {
                return Path.Combine(folder.FullName, "results", "runs");
            }
        }

        return Path.Combine(currentFolder, "results", "runs");
    }

    /// <summary>
    /// Makes the folder and proves that it can be written; throws <see cref="UsageException"/> otherwise.
    /// </summary>
    public static void RequireWritable(string root)
    {
        var probe = Path.Combine(root, $".write-test-{Environment.ProcessId}");
        try
        {
            Directory.CreateDirectory(root);
            File.WriteAllText(probe, "");
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"cannot write to the results folder {root}: {e.Message.ReplaceLineEndings(" ")}");
        }
    }
}
