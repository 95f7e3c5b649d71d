using Testbed.Faults;
using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>Acts the faults of a plan and undoes them.</summary>
internal sealed class FaultActor
{
    private const long FlapMicros = 150_000;
    private const ulong AwakeAloneMicros = 150_000;

    // Half of all partitions reject what they stop: streams break at once, instead of falling silent.
    private const ulong Rejects = 1UL << 40;

    private readonly SimCluster _cluster;
    private readonly List<Acting> _plan;

    public FaultActor(SimCluster cluster, List<SimFault> plan)
    {
        _cluster = cluster;
        _plan = [.. plan.Select(fault => new Acting(
            fault, SimRandom.For(cluster.Shape.Seed, Concern.Fault, fault.Number)))];
    }

    /// <summary>Faults that began.</summary>
    public IEnumerable<SimFault> Begun => _plan.Where(acting => acting.Begun).Select(acting => acting.Fault);

    private int Nodes => _cluster.Shape.Nodes;

    private int Processes => _cluster.Shape.Nodes + _cluster.Shape.Clients;

    /// <summary>Puts all begins into the queue.</summary>
    public void Plan()
    {
        for (var place = 0; place < _plan.Count; place++)
        {
            _cluster.Queue.Add(_plan[place].Fault.AtMicros, EventKind.FaultBegin, place);
        }
    }

    /// <summary>Begins a fault.</summary>
    public void Begin(int place)
    {
        var acting = _plan[place];
        if (_cluster.Healed || acting.Active)
        {
            return;
        }

        acting.Node = NodeOf(acting);
        if (!_cluster.MayForget(acting.Fault.Kind, acting.Node))
        {
            _cluster.Note("spared_memories");
            return;
        }

        acting.Begun = true;
        _cluster.Note("fault_" + acting.Fault.Kind, $"fault {acting.Fault} meets n{acting.Node}");
        acting.Active = true;
        var lasts = acting.Fault.Kind switch
        {
            SimFaultKind.Flapping => Math.Min(acting.Fault.ForMicros, 1 + acting.Random.Below(FlapMicros)),
            _ => acting.Fault.ForMicros,
        };
        _cluster.Queue.Add(_cluster.Now + lasts, EventKind.FaultEnd, place);
        Act(acting);
    }

    /// <summary>Undoes a fault.</summary>
    public void End(int place)
    {
        var acting = _plan[place];
        if (!acting.Active)
        {
            return;
        }

        acting.Active = false;
        _cluster.Note("fault_ends", $"fault {acting.Fault.Number} ends");
        Undo(acting);
        var until = acting.Fault.AtMicros + acting.Fault.ForMicros;
        if (acting.Fault.Kind == SimFaultKind.Flapping && _cluster.Now + FlapMicros < until)
        {
            _cluster.Queue.Add(_cluster.Now + acting.Random.Below(FlapMicros), EventKind.FaultBegin, place);
        }
    }

    /// <summary>
    /// A node was elected. While leaders are hunted it dies soon, at any scale of time: before, while and
    /// after its first entries reach the others.
    /// </summary>
    public void Elected()
    {
        for (var place = 0; place < _plan.Count; place++)
        {
            var acting = _plan[place];
            if (acting is { Active: true, Fault.Kind: SimFaultKind.LeaderHunt })
            {
                if (acting.Random.OneIn(3))
                {
                    Mute(acting);
                }

                _cluster.Queue.Add(
                    _cluster.Now + AnyScale(acting.Random, 100, 10), EventKind.Hunt, place);
            }
        }
    }

    /// <summary>
    /// Kills whoever leads; it is back after a while of any scale too. Some are muted first: what they have
    /// alone, they take with them.
    /// </summary>
    public void Hunt(int place)
    {
        var acting = _plan[place];
        if (SimFault.IsOperators(acting.Fault.Kind))
        {
            Operate(acting, place);
            return;
        }

        var isMuted = acting.Blocked.Count > 0;
        var node = _cluster.Nodes[isMuted ? acting.Node : NodeOf(acting)];
        if (acting.Active && (node.Leads || isMuted))
        {
            if (!isMuted && acting.Random.OneIn(3))
            {
                Mute(acting);
                _cluster.Queue.Add(_cluster.Now + AnyScale(acting.Random, 100, 10), EventKind.Hunt, place);
                return;
            }

            if (!_cluster.MayForget(SimFaultKind.Kill, node.Index))
            {
                _cluster.Note("spared_memories");
                Unblock(acting);
                return;
            }

            _cluster.Note("hunted_leaders");
            node.Die(power: _cluster.Shape.Fsync && acting.Random.OneIn(2));
            node.PlanBoot(_cluster.Now + AnyScale(acting.Random, 1_000, 9));
            Unblock(acting);
        }
    }

