namespace Testbed.Log;

/// <summary>Reads a file in large chunks that are never reused, so that slices of them can be kept.</summary>
internal sealed class SegmentReader(ILogFile file)
{
    private const int ChunkBytes = 1024 * 1024;

    private byte[] _chunk = [];
    private long _chunkOffset;

    /// <summary>The file's length.</summary>
    public long Length { get; } = file.Length;

    /// <summary>
    /// The bytes from the offset on; fewer than <paramref name="bytes"/> only at the end of the file.
    /// </summary>
    public ReadOnlyMemory<byte> Read(long offset, int bytes)
    {
        bytes = (int)Math.Max(0, Math.Min(bytes, Length - offset));
        if (offset < _chunkOffset || offset + bytes > _chunkOffset + _chunk.Length)
        {
            Load(offset, bytes);
        }

        return _chunk.AsMemory((int)(offset - _chunkOffset), bytes);
    }

    private void Load(long offset, int bytes)
    {
        var chunk =
            GC.AllocateUninitializedArray<byte>((int)Math.Min(Math.Max(bytes, ChunkBytes), Length - offset));
        var done = 0;
        while (done < chunk.Length)
        {
            var read = file.Read(offset + done, chunk.AsSpan(done));
            if (read <= 0)
            {
                throw new IOException($"the file ended at byte {offset + done}, before its length {Length}");
            }

            done += read;
        }

        _chunk = chunk;
        _chunkOffset = offset;
    }
}
