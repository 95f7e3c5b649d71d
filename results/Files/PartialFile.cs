namespace Testbed.Results;

/// <summary>
/// A file that is being written: it is called <c>name.partial</c> until <see cref="Complete"/> gives it its
/// name. What an interrupted run leaves is therefore recognisable, and still readable.
/// </summary>
public sealed class PartialFile : IDisposable
{
    /// <summary>What unfinished files end in.</summary>
    public const string Suffix = ".partial";

    private readonly string _path;
    private bool _closed;

    /// <summary>Begins the file; throws <see cref="ResultsException"/> when it cannot be created.</summary>
    public PartialFile(string path)
    {
        _path = path;
        try
        {
            System.IO.Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            Stream = new FileStream(path + Suffix, FileMode.Create, FileAccess.Write, FileShare.Read, 1 << 16);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ResultsException($"Cannot write {path}: {e.Message}", e);
        }
    }

    /// <summary>Where to write.</summary>
    public FileStream Stream { get; }

    /// <summary>Closes the file and gives it its name, in place of an older one.</summary>
    public void Complete()
    {
        if (_closed)
        {
            return;
        }

        Dispose();
        File.Move(_path + Suffix, _path, overwrite: true);
    }

    /// <summary>Closes the file; unless completed it stays partial.</summary>
    public void Dispose()
    {
        if (!_closed)
        {
            _closed = true;
            Stream.Dispose();
        }
    }

    /// <summary>The finished file, else the unfinished one, else null.</summary>
    public static string? Existing(string path) =>
        File.Exists(path) ? path : File.Exists(path + Suffix) ? path + Suffix : null;

    /// <summary>Writes a whole text file.</summary>
    public static void WriteText(string path, ReadOnlySpan<byte> utf8)
    {
        using var file = new PartialFile(path);
        file.Stream.Write(utf8);
        file.Complete();
    }
}
