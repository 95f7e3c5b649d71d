using System.Globalization;
using System.Text;
using Testbed.Checker;
using Testbed.Erasure;
using Testbed.Wire;
using Testbed.Workloads;

namespace Testbed.Simulator;

/// <summary>
/// A cluster in virtual time: one queue of events, one owner, one seed. First faults act, then everything
/// heals and the cluster must serve, come to rest alike, and hold what was acknowledged.
/// </summary>
internal sealed partial class SimCluster
{
    private const ulong HashStep = 0x9E3779B97F4A7C15UL;

    private readonly SimProcess[] _processes;
    private readonly SimNode[] _nodes;
    private readonly SimClient[] _clients;
    private readonly FaultActor _faults;
    private readonly ReadOnlyMemory<byte>[] _keys;
    private readonly ulong[] _keyHashes;
    private readonly SortedDictionary<string, long> _coverage = new(StringComparer.Ordinal);
    private readonly Action<string>? _trace;
    private readonly StringBuilder _line = new();
    private long _instant;
    private int _historyProcesses;
    private long _ok;
    private long _unknown;
    private long _failed;

    public SimCluster(SimulationOptions options, SimulationMemory memory)
    {
        Options = options;
        Memory = memory;
        _trace = options.Trace;
        Shape = ClusterShape.Draw(options.Strategy, options.Seed, PlantedBugs.Parse(options.Strategy, options.Plant));
        Shape = Shape with { Clients = options.Clients ?? Shape.Clients };
        if (options.Plan is { } plan)
        {
            Shape = Shape with { FaultyMicros = EndOf(plan) };
        }

        _keys = new ReadOnlyMemory<byte>[Shape.Keys];
        for (var key = 0; key < _keys.Length; key++)
        {
            _keys[key] = Encoding.ASCII.GetBytes($"key{key:d3}");
        }

        _keyHashes = [.. _keys.Select(key => RecordValue.HashKey(key.Span))];

        // One client more than the seed draws: it reads every key at the end.
        Network = new SimNetwork(this, Shape.Nodes + Shape.Clients + 1);
        Checks = options.Strategy == SimulatedStrategy.Raft ? new RaftChecks(this) : new EccChecks(this);
        _nodes = [.. Enumerable.Range(0, Shape.Nodes).Select(n => new SimNode(this, n))];
        _clients = [.. Enumerable.Range(0, Shape.Clients + 1).Select(c => new SimClient(this, Shape.Nodes + c, c))];
        _processes = [.. _nodes, .. _clients];
        AddStreams();
        _faults = new FaultActor(this, KeptFaults(options));
    }

    /// <summary>What was asked for.</summary>
    public SimulationOptions Options { get; }

    /// <summary>What the seed drew.</summary>
    public ClusterShape Shape { get; }

    /// <summary>Virtual time.</summary>
    public long Now { get; private set; }

    /// <summary>Stores come from it.</summary>
    public SimulationMemory Memory { get; }

    /// <summary>What will happen.</summary>
    public EventQueue Queue { get; } = new();

    /// <summary>The network.</summary>
    public SimNetwork Network { get; }

    /// <summary>Checks over the whole cluster.</summary>
    public IClusterChecks Checks { get; }

    /// <summary>The nodes.</summary>
    public IReadOnlyList<SimNode> Nodes => _nodes;

    /// <summary>The client processes of the seed; the last one, which only reads at the end, apart.</summary>
    public ReadOnlySpan<SimClient> Clients => _clients.AsSpan(0, Shape.Clients);

    /// <summary>Operations in the order in which they ended.</summary>
    public List<HistoryOperation> History { get; } = [];

    /// <summary>Folds every event.</summary>
    public ulong TraceHash { get; private set; } = HashStep;

    /// <summary>Events handled.</summary>
    public long Events { get; private set; }

    /// <summary>A process by number: nodes first, then clients.</summary>
    public SimProcess Process(int index) => _processes[index];

    /// <summary>The bytes of all keys.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Keys => _keys;

    /// <summary>The bytes of a key.</summary>
    public ReadOnlyMemory<byte> Key(int key) => _keys[key];

    /// <summary>What values of a key carry.</summary>
    public ulong KeyHash(int key) => _keyHashes[key];

    /// <summary>A number for a history's process, never used twice.</summary>
    public int NextProcess() => ++_historyProcesses;

    /// <summary>
    /// A time for the history: virtual time in nanoseconds, made to grow with every call, since what happens
    /// later in the same microsecond still happens later.
    /// </summary>
    public long NextInstant() => _instant = Math.Max(_instant + 1, Now * 1_000);

    /// <summary>Counts an operation's end.</summary>
    public void Ended(KvOutcome outcome)
    {
        _ok += outcome is KvOutcome.Ok or KvOutcome.NotFound or KvOutcome.PreconditionFailed ? 1 : 0;
        _unknown += outcome == KvOutcome.Unknown ? 1 : 0;
        _failed += outcome == KvOutcome.Failed ? 1 : 0;
    }

    /// <summary>A node was elected.</summary>
    public void Elected()
    {
        _faults.Elected();
        foreach (var node in Shape.LeadersClocksLag ? _nodes : [])
        {
            node.Clock.SetRate(Now, node.Leads ? -Shape.FaultyClockPpm : Shape.FaultyClockPpm);
        }
    }

    /// <summary>Counts something rare, and says it in the trace.</summary>
    public void Note(string name, string? line = null)
    {
        Count(name, 1);
        if (line is not null && _trace is not null)
        {
            Say(line);
        }
    }

