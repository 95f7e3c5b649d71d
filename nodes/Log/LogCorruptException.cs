namespace Testbed.Log;

/// <summary>
/// Bytes that were durable have changed or gone. The log is not opened, because cutting it there would
/// silently forget acknowledged operations and votes: the node must not take part until it is restored or
/// reset.
/// </summary>
public sealed class LogCorruptException(string file, long offset, string reason)
    : Exception($"log file {file} is corrupt at byte {offset}: {reason}")
{
    /// <summary>Name of the file.</summary>
    public string File { get; } = file;

    /// <summary>Where the bytes that do not fit begin.</summary>
    public long Offset { get; } = offset;
}
