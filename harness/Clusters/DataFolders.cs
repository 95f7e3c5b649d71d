using Testbed.Injectors;

namespace Testbed.Harness.Clusters;

/// <summary>Removes nodes' data folders, and nothing that was not made for that.</summary>
internal static class DataFolders
{
    /// <summary>File that marks a folder as a cluster's own.</summary>
    public const string Marker = ".testbed-data";

    /// <summary>Makes and marks a folder.</summary>
    public static void Make(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, Marker), "data of a testbed cluster; may be removed\n");
    }

    /// <summary>Removes a marked folder; leaves it when it is in use, it lies in a temporary place.</summary>
    public static void Remove(string folder)
    {
        try
        {
            if (File.Exists(Path.Combine(folder, Marker)))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A virus scanner or a late writer holds a file; what is left carries the marker and says what it
            // is.
        }
    }

    /// <summary>
    /// Removes what one node keeps in a marked folder. Throws <see cref="NodeControlException"/> where it cannot: a node
    /// that still has its data is not a new one.
    /// </summary>
    public static void RemoveNode(string folder, string node)
    {
        var data = Path.Combine(folder, node);
        try
        {
            if (Directory.Exists(data) && File.Exists(Path.Combine(folder, Marker)))
            {
                Directory.Delete(data, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NodeControlException($"the data of {node} cannot be removed: {e.Message}");
        }

        if (Directory.Exists(data))
        {
            throw new NodeControlException($"the data of {node} cannot be removed: {folder} is not a cluster's own");
        }
    }

    /// <summary>Removes a folder that holds nothing.</summary>
    public static void RemoveIfEmpty(string? folder)
    {
        if (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any())
        {
            Directory.Delete(folder);
        }
    }
}
