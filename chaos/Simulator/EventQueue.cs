namespace Testbed.Simulator;

/// <summary>What happens at a moment of virtual time.</summary>
internal enum EventKind : byte
{
    /// <summary>A process's timer; A process, C life.</summary>
    Tick,

    /// <summary>A process handles what waits; A process, C life.</summary>
    Wake,

    /// <summary>A frame arrives; A stream, B direction, C epoch, subject the bytes.</summary>
    Frame,

    /// <summary>What a blocked link kept is sent again; A stream, B direction.</summary>
    Unpark,

    /// <summary>A stream is tried; A stream, C life of the opener.</summary>
    Attempt,

    /// <summary>The handshake arrives at the target; A stream, C epoch.</summary>
    Accept,

    /// <summary>The answer to the handshake arrives at the opener; A stream, C epoch.</summary>
    Welcome,

    /// <summary>An attempt has failed; A stream, C life of the opener.</summary>
    AttemptFailed,

    /// <summary>The opener learns that the stream broke; A stream, C epoch.</summary>
    LostAtOpener,

    /// <summary>The target learns that the stream broke; A stream, C epoch.</summary>
    LostAtTarget,

    /// <summary>The opener's pings were not answered if the way is still blocked; A stream, C epoch.</summary>
    KeepAlive,

    /// <summary>The disk takes a group; A node, C life.</summary>
    DiskWrite,

    /// <summary>The disk ends a sync; A node, C life.</summary>
    DiskSync,

    /// <summary>A node's process starts; A node, C life.</summary>
    Boot,

    /// <summary>A logical client begins its next operation; A client process, B slot, C life.</summary>
    Submit,

    /// <summary>A fault begins; A its place in the plan.</summary>
    FaultBegin,

    /// <summary>A fault is undone; A its place in the plan.</summary>
    FaultEnd,

    /// <summary>Whoever leads is killed; A the hunt's place in the plan.</summary>
    Hunt,

    /// <summary>The run's next phase, or another look whether it may end.</summary>
    Phase,
}

/// <summary>One event.</summary>
internal struct SimEvent
{
    public long Time;
    public long C;
    public object? Subject;
    public int A;
    public int B;
    public EventKind Kind;
}

/// <summary>
/// The queue of everything that will happen: by time, and at one time in the order of adding. A heap of small
/// keys over a table of events, so that sifting moves no references.
/// </summary>
internal sealed class EventQueue
{
    // A key is a time and, below it, the number of the adding: 19 hours, and more events than a run may have.
    private const int OrderBits = 28;
    private const long LatestMicros = (1L << (63 - OrderBits)) - 1;
    private const long MostAdded = (1L << OrderBits) - 1;
    private const int MostWaiting = 1 << 20;

    private (long Key, int Slot)[] _heap = new (long, int)[256];
    private SimEvent[] _events = new SimEvent[256];
    private int[] _free = new int[256];
    private int _freeCount;
    private int _used;
    private long _added;

    /// <summary>Events not taken.</summary>
    public int Count { get; private set; }

    /// <summary>Adds an event.</summary>
    public void Add(long time, EventKind kind, int a, int b = 0, long c = 0, object? subject = null)
    {
        if (time > LatestMicros || _added == MostAdded)
        {
            throw new InvalidOperationException("the simulation runs away: it is too late, or too much happens");
        }

        var slot = _freeCount > 0 ? _free[--_freeCount] : NewSlot();
        ref var added = ref _events[slot];
        added.Time = time;
        added.Kind = kind;
        added.A = a;
        added.B = b;
        added.C = c;
        added.Subject = subject;
        if (Count == _heap.Length)
        {
            Array.Resize(ref _heap, Count * 2);
        }

        Up(Count++, (time << OrderBits) | ++_added, slot);
    }

    /// <summary>Takes the next event.</summary>
    public bool TryTake(out SimEvent taken)
    {
        if (Count == 0)
        {
            taken = default;
            return false;
        }

        var slot = _heap[0].Slot;
        taken = _events[slot];
        _events[slot].Subject = null;
        _free[_freeCount++] = slot;
        var last = _heap[--Count];
        if (Count > 0)
        {
            Down(last.Key, last.Slot);
        }

        return true;
    }

    private int NewSlot()
    {
        if (_used == _events.Length)
        {
            if (_used >= MostWaiting)
            {
                throw new InvalidOperationException("too many events wait: the cluster piles up messages");
            }

            Array.Resize(ref _events, _used * 2);
            Array.Resize(ref _free, _used * 2);
        }

        return _used++;
    }

    private void Up(int place, long key, int slot)
    {
        while (place > 0)
        {
            var parent = (place - 1) >> 2;
            if (key >= _heap[parent].Key)
            {
                break;
            }

            _heap[place] = _heap[parent];
            place = parent;
        }

        _heap[place] = (key, slot);
    }

    private void Down(long key, int slot)
    {
        var heap = _heap.AsSpan(0, Count);
        var place = 0;
        while (true)
        {
            var child = (place << 2) + 1;
            if (child >= heap.Length)
            {
                break;
            }

            var least = child;
            var leastKey = heap[child].Key;
            var end = Math.Min(child + 4, heap.Length);
            for (child++; child < end; child++)
            {
                var next = heap[child].Key;
                least = next < leastKey ? child : least;
                leastKey = Math.Min(next, leastKey);
            }

            if (leastKey >= key)
            {
                break;
            }

            heap[place] = heap[least];
            place = least;
        }

        heap[place] = (key, slot);
    }
}
