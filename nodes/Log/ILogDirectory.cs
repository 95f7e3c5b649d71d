namespace Testbed.Log;

/// <summary>
/// The only door of the log to a disk: the node host opens it on a real folder, the simulator on a simulated
/// one.
/// </summary>
public interface ILogDirectory
{
    /// <summary>Names of the files, sorted by ordinal.</summary>
    IReadOnlyList<string> List();

    /// <summary>Opens an existing file or creates an empty one.</summary>
    ILogFile Open(string name);

    /// <summary>Removes a file.</summary>
    void Delete(string name);

    /// <summary>Gives a file that is not open another name, which no file has, in one step.</summary>
    void Rename(string name, string newName);

    /// <summary>Makes creations, removals and new names durable.</summary>
    void Sync();
}

/// <summary>
/// One file. Errors of the disk come as <see cref="IOException"/>; after a failed sync the process must stop.
/// </summary>
public interface ILogFile : IDisposable
{
    /// <summary>Length in bytes.</summary>
    long Length { get; }

    /// <summary>Reads up to the buffer's length; returns the bytes read, 0 at the end.</summary>
    int Read(long offset, Span<byte> buffer);

    /// <summary>Writes all bytes, extending the file where needed.</summary>
    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Cuts the file to the length.</summary>
    void Truncate(long length);

    /// <summary>Makes what was written durable.</summary>
    void Sync();
}
