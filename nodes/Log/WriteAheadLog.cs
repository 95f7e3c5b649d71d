namespace Testbed.Log;

/// <summary>A group of records that is written with one write and made durable with one sync.</summary>
public sealed class LogGroup
{
    /// <summary>Appends a record: head followed by body, both copied.</summary>
    public void Add(byte type, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body) => throw new NotImplementedException();

    /// <summary>Bytes of the group so far, headers included.</summary>
    public int Bytes => throw new NotImplementedException();

    /// <summary>Records of the group so far.</summary>
    public int Count => throw new NotImplementedException();

    /// <summary>Empties the group for the next use; the buffer is kept.</summary>
    public void Clear() => throw new NotImplementedException();
}

/// <summary>An append-only log of typed records in segments with chained CRC32C.</summary>
public sealed class WriteAheadLog : IDisposable
{
    /// <summary>Opens the log and hands every record found, oldest first, to <paramref name="recovered"/>.</summary>
    public static WriteAheadLog Open(ILogDirectory directory, Action<byte, ReadOnlyMemory<byte>> recovered) =>
        throw new NotImplementedException();

    /// <summary>Writes the group to the operating system.</summary>
    public void Write(LogGroup group) => throw new NotImplementedException();

    /// <summary>Makes everything written durable.</summary>
    public void Sync() => throw new NotImplementedException();

    /// <summary>Bytes in all segments.</summary>
    public long Bytes => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}
