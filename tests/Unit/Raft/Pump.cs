using Testbed.Checker;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>
/// A cluster of real node and client cores in virtual time: one queue of events, one seed that decides
/// everything. A faulty phase, then everything heals and each key is read, then the history and the logs are
/// checked.
/// </summary>
internal sealed class Pump
{
    private const long HealMicros = 4_000_000;

    private readonly PriorityQueue<Action, (long Time, long Order)> _events = new();
    private readonly SplitMix64 _random;
    private readonly PumpParty[] _parties;
    private long _order;
    private int _connections;

    public Pump(PumpPlan plan)
    {
        Plan = plan;
        _random = new SplitMix64(plan.Seed);
        Network = new PumpNetwork(this, plan.Nodes + plan.Clients);
        Truth = new PumpTruth();
        _parties = new PumpParty[plan.Nodes + plan.Clients];
        for (var i = 0; i < plan.Nodes; i++)
        {
            _parties[i] = new PumpNode(this, i);
        }

        for (var i = plan.Nodes; i < _parties.Length; i++)
        {
            _parties[i] = new PumpClient(this, i);
        }
    }

    public PumpPlan Plan { get; }

    public long Now { get; private set; }

    public PumpNetwork Network { get; }

    public PumpTruth Truth { get; }

    public List<HistoryOperation> History { get; } = [];

    public bool Healing => Now >= Plan.FaultyMicros;

    /// <summary>Folds everything delivered; equal for equal seeds.</summary>
    public ulong Trace { get; set; }

    public IEnumerable<PumpNode> Nodes => _parties.Take(Plan.Nodes).Cast<PumpNode>();

    public IEnumerable<PumpClient> Clients => _parties.Skip(Plan.Nodes).Cast<PumpClient>();

    public PumpParty Party(int index) => _parties[index];

    public long Draw(long bound) => bound <= 0 ? 0 : _random.Below(bound);

    public int NextConnection() => ++_connections;

    public void At(long time, Action action) => _events.Enqueue(action, (time, _order++));

    public void After(long delay, Action action) => At(Now + delay, action);

    /// <summary>
    /// Like the other, but dropped when the party died meanwhile and lives again as another.
    /// </summary>
    public void After(long delay, Action action, PumpParty party)
    {
        var life = (party as PumpNode)?.Life ?? 0;
        After(delay, () =>
        {
            if (((party as PumpNode)?.Life ?? 0) == life)
            {
                action();
            }
        });
    }

    /// <summary>Runs the whole plan; throws what it finds.</summary>
    public Pump Run()
    {
        foreach (var node in Nodes)
        {
            node.Boot();
        }

        foreach (var client in Clients)
        {
            client.Boot();
        }

        PlanFault();
        At(Plan.FaultyMicros, Heal);
        var end = Plan.FaultyMicros + HealMicros;
        while (_events.TryDequeue(out var action, out var key) && key.Time < end)
        {
            Now = key.Time;
            action();
        }

        Now = end;
        CheckEnd();
        return this;
    }

    public string Describe() => string.Join("\n", Nodes.Select(n => n.ToString()));

    private void PlanFault() => After(20_000 + Draw(150_000), () =>
    {
        if (!Healing)
        {
            Fault();
            PlanFault();
        }
    });

    private void Fault()
    {
        var node = (int)Draw(Plan.Nodes);
        if (Draw(2) == 0 && Nodes.FirstOrDefault(n => n.Leads) is { } leader)
        {
            node = leader.Index;
        }

        var other = (node + 1 + (int)Draw(_parties.Length - 1)) % _parties.Length;
        var until = Now + 10_000 + Draw(600_000);
        switch (Draw(5))
        {
            case 0 when Plan.Crashes:
                Crash(node);
                break;
            case 1 when Plan.Breaks:
                Network.Break(node, other);
                break;
            case 2 when Plan.Partitions:
                Partition(node, until);
                break;
            case 3 when Plan.Stalls:
                Network.Stall(node, other, until);
                break;
            case 4 when Plan.Pauses:
                _parties[node].PausedUntil = until;
                break;
            default:
                break;
        }
    }

    /// <summary>One node's process dies, now and then all of them.</summary>
    private void Crash(int node)
    {
        var all = Draw(8) == 0;
        foreach (var victim in Nodes.Where(n => all || n.Index == node))
        {
            victim.Crash(Draw(400_000));
        }
    }

    /// <summary>
    /// Cuts one node, or a random half, off from the other nodes, and now and then from clients too.
    /// </summary>
    private void Partition(int node, long until)
    {
        var side = Draw(2) == 0 ? 1UL << node : (ulong)Draw(1L << _parties.Length);
        var withClients = Draw(2) == 0;
        for (var a = 0; a < Plan.Nodes; a++)
        {
            for (var b = a + 1; b < (withClients ? _parties.Length : Plan.Nodes); b++)
            {
                if (((side >> a) & 1) != ((side >> b) & 1))
                {
                    Network.Cut(a, b, until);
                }
            }
        }
    }

    private void Heal()
    {
        for (var a = 0; a < _parties.Length; a++)
        {
            _parties[a].PausedUntil = 0;
            for (var b = a + 1; b < _parties.Length; b++)
            {
                Network.Cut(a, b, 0);
                Network.Stall(a, b, 0);
                Network.Stall(b, a, 0);
            }
        }

        foreach (var node in Nodes)
        {
            node.BootIfDead();
        }
    }

    private void CheckEnd()
    {
        foreach (var client in Clients)
        {
            client.CheckEnd();
        }

        foreach (var node in Nodes)
        {
            node.CheckEnd();
        }

        var result = LinearizabilityChecker.Check(History);
        if (result.Verdict != Verdict.Valid)
        {
            throw new PumpViolation($"history {result.Verdict}: {string.Join("; ", result.Violations)}");
        }
    }
}
