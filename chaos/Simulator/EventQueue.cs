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
    private const int SlotBits = 20;
    private const long SlotMask = (1L << SlotBits) - 1;

    private (long Time, long Order)[] _heap = new (long, long)[256];
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

        Up(Count++, (time, (++_added << SlotBits) | (uint)slot));
    }

    /// <summary>Takes the next event.</summary>
    public bool TryTake(out SimEvent taken)
    {
        if (Count == 0)
        {
            taken = default;
            return false;
        }

        var slot = (int)(_heap[0].Order & SlotMask);
        taken = _events[slot];
        _events[slot].Subject = null;
        _free[_freeCount++] = slot;
        var last = _heap[--Count];
        if (Count > 0)
        {
            Down(last);
        }

        return true;
    }

    private int NewSlot()
    {
        if (_used == _events.Length)
        {
            if (_used > SlotMask)
            {
                throw new InvalidOperationException("too many events wait: the cluster piles up messages");
            }

            Array.Resize(ref _events, _used * 2);
            Array.Resize(ref _free, _used * 2);
        }

        return _used++;
    }

    private void Up(int place, (long Time, long Order) key)
    {
        while (place > 0)
        {
            var parent = (place - 1) >> 2;
            if (!Before(key, _heap[parent]))
            {
                break;
            }

            _heap[place] = _heap[parent];
            place = parent;
        }

        _heap[place] = key;
    }

    private void Down((long Time, long Order) key)
    {
        var place = 0;
        while (true)
        {
            var first = (place << 2) + 1;
            if (first >= Count)
            {
                break;
            }

            var least = first;
            var end = Math.Min(first + 4, Count);
            for (var child = first + 1; child < end; child++)
            {
                if (Before(_heap[child], _heap[least]))
                {
                    least = child;
                }
            }

            if (!Before(_heap[least], key))
            {
                break;
            }

            _heap[place] = _heap[least];
            place = least;
        }

        _heap[place] = key;
    }

    private static bool Before((long Time, long Order) left, (long Time, long Order) right) =>
        left.Time != right.Time ? left.Time < right.Time : left.Order < right.Order;
}
