namespace Testbed.Node.Disk;

/// <summary>
/// A sign in the data folder that this node once had a part in a cluster, for level memory, where nothing else is
/// kept: nodes that all lost their memory at once must not take themselves for the first ones and found a cluster
/// that has silently lost everything.
/// </summary>
internal sealed class PartSign(string folder)
{
    private const string Name = "had-a-part";

    private readonly string? _path = folder.Length > 0 ? Path.Combine(folder, Name) : null;

    /// <summary>True when an earlier process of this node had a part; false where no folder was given.</summary>
    public bool IsThere => _path is not null && File.Exists(_path);

    /// <summary>Leaves the sign. It survives the process, like everything at level os.</summary>
    public void Leave()
    {
        if (_path is not null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            File.WriteAllText(_path, "");
        }
    }
}
