using Testbed.Checker;
using Testbed.Ecc;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>
/// Nodes and clients in virtual time: streams that keep order, delay, stall and break; crashes that keep
/// only durable records; pauses; skewed clocks; clients that die. One seed decides everything.
/// </summary>
internal sealed class EccPump
{
    internal const long WallBase = 1_700_000_000_000_000;
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly PumpNode[] _nodes;
    private readonly List<PumpClient> _clients = [];
    private readonly Dictionary<(int From, int To), PumpStream> _streams = [];
    private readonly EccVersion[] _completed;
    private readonly long _delayMicros;
    private readonly PumpInvariants _invariants;
    private long _order;
    private long _instant;
    private ulong _values;
    private int _processes;
    private int _submitted;
    private bool _healing;

    internal EccPump(PumpSettings settings)
    {
        Settings = settings;
        Random = new SplitMix64(settings.Seed);
        long[] delays = [100, 1_000, 4_000, 15_000];
        _delayMicros = settings.DelayMicros ?? delays[Random.Below(delays.Length)];
        SyncMicros = settings.DelayMicros ?? (Random.Below(3) == 0 ? 20_000 : 500);
        _completed = new EccVersion[settings.Keys];
        _nodes = new PumpNode[settings.Nodes];
        for (var i = 0; i < _nodes.Length; i++)
        {
            _nodes[i] = new PumpNode(this, i) { ClockOffset = Skew() };
        }

        _invariants = new PumpInvariants(this);
    }

    internal PumpSettings Settings { get; }

    internal SplitMix64 Random { get; }

    internal long Now { get; private set; }

    internal long SyncMicros { get; }

    internal List<HistoryOperation> History { get; } = [];

    internal IReadOnlyList<PumpNode> Nodes => _nodes;

    internal IReadOnlyList<PumpClient> Clients => _clients;

    /// <summary>Highest version of each key that a completed operation wrote or returned.</summary>
    internal IReadOnlyList<EccVersion> CompletedVersions => _completed;

    /// <summary>Takes replies to thin clients.</summary>
    internal Action<byte[]>? ThinReply { get; set; }

    internal long BytesToClients { get; set; }

    /// <summary>Restarts from a log written anew that gave what the whole log gives.</summary>
    internal int ComparedLogs { get; set; }

    internal int Acknowledged { get; private set; }

    internal int Unknown { get; private set; }

    internal int Failed { get; private set; }

    /// <summary>FNV-1a over all deliveries: equal for equal seeds.</summary>
    internal ulong Trace { get; private set; } = 14695981039346656037UL;

    internal long NextInstant() => ++_instant;

    internal ulong NextValue() => ++_values;

    internal int NextProcess() => _processes++;

    internal void Count(in ClientResult result)
    {
        Acknowledged += result.Outcome is KvOutcome.Ok or KvOutcome.NotFound ? 1 : 0;
        Unknown += result.Outcome == KvOutcome.Unknown ? 1 : 0;
        Failed += result.Outcome == KvOutcome.Failed ? 1 : 0;
    }

    internal void Completed(int key, EccVersion version) =>
        _completed[key] = version > _completed[key] ? version : _completed[key];

    internal void After(long micros, Action action) => _events.Enqueue(action, (Now + micros, _order++));

    private long Skew() => (Random.Below(3) - 1) * Random.Below(500_000);

    private long Delay()
    {
        var delay = (_delayMicros / 4) + Random.Below(_delayMicros);
        return Settings.Faults && Random.Below(50) == 0 ? delay * 10 : delay;
    }

    /// <summary>
    /// Runs operations and faults, heals, waits for quiet, reads everything; throws what it finds.
    /// </summary>
    internal void Run()
    {
        Boot();
        if (Settings.Faults)
        {
            new PumpFaults(this).Schedule();
        }

        After(1_000, SubmitNext);
        RunUntil(() => _submitted >= Settings.Operations
            && _clients.TrueForAll(c => !c.Alive || c.IsIdle), 60_000_000);
        Heal();
        RunUntil(_invariants.IsQuiet, 20_000_000);
        _invariants.CheckConverged();
        FinalReads();
    }

    /// <summary>Starts all nodes and clients.</summary>
    internal void Boot()
    {
        foreach (var node in _nodes)
        {
            Start(node);
        }

        for (var i = 0; i < Settings.Clients; i++)
        {
            AddClient();
        }
    }

    internal void RunFor(long micros)
    {
        var end = Now + micros;
        RunUntil(() => Now >= end, micros + 10_000);
    }

    /// <summary>The operator gives the data up: nothing that completed is claimed any more.</summary>
    internal void GiveUp() => Array.Clear(_completed);

    internal void RunUntilQuiet() => RunUntil(_invariants.IsQuiet, 20_000_000);

    internal void Heal()
    {
        _healing = true;
        foreach (var stream in _streams.Values)
        {
            stream.StalledUntil = 0;
        }

        foreach (var node in _nodes)
        {
            node.PausedUntil = 0;
            if (!node.Alive)
            {
                Start(node);
            }
        }
    }