    // Operators ask whoever believes to lead, again and again; they do not remove who is needed.
    private void Operate(Acting acting, int place)
    {
        if (!acting.Active)
        {
            return;
        }

        _cluster.Queue.Add(_cluster.Now + 5_000 + acting.Random.Below(100_000), EventKind.Hunt, place);
        var (checks, node) = ((RaftChecks)_cluster.Checks, acting.Node);
        if (acting.Fault.Kind == SimFaultKind.MemberAdd && checks.IsStale(node) && !acting.Done
            && _cluster.MayForget(SimFaultKind.Wipe, node))
        {
            // A life that was removed does not come back: the machine is set up anew.
            acting.Done = true;
            if (_cluster.Shape.Volatile)
            {
                _cluster.Nodes[node].Die(power: false);
            }
            else
            {
                _cluster.Nodes[node].Wipe();
            }

            _cluster.Nodes[node].Boot();
        }

        var forgets = _cluster.Shape.Volatile || _cluster.Shape.Wipes;
        if ((forgets && acting.Fault.Kind == SimFaultKind.MemberRemove && !checks.Survives(-1, false, checks.Removal(node)))
            || (forgets && checks.IsLearner(node) && !checks.Survives(-1, false, checks.Promotion(node))))
        {
            return;
        }

        var kind = acting.Fault.Kind switch
        {
            SimFaultKind.MemberRemove => RaftAdminKind.Remove,
            SimFaultKind.LeaderTransfer => RaftAdminKind.Transfer,
            _ => checks.IsLearner(node) ? RaftAdminKind.Promote : RaftAdminKind.AddLearner,
        };
        foreach (var leader in _cluster.Nodes)
        {
            if (leader.Leads)
            {
                _cluster.Note($"operator_{kind}", $"operator asks n{leader.Index} to {kind} n{node}");
                leader.Operate(kind, node);
            }
        }
    }

    // What a leader sends no longer reaches the other nodes; when it is just elected, nothing of it ever does.
    private void Mute(Acting acting)
    {
        if (acting.Blocked.Count == 0)
        {
            acting.Node = NodeOf(acting);
            AddBlocks(acting);
        }
    }

    private void Unblock(Acting acting)
    {
        foreach (var (from, to) in acting.Blocked)
        {
            _cluster.Network.Block(from, to, block: false);
        }

        acting.Blocked.Clear();
    }

    /// <summary>Undoes everything.</summary>
    public void EndAll()
    {
        for (var place = 0; place < _plan.Count; place++)
        {
            if (_plan[place].Active)
            {
                _plan[place].Active = false;
                Undo(_plan[place]);
            }
        }
    }

    // A time of which all scales are equally likely: from the least one on, over so many doublings.
    private static long AnyScale(SimRandom random, long leastMicros, int doublings)
    {
        var scale = leastMicros << (int)random.Below(doublings);
        return scale + random.Below(scale);
    }

    private int NodeOf(Acting acting)
    {
        var target = acting.Fault.Kind == SimFaultKind.LeaderHunt ? FaultTarget.Leader : acting.Fault.Target;
        if (acting.Fault.Kind == SimFaultKind.MemberAdd)
        {
            return AnyFrom((int)acting.Random.Below(Nodes), node => !((RaftChecks)_cluster.Checks).IsMember(node));
        }

        if (_cluster.Shape.KillsWhoKnowsAlone && acting.Fault.Kind == SimFaultKind.Kill
            && ((EccChecks)_cluster.Checks).KnowsAlone() is { } alone)
        {
            return alone;
        }

        return target.Kind == TargetKind.Node
            ? target.Index % Nodes
            : AnyFrom((int)acting.Random.Below(Nodes), node =>
                _cluster.Nodes[node].Alive && _cluster.Nodes[node].Leads == (target.Kind == TargetKind.Leader));
    }

    // The first node from one on that suits, or that one.
    private int AnyFrom(int first, Func<int, bool> suits)
    {
        for (var i = 0; i < Nodes; i++)
        {
            if (suits((first + i) % Nodes))
            {
                return (first + i) % Nodes;
            }
        }

        return first;
    }

