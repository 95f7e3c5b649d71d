namespace Testbed.Client.Links;

/// <summary>
/// One owner at a time for a state that many threads feed. Whoever brings input tries to become the owner and
/// handles what is there, on its own thread: no hand-over between threads on the way from socket to socket.
/// Whoever fails leaves its input to the present owner. A thread of the loop's own ticks, and takes over what
/// would hold up a borrowed thread.
/// </summary>
internal abstract class OwnerLoop
{
    // A borrowed thread (a socket's reader) is given back after this many batches.
    private const int MostBorrowedBatches = 8;

    private readonly object _sleep = new();
    private readonly Thread _thread;
    private int _owned;
    private int _ownerThread;
    private bool _awake;
    private bool _stopping;

    protected OwnerLoop(string name) =>
        _thread = new Thread(Main) { IsBackground = true, Name = name };

    /// <summary>True on the thread that is the owner now.</summary>
    protected bool IsOwner => Volatile.Read(ref _ownerThread) == Environment.CurrentManagedThreadId;

    /// <summary>Starts the loop's own thread.</summary>
    protected void StartThread() => _thread.Start();

    /// <summary>True when input waits. Asked by any thread.</summary>
    protected abstract bool HasInput { get; }

    /// <summary>Handles a bounded part of the input. Called by the owner only.</summary>
    protected abstract void RunBatch();

    /// <summary>
    /// How long the own thread may sleep without input. Asked by that thread, not as owner.
    /// </summary>
    protected abstract int SleepMillis { get; }

    /// <summary>Ends the process or the client: the state can no longer be trusted.</summary>
    protected abstract void OnFault(Exception fault);

    /// <summary>Handles the input that waits, here and now, unless another thread is at it.</summary>
    protected void RunHere() => Run(MostBorrowedBatches, tick: false);

    /// <summary>Lets the own thread handle the input that waits.</summary>
    protected void Wake()
    {
        if (Volatile.Read(ref _awake))
        {
            return;
        }

        lock (_sleep)
        {
            _awake = true;
            Monitor.Pulse(_sleep);
        }
    }

    /// <summary>
    /// Ends the own thread and waits for it, unless called on it. Input brought later is not handled by it.
    /// </summary>
    protected void StopThread()
    {
        lock (_sleep)
        {
            _stopping = true;
            _awake = true;
            Monitor.Pulse(_sleep);
        }

        if (Thread.CurrentThread != _thread && _thread.IsAlive)
        {
            _thread.Join();
        }
    }

    /// <summary>Becomes the owner for good: the batch in progress ends, and no other begins.</summary>
    protected void TakeForGood()
    {
        var wait = new SpinWait();
        while (Interlocked.CompareExchange(ref _owned, 1, 0) != 0)
        {
            wait.SpinOnce();
        }
    }

    private void Main()
    {
        while (true)
        {
            lock (_sleep)
            {
                if (!_awake)
                {
                    Monitor.Wait(_sleep, SleepMillis);
                }

                _awake = false;
                if (_stopping)
                {
                    return;
                }
            }

            Run(int.MaxValue, tick: true);
        }
    }

    private void Run(int mostBatches, bool tick)
    {
        var batches = 0;
        while (tick || HasInput)
        {
            if (Interlocked.CompareExchange(ref _owned, 1, 0) != 0)
            {
                return;
            }

            Volatile.Write(ref _ownerThread, Environment.CurrentManagedThreadId);
            try
            {
                do
                {
                    RunBatch();
                }
                while (++batches < mostBatches && HasInput);
            }
            catch (Exception fault)
            {
                // The loop stays owned for good: nobody may touch the state again.
                OnFault(fault);
                return;
            }

            tick = false;
            Volatile.Write(ref _ownerThread, 0);

            // A full fence between giving up and looking again: input that came in between found the loop
            // owned.
            Interlocked.Exchange(ref _owned, 0);
            if (batches >= mostBatches)
            {
                if (HasInput)
                {
                    Wake();
                }

                return;
            }
        }
    }
}