    internal bool Healing => _healing;

    private void FinalReads()
    {
        var reader = AddClient();
        RunFor(10_000);
        var failed = Failed;
        for (var key = 0; key < Settings.Keys; key++)
        {
            reader.TrySubmit(HistoryKind.Read, key, 5_000_000);
            RunUntil(() => reader.IsIdle, 6_000_000);
        }

        if (Failed != failed)
        {
            throw new InvalidOperationException("a read after healing failed");
        }
    }

    internal void RunUntil(Func<bool> done, long limitMicros)
    {
        var end = Now + limitMicros;
        var sinceCheck = 0;
        while (!done())
        {
            if (!_events.TryDequeue(out var action, out var key) || key.At > end)
            {
                throw new InvalidOperationException($"no progress: {_invariants.Describe()}");
            }

            Now = key.At;
            action();
            if (++sinceCheck >= 20)
            {
                sinceCheck = 0;
                _invariants.CheckQuorums();
            }
        }
    }

    internal PumpClient AddClient()
    {
        var client = new PumpClient(this, _clients.Count, Skew());
        _clients.Add(client);
        foreach (var node in _nodes)
        {
            if (node.Alive)
            {
                ConnectClient(client, node);
            }
        }

        Tick(client);
        return client;
    }

    private void Tick(PumpClient client)
    {
        if (client.Alive)
        {
            client.Run(_ => { });
            After(2_000 + Random.Below(3_000), () => Tick(client));
        }
    }

    private void SubmitNext()
    {
        if (_submitted >= Settings.Operations)
        {
            return;
        }

        var alive = _clients.FindAll(client => client.Alive);
        var pick = Random.Below(10);
        var kind = pick < 5 ? HistoryKind.Write : pick < 9 ? HistoryKind.Read : HistoryKind.Delete;
        var timeout = Random.Below(6) == 0 ? 5_000 + Random.Below(60_000) : 2_000_000;
        if (alive.Count > 0
            && alive[(int)Random.Below(alive.Count)].TrySubmit(kind, (int)Random.Below(Settings.Keys),
                timeout))
        {
            _submitted++;
        }

        After(1 + Random.Below(2 * _delayMicros), SubmitNext);
    }

    /// <summary>Boots a node and opens every stream to and from it.</summary>
    internal void Start(PumpNode node)
    {
        node.Boot();
        var life = node.Life;
        TickNode(node, life);
        foreach (var other in _nodes)
        {
            if (other != node && other.Alive)
            {
                ConnectPeers(node, other);
                ConnectPeers(other, node);
            }
        }

        foreach (var client in _clients)
        {
            if (client.Alive)
            {
                ConnectClient(client, node);
            }
        }
    }

    private void TickNode(PumpNode node, int life)
    {
        if (node.Life == life && node.Alive)
        {
            if (node.PausedUntil <= Now)
            {
                node.Run(_ => { });
            }

            After(2_000 + Random.Below(3_000), () => TickNode(node, life));
        }
    }

    internal void Crash(PumpNode node)
    {
        node.Crash();
        foreach (var other in _nodes)
        {
            if (other != node)
            {
                Break(other.Index, node.Index, true);
                Break(node.Index, other.Index, false);
            }
        }

        foreach (var client in _clients)
        {
            BreakClient(client, node);
        }
    }

    /// <summary>A stream breaks: what is in flight is lost; later it is opened again.</summary>
    internal void BreakAndReconnect(int from, int to)
    {
        Break(from, to, true);
        After(1_000 + Random.Below(50_000), () =>
        {
            if (_nodes[from].Alive && _nodes[to].Alive)
            {
                ConnectPeers(_nodes[from], _nodes[to]);
            }
        });
    }

    private void Break(int from, int to, bool tellSender)
    {
        if (!_streams.Remove((from, to), out var stream))
        {
            return;
        }

        stream.Open = false;
        var node = _nodes[from];
        var life = node.Life;
        if (tellSender && node.Alive)
        {
            WhenRunning(node, life, Random.Below(2_000), core =>
            {
                if (!_streams.ContainsKey((from, to)))
                {
                    core.LinkDown(Endpoint.Peer(new NodeId((byte)to)), node);
                }
            });
        }
    }

    private void ConnectPeers(PumpNode from, PumpNode to)
    {
        if (_streams.ContainsKey((from.Index, to.Index)))
        {
            return;
        }

        var stream = new PumpStream();
        After(100 + Random.Below(5_000), () =>
        {
            if (!from.Alive || !to.Alive || _streams.ContainsKey((from.Index, to.Index)))
            {
                return;
            }

            _streams[(from.Index, to.Index)] = stream;
            WhenRunning(from, from.Life, 0, core => core.LinkUp(Endpoint.Peer(new NodeId((byte)to.Index)),
                from));
        });
    }

