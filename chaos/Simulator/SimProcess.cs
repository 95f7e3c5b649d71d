namespace Testbed.Simulator;

/// <summary>What comes to a process.</summary>
internal enum SimInputKind : byte
{
    /// <summary>A frame from the other end of a stream.</summary>
    Frame,

    /// <summary>The process's own stream to another one is open.</summary>
    LinkUp,

    /// <summary>The process's own stream broke, or could not be opened.</summary>
    LinkDown,

    /// <summary>Somebody has opened a stream to this process.</summary>
    Opened,

    /// <summary>Such a stream ended.</summary>
    Closed,

    /// <summary>The log has advanced.</summary>
    LogAdvanced,

    /// <summary>The operator gives up what the node holds.</summary>
    GivenUp,
}

/// <summary>One input of a process.</summary>
internal struct SimInput
{
    public SimStream? Stream;
    public byte[]? Frame;
    public long Epoch;
    public int Connection;
    public SimInputKind Kind;
}

/// <summary>
/// A process with one owner loop, as the hosts have it: what comes is handled in batches, at once or after a
/// while, and not at all while the process stands still.
/// </summary>
internal abstract class SimProcess(SimCluster cluster, int index)
{
    /// <summary>Usual time between two ticks, as the hosts keep it.</summary>
    protected const long TickMicros = 4_000;

    private const long TickJitterMicros = 1_000;
    private const int DozeOneIn = 16;

    private readonly Queue<SimInput> _inbox = new();
    private bool _wakePlanned;

    /// <summary>Its number among all processes.</summary>
    public int Index => index;

    /// <summary>True from start to end.</summary>
    public bool Alive { get; private set; }

    /// <summary>Number of its life; what an earlier life had planned is void.</summary>
    public long Life { get; private set; }

    /// <summary>It stands still until then.</summary>
    public long PausedUntil { get; private set; }

    /// <summary>True while it stands still.</summary>
    public bool IsPaused => PausedUntil > cluster.Now;

    /// <summary>Longest additional delay before it handles what came.</summary>
    public long SlowMicros { get; set; }

    /// <summary>Longest sleep into which an answer finds it fall; 0: it is awake.</summary>
    public long DozeMicros { get; set; }

    /// <summary>What it sees of time.</summary>
    public SimClock Clock { get; protected init; } = null!;

    /// <summary>Its draws.</summary>
    protected SimRandom Random { get; } = SimRandom.For(cluster.Shape.Seed, Concern.Process, index);

    /// <summary>The cluster.</summary>
    protected SimCluster Cluster => cluster;

    /// <summary>Takes an input.</summary>
    public void Deliver(in SimInput input)
    {
        if (!Alive)
        {
            return;
        }

        if (DozeMicros > 0 && input.Kind == SimInputKind.Frame && _inbox.Count == 0 && Random.OneIn(DozeOneIn))
        {
            if (DiesInstead(input))
            {
                return;
            }

            Pause(cluster.Now + 1 + Random.Below(DozeMicros));
        }

        var delay = cluster.Shape.WakeMicros + SlowMicros;
        if (_inbox.Count == 0 && delay == 0 && !IsPaused)
        {
            _inbox.Enqueue(input);
            RunBatch(_inbox);
            return;
        }

        _inbox.Enqueue(input);
        PlanWake(IsPaused ? PausedUntil + 1 : cluster.Now + Random.Below(delay));
    }

    /// <summary>True when it handled the input and ended: others live on to sleep.</summary>
    protected virtual bool DiesInstead(in SimInput input) => false;

    /// <summary>Stands still until a time.</summary>
    public void Pause(long until)
    {
        PausedUntil = Math.Max(PausedUntil, until);
        cluster.Network.Paused(index);
    }

    /// <summary>Goes on.</summary>
    public void Resume()
    {
        if (IsPaused)
        {
            PausedUntil = cluster.Now;
            _wakePlanned = false;
            PlanWake(cluster.Now + 1);
        }
    }

    /// <summary>Handles a timer or a wake-up; what came meanwhile is handled with it.</summary>
    public void Run(in SimEvent happened)
    {
        if (!Alive || happened.C != Life)
        {
            return;
        }

        if (happened.Kind == EventKind.Wake)
        {
            _wakePlanned = false;
        }

        if (IsPaused)
        {
            // A pause ends with a wake-up, and the timer goes on from there.
            cluster.Queue.Add(PausedUntil + 1, happened.Kind, index, c: Life);
            _wakePlanned |= happened.Kind == EventKind.Wake;
            return;
        }

        RunBatch(_inbox);
        if (happened.Kind == EventKind.Tick && Alive)
        {
            PlanTick();
        }
    }

    /// <summary>Handles all inputs, with a tick before them.</summary>
    protected abstract void RunBatch(Queue<SimInput> inbox);

    /// <summary>
    /// Time to the next tick. More than the hosts' where the ticks between would do nothing.
    /// </summary>
    protected abstract long NextTickMicros { get; }

    /// <summary>Begins a life.</summary>
    protected void Begin()
    {
        Life++;
        Alive = true;
        cluster.Queue.Add(cluster.Now + Random.Below(TickMicros), EventKind.Tick, index, c: Life);
    }

    /// <summary>Ends a life.</summary>
    protected void End()
    {
        Life++;
        Alive = false;
        PausedUntil = 0;
        _inbox.Clear();
        _wakePlanned = false;
    }

    private void PlanTick() => cluster.Queue.Add(
        cluster.Now + NextTickMicros + Random.Below(TickJitterMicros), EventKind.Tick, index, c: Life);

    private void PlanWake(long at)
    {
        if (!_wakePlanned)
        {
            _wakePlanned = true;
            cluster.Queue.Add(at, EventKind.Wake, index, c: Life);
        }
    }
}
