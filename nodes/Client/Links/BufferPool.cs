namespace Testbed.Client.Links;

/// <summary>
/// Buffers for outgoing frames, in five sizes. One thread rents and others give back, which is the case that
/// the shared array pool's per-thread caches serve badly. What exceeds the largest size is left to the
/// garbage collector.
/// </summary>
internal sealed class BufferPool
{
    private const int SmallestBytes = 4 * 1024;
    private const int Classes = 5;

    // 4 KiB, 16 KiB, 64 KiB, 256 KiB, 1 MiB: at most about 16 MiB lie idle here.
    private static readonly int[] MostKept = [256, 128, 96, 16, 4];

    private readonly Stack<byte[]>[] _kept =
        [.. Enumerable.Range(0, Classes).Select(_ => new Stack<byte[]>())];

    /// <summary>A buffer of at least the size, with old contents.</summary>
    public byte[] Rent(int bytes)
    {
        var size = SmallestBytes;
        for (var i = 0; i < Classes; i++, size *= 4)
        {
            if (bytes > size)
            {
                continue;
            }

            var kept = _kept[i];
            lock (kept)
            {
                if (kept.TryPop(out var buffer))
                {
                    return buffer;
                }
            }

            return GC.AllocateUninitializedArray<byte>(size);
        }

        return GC.AllocateUninitializedArray<byte>(bytes);
    }

    /// <summary>Takes a buffer back; nobody may touch it any more.</summary>
    public void Return(byte[] buffer)
    {
        var size = SmallestBytes;
        for (var i = 0; i < Classes; i++, size *= 4)
        {
            if (buffer.Length != size)
            {
                continue;
            }

            var kept = _kept[i];
            lock (kept)
            {
                if (kept.Count < MostKept[i])
                {
                    kept.Push(buffer);
                }
            }

            return;
        }
    }
}