    // A client's stream to a node and back: numbers -(client + 1) stand for clients.
    private void ConnectClient(PumpClient client, PumpNode node)
    {
        var up = new PumpStream();
        var down = new PumpStream();
        After(100 + Random.Below(5_000), () =>
        {
            if (!client.Alive || !node.Alive || _streams.ContainsKey((-client.Number - 1, node.Index)))
            {
                return;
            }

            _streams[(-client.Number - 1, node.Index)] = up;
            _streams[(node.Index, -client.Number - 1)] = down;
            client.Run(core => core.LinkUp(new NodeId((byte)node.Index), client));
        });
    }

    private void BreakClient(PumpClient client, PumpNode node)
    {
        if (!_streams.Remove((-client.Number - 1, node.Index), out var up))
        {
            return;
        }

        _streams.Remove((node.Index, -client.Number - 1), out var down);
        up.Open = false;
        down!.Open = false;
        After(Random.Below(2_000), () =>
        {
            if (client.Alive && !_streams.ContainsKey((-client.Number - 1, node.Index)))
            {
                client.Run(core => core.LinkDown(new NodeId((byte)node.Index), client));
            }
        });
    }

    internal void BreakClientAndReconnect(PumpClient client, PumpNode node)
    {
        BreakClient(client, node);
        After(1_000 + Random.Below(50_000), () => ConnectClient(client, node));
    }

    internal void Stall(int from, int to, long untilMicros)
    {
        if (_streams.TryGetValue((from, to), out var stream))
        {
            stream.StalledUntil = untilMicros;
        }
    }

    private void WhenRunning(PumpNode node, int life, long delay, Action<EccNodeCore> input) => After(delay,
        () =>
    {
        if (!node.Alive || node.Life != life)
        {
            return;
        }

        if (node.PausedUntil > Now)
        {
            WhenRunning(node, life, node.PausedUntil - Now, input);
            return;
        }

        node.Run(input);
    });

    internal void SendFromNode(PumpNode node, Endpoint to, byte[] message)
    {
        var target = to.Kind == EndpointKind.Peer ? to.Id : -to.Id - 1;
        if (message[0] == MessageTypes.KvReply)
        {
            ThinReply!(message);
            return;
        }

        if (_streams.TryGetValue((node.Index, target), out var stream))
        {
            Enqueue(stream, node.Index, target, message);
        }
    }

    internal void SendFromClient(PumpClient client, int node, byte[] message)
    {
        if (_streams.TryGetValue((-client.Number - 1, node), out var stream))
        {
            Enqueue(stream, -client.Number - 1, node, message);
        }
    }

    private void Enqueue(PumpStream stream, int from, int to, byte[] message)
    {
        if (to < 0)
        {
            BytesToClients += message.Length;
        }

        stream.LastArrival = Math.Max(stream.LastArrival + 1, Now + Delay());
        After(stream.LastArrival - Now, () => Deliver(stream, from, to, message));
    }

    private void Deliver(PumpStream stream, int from, int to, byte[] message)
    {
        if (!stream.Open)
        {
            return;
        }

        var wait = Math.Max(stream.StalledUntil - Now, to >= 0 ? _nodes[to].PausedUntil - Now : 0);
        if (wait > 0 || stream.Waiting.Count > 0)
        {
            // Keep order: whatever follows waits behind.
            stream.Waiting.Enqueue(message);
            if (stream.Waiting.Count == 1)
            {
                After(Math.Max(1, wait), () => Drain(stream, from, to));
            }

            return;
        }

        Hand(from, to, message);
    }

    private void Drain(PumpStream stream, int from, int to)
    {
        while (stream.Open && stream.Waiting.Count > 0)
        {
            var wait = Math.Max(stream.StalledUntil - Now, to >= 0 ? _nodes[to].PausedUntil - Now : 0);
            if (wait > 0)
            {
                After(wait, () => Drain(stream, from, to));
                return;
            }

            Hand(from, to, stream.Waiting.Dequeue());
        }
    }

    private void Hand(int from, int to, byte[] message)
    {
        Trace = (Trace ^ (ulong)(Now * 31) ^ (ulong)((from * 131) + to) ^ (
            ulong)message.Length) * 1099511628211UL;
        if (to >= 0)
        {
            var node = _nodes[to];
            if (node.Alive)
            {
                var endpoint = from >= 0
                    ? Endpoint.Peer(new NodeId((byte)from)) : Endpoint.Client(-from - 1);
                node.Run(core => Understood(core.Receive(endpoint, message, node)));
            }
        }
        else if (_clients[-to - 1] is { Alive: true } client)
        {
            client.Run(core => Understood(core.Receive(new NodeId((byte)from), message, client)));
        }
    }

    private static void Understood(bool understood)
    {
        if (!understood)
        {
            throw new InvalidOperationException("a message was not understood");
        }
    }
}

/// <summary>One direction of a stream.</summary>
internal sealed class PumpStream
{
    internal bool Open { get; set; } = true;

    internal long LastArrival { get; set; }

    internal long StalledUntil { get; set; }

    internal Queue<byte[]> Waiting { get; } = new();
}