    private void Act(Acting acting)
    {
        var node = _cluster.Nodes[acting.Node];
        var until = _cluster.Now + acting.Fault.ForMicros;
        switch (acting.Fault.Kind)
        {
            case SimFaultKind.Kill:
                node.Die(power: false);
                break;
            case SimFaultKind.Stop:
                node.Stop();
                break;
            case SimFaultKind.PowerLoss:
                node.Die(power: true);
                break;
            case SimFaultKind.Wipe:
                node.Wipe();
                break;
            case SimFaultKind.LeaderHunt:
                Elected();
                break;
            case SimFaultKind.MemberAdd or SimFaultKind.MemberRemove or SimFaultKind.LeaderTransfer:
                Operate(acting, _plan.IndexOf(acting));
                break;
            case SimFaultKind.PowerLossOfAll or SimFaultKind.KillOfAll:
                foreach (var each in _cluster.Nodes)
                {
                    each.Die(acting.Fault.Kind == SimFaultKind.PowerLossOfAll);
                }

                break;
            case SimFaultKind.Pause when node.Alive:
                node.Pause(until);
                break;
            case SimFaultKind.Freeze:
                AddBlocks(acting);
                if (node.Alive)
                {
                    var lead = (long)(acting.Fault.Detail % AwakeAloneMicros);
                    node.Pause(until - Math.Min(lead, acting.Fault.ForMicros / 2));
                }

                break;
            case SimFaultKind.Corruption:
                node.Die(power: false);
                acting.Done = node.Disk.Corrupt();
                node.Boot();
                ThrowIfCorruptRuns(node);
                break;
            case SimFaultKind.ClientKill or SimFaultKind.ClientPause or SimFaultKind.ClientDoze:
                ActOnClient(acting, until);
                break;
            default:
                ActOnRest(acting, node);
                break;
        }
    }

    private static void ThrowIfCorruptRuns(SimNode node)
    {
        if (node.Disk.IsCorrupt && node.Alive)
        {
            throw new SimulationViolation($"n{node.Index} runs on a log in which a durable bit is wrong");
        }
    }

    private void ActOnClient(Acting acting, long until)
    {
        if (_cluster.Clients.Length == 0)
        {
            return;
        }

        var client = ClientOf(acting);
        if (acting.Fault.Kind == SimFaultKind.ClientPause && client.Alive)
        {
            client.Pause(until);
        }
        else if (acting.Fault.Kind == SimFaultKind.ClientDoze)
        {
            client.DozeMicros = _cluster.Shape.FaultMicros;
        }
        else if (acting.Fault.Kind == SimFaultKind.ClientKill)
        {
            var withMachine = _cluster.Shape.Strategy == SimulatedStrategy.Ecc && (acting.Fault.Detail & Rejects) != 0;
            client.Die(withMachine);
            client.Boot();
        }
    }

    private SimClient ClientOf(Acting acting) =>
        _cluster.Clients[(int)(acting.Fault.Detail % (uint)_cluster.Clients.Length)];

    private void ActOnRest(Acting acting, SimNode node)
    {
        var detail = acting.Fault.Detail;
        switch (acting.Fault.Kind)
        {
            case SimFaultKind.Reset or SimFaultKind.HalfOpen:
                var streams = _cluster.Network.Streams;
                _cluster.Network.Break(
                    streams[(int)(detail % (uint)streams.Count)], acting.Fault.Kind == SimFaultKind.HalfOpen);
                break;
            case SimFaultKind.ResetOut:
                for (var other = 0; other < Nodes; other++)
                {
                    _cluster.Network.BreakBetween(node.Index, other);
                }

                break;
            case SimFaultKind.SlowLinks:
                SetLinks(node.Index, 5 + (int)(detail % 60), 0);
                break;
            case SimFaultKind.LossyLinks:
                SetLinks(node.Index, 1, 2 + (int)(detail % 20));
                break;
            case SimFaultKind.SlowDisk:
                node.Disk.Slowness = 10 + (int)(detail % 200);
                break;
            case SimFaultKind.SyncError:
                node.Disk.FailSyncs = true;
                break;
            case SimFaultKind.DiskFull:
                node.Disk.SetFull(true);
                break;
            case SimFaultKind.ClockJump:
                node.Clock.Jump((long)(detail % 20_000_000) - 10_000_000);
                break;
            case SimFaultKind.ClockDrift:
                node.Clock.SetRate(_cluster.Now, DriftPpm(detail));
                break;
            case SimFaultKind.SlowProcess:
                node.SlowMicros = 1_000 + (long)(detail % 60_000);
                break;
            default:
                AddBlocks(acting);
                break;
        }
    }

    private long DriftPpm(ulong detail) =>
        (long)(detail % (ulong)(2 * _cluster.Shape.FaultyClockPpm)) - _cluster.Shape.FaultyClockPpm;

