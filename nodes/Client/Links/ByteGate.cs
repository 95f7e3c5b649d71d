namespace Testbed.Client.Links;

/// <summary>
/// Counts bytes that wait somewhere and lets who brings more wait until there are few enough. The bound is
/// the limit plus what one bringer brings at once. Any thread may call anything.
/// </summary>
internal sealed class ByteGate(long limitBytes)
{
    private long _bytes;
    private bool _open;
    private TaskCompletionSource? _waiter;

    /// <summary>Bytes that wait now.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Counts bytes in.</summary>
    public void Enter(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>Counts bytes out and lets the waiting go on when few enough are left.</summary>
    public void Leave(long bytes)
    {
        // The add is a full fence: either this sees the waiter, or the waiter sees the new count.
        if (Interlocked.Add(ref _bytes, -bytes) <= limitBytes)
        {
            Interlocked.Exchange(ref _waiter, null)?.TrySetResult();
        }
    }

    /// <summary>Never lets anybody wait again: the stream is over.</summary>
    public void Open()
    {
        Volatile.Write(ref _open, true);
        Interlocked.MemoryBarrier();
        Interlocked.Exchange(ref _waiter, null)?.TrySetResult();
    }

    /// <summary>Ends when few enough bytes wait.</summary>
    public ValueTask WaitAsync()
    {
        if (IsPassable)
        {
            return ValueTask.CompletedTask;
        }

        var fresh = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiter = Interlocked.CompareExchange(ref _waiter, fresh, null) ?? fresh;
        if (IsPassable)
        {
            // Taken back before it is completed: a completed waiter left in place would let everybody pass.
            Interlocked.CompareExchange(ref _waiter, null, waiter);
            waiter.TrySetResult();
        }

        return new ValueTask(waiter.Task);
    }

    private bool IsPassable => Bytes <= limitBytes || Volatile.Read(ref _open);
}