    /// <summary>Adds to a count of rare things.</summary>
    public void Count(string name, long times)
    {
        if (times > 0)
        {
            _coverage[name] = _coverage.GetValueOrDefault(name) + times;
        }
    }

    /// <summary>Runs everything; what goes wrong is in the result.</summary>
    public SimulationResult Run()
    {
        string? violation = null;
        try
        {
            RunPhases();
        }
        catch (Exception found) when (found is SimulationViolation or InvariantViolation)
        {
            violation = found.Message;
        }
        catch (Exception crash) when (crash is ArgumentException or InvalidOperationException
            or IndexOutOfRangeException or NullReferenceException or KeyNotFoundException)
        {
            violation = $"a core or the simulator threw: {crash}";
        }

        violation ??= CheckHistory();
        Collect();
        if (violation is null)
        {
            GiveBack();
        }

        return new SimulationResult
        {
            Options = Options,
            Description = Shape.ToString(),
            Violation = violation,
            TraceHash = TraceHash,
            Events = Events,
            SimulatedMicros = Now,
            Operations = new SimulatedOperations(_ok, _unknown, _failed, MostOperations()),
            Faults = [.. _faults.Begun.Select(fault => new SimulatedFault(fault.Number, fault.ToString()))],
            Clients = Shape.Clients,
            Coverage = _coverage,
        };
    }

    private static long EndOf(Faults.FaultPlan plan)
    {
        var end = plan.Faults.Count == 0 ? 0 : plan.Faults.Max(f => f.HealAtNanos ?? (f.AtNanos + 2_000_000_000));
        if (end / 1_000 > SimulationLimits.LongestPlanMicros)
        {
            throw new ArgumentException("the plan lasts longer than a simulation may");
        }

        return Math.Max(1_000_000, end / 1_000);
    }

    private List<SimFault> KeptFaults(SimulationOptions options)
    {
        var all = options.Plan is { } plan
            ? FaultDraw.Translate(plan, Shape.FaultyMicros)
            : FaultDraw.Draw(Shape);
        return options.KeepFaults is { } kept ? all.FindAll(fault => kept.Contains(fault.Number)) : all;
    }

    private void AddStreams()
    {
        for (var from = 0; from < _processes.Length; from++)
        {
            for (var to = 0; to < Shape.Nodes; to++)
            {
                if (from != to)
                {
                    Network.AddStream(from, to, ofClient: from >= Shape.Nodes);
                }
            }
        }
    }

    private int MostOperations()
    {
        var most = 0;
        foreach (var client in Clients)
        {
            most = Math.Max(most, client.MostOperations);
        }

        return most;
    }

    private string? CheckHistory()
    {
        foreach (var history in Histories())
        {
            var result = LinearizabilityChecker.Check(history);
            if (result.Verdict != Verdict.Valid)
            {
                return $"history {result.Verdict}: "
                    + (result.Violations.Count > 0 ? result.Violations[0].Explanation : "");
            }
        }

        return null;
    }

    private void Step()
    {
        if (++Events > SimulationLimits.Events || !Queue.TryTake(out var happened))
        {
            throw new SimulationViolation("the simulation runs away: too many events, or none");
        }

        Now = happened.Time;
        var content = (ulong)happened.C;
        if (happened.Subject is byte[] frame)
        {
            content = Checksum.Of(frame);
        }

        TraceHash = SimRandom.Mix(TraceHash + ((ulong)Now * HashStep)
            ^ ((ulong)happened.Kind << 56) ^ ((ulong)(uint)happened.A << 32) ^ ((ulong)(uint)happened.B << 48)
            ^ content);
        if (_trace is not null && happened.Kind is not (EventKind.Tick or EventKind.Wake))
        {
            Say(TraceText.Of(this, happened));
        }

        Dispatch(happened);
    }

    private void Dispatch(in SimEvent happened)
    {
        switch (happened.Kind)
        {
            case EventKind.Tick or EventKind.Wake:
                _processes[happened.A].Run(happened);
                break;
            case EventKind.DiskWrite or EventKind.DiskSync:
                _nodes[happened.A].DiskEvent(happened);
                break;
            case EventKind.Boot:
                _nodes[happened.A].Boot();
                break;
            case EventKind.Submit:
                _clients[happened.A - Shape.Nodes].Submit(happened);
                break;
            case EventKind.FaultBegin:
                _faults.Begin(happened.A);
                break;
            case EventKind.FaultEnd:
                _faults.End(happened.A);
                break;
            case EventKind.Hunt:
                _faults.Hunt(happened.A);
                break;
            case EventKind.Phase:
                break;
            default:
                Network.Handle(happened);
                break;
        }
    }

    private void Say(string text)
    {
        _line.Clear();
        _line.Append(CultureInfo.InvariantCulture, $"{Now / 1e6,12:F6} {text}");
        _trace!(_line.ToString());
    }

    private void GiveBack()
    {
        Checks.GiveBack();
        foreach (var node in _nodes)
        {
            Memory.GiveBack(node.Store, _keys);
        }
    }

    private void Collect()
    {
        foreach (var client in _clients)
        {
            if (client.EccCounters is { } counters)
            {
                Count("retags", counters.Retags);
                Count("hedges", counters.Hedges);
                Count("width_steps", counters.WidthSteps);
                Count("degraded_reads", counters.DegradedReads);
                Count("read_restarts", counters.Restarts);
                Count("void_acks", counters.VoidAcks);
            }
        }

        Count("recoveries", _nodes.Sum(node => node.Recoveries));
        Count("stream_breaks", Network.Breaks);
        Count("frames", Network.Delivered);
        Checks.Collect();
    }
}