    private void Undo(Acting acting)
    {
        var node = _cluster.Nodes[acting.Node];
        switch (acting.Fault.Kind)
        {
            case SimFaultKind.Kill or SimFaultKind.Stop or SimFaultKind.PowerLoss or SimFaultKind.Wipe:
                node.Boot();
                break;
            case SimFaultKind.PowerLossOfAll or SimFaultKind.KillOfAll:
                foreach (var each in _cluster.Nodes)
                {
                    each.PlanBoot(_cluster.Now + acting.Random.Below(300_000));
                }

                break;
            case SimFaultKind.Corruption when acting.Done:
                node.Disk.Restore();
                node.Boot();
                break;
            case SimFaultKind.SlowLinks or SimFaultKind.LossyLinks:
                SetLinks(node.Index, 1, 0);
                break;
            case SimFaultKind.SlowDisk:
                node.Disk.Slowness = 1;
                break;
            case SimFaultKind.SyncError:
                node.Disk.FailSyncs = false;
                break;
            case SimFaultKind.DiskFull:
                node.Disk.SetFull(false);
                break;
            case SimFaultKind.ClockDrift:
                node.Clock.SetRate(_cluster.Now, 0);
                break;
            case SimFaultKind.SlowProcess:
                node.SlowMicros = 0;
                break;
            case SimFaultKind.ClientDoze when _cluster.Clients.Length > 0:
                ClientOf(acting).DozeMicros = 0;
                break;
            default:
                Unblock(acting);
                break;
        }
    }

    private void SetLinks(int node, int slowness, int lossOneIn)
    {
        for (var other = 0; other < Processes; other++)
        {
            foreach (var link in (ReadOnlySpan<SimLink>)
                [_cluster.Network.Link(node, other), _cluster.Network.Link(other, node)])
            {
                (link.Slowness, link.LossOneIn) = (slowness, lossOneIn);
            }
        }
    }

    private void AddBlocks(Acting acting)
    {
        var detail = acting.Fault.Detail;
        acting.Side = SideOf(acting);
        for (var from = 0; from < Processes; from++)
        {
            for (var to = 0; to < Processes; to++)
            {
                if (from != to && IsBlocked(acting, from, to, detail))
                {
                    acting.Blocked.Add((from, to));
                    _cluster.Network.Block(from, to, block: true);
                    if ((detail & Rejects) != 0
                        && acting.Fault.Kind is not (SimFaultKind.Freeze or SimFaultKind.ClientStall))
                    {
                        _cluster.Network.BreakBetween(from, to);
                    }
                }
            }
        }
    }

    // A role is on the smaller side, with as many of the other nodes as leave it the smaller one; a node's
    // number stands for any sides.
    private ulong SideOf(Acting acting)
    {
        var detail = acting.Fault.Detail;
        if (acting.Fault.Target.Kind == TargetKind.Node)
        {
            return detail;
        }

        var side = (detail & ~((1UL << Nodes) - 1)) | (1UL << acting.Node);
        for (var (node, more) = (0, (Nodes - 1) / 2); node < Nodes && more > 1; node++)
        {
            if (node != acting.Node && ((detail >> node) & 1) != 0)
            {
                side |= 1UL << node;
                more--;
            }
        }

        return side;
    }

    private bool IsBlocked(Acting acting, int from, int to, ulong detail)
    {
        var nodes = Nodes;
        var bothNodes = from < nodes && to < nodes;
        switch (acting.Fault.Kind)
        {
            case SimFaultKind.Partition or SimFaultKind.Flapping or SimFaultKind.PartitionOfAll:
                var apart = ((acting.Side >> from) & 1) != ((acting.Side >> to) & 1);
                return apart && (bothNodes || acting.Fault.Kind == SimFaultKind.PartitionOfAll);
            case SimFaultKind.PartitionIn:
                return to == acting.Node && from < nodes;
            case SimFaultKind.PartitionOut or SimFaultKind.LeaderHunt:
                return from == acting.Node && to < nodes;
            case SimFaultKind.Freeze:
                return bothNodes && (from == acting.Node || to == acting.Node);
            case SimFaultKind.Ring:
                return bothNodes && (from - to + nodes) % nodes is not 1 && (to - from + nodes) % nodes is not 1;
            case SimFaultKind.Bridge:
                var bridge = acting.Node;
                return bothNodes && from != bridge && to != bridge && (from < nodes / 2) != (to < nodes / 2);
            case SimFaultKind.ClientStall:
                // Half of them stop what goes to any node.
                var client = nodes + (int)(detail % (uint)Math.Max(1, _cluster.Shape.Clients));
                return from == client && to < nodes && ((detail >> 41) & 1) + ((detail >> (8 + to)) & 1) != 0;
            case SimFaultKind.Stall:
                return from == acting.Node && to == (int)(detail % (uint)Processes);
            default:
                return false;
        }
    }

    /// <summary>A fault and what it has done so far.</summary>
    private sealed class Acting(SimFault fault, SimRandom random)
    {
        public SimFault Fault { get; } = fault;

        public SimRandom Random { get; } = random;

        public List<(int From, int To)> Blocked { get; } = [];

        public int Node { get; set; }

        public ulong Side { get; set; }

        public bool Begun { get; set; }

        public bool Active { get; set; }

        public bool Done { get; set; }
    }
}
