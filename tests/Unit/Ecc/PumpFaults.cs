namespace Testbed.Tests.Unit.Ecc;

/// <summary>
/// Draws faults: each seed enables some kinds only (swarm), half of the seeds never exceed the tolerance.
/// </summary>
internal sealed class PumpFaults(EccPump pump)
{
    private readonly ulong _kinds = pump.Random.Next();
    private readonly bool _withinTolerance = pump.Random.Below(2) == 0;

    internal void Schedule() => pump.After(pump.Random.Below(40_000), Next);

    private void Next()
    {
        if (pump.Healing)
        {
            return;
        }

        var kind = (int)pump.Random.Below(6);
        if ((_kinds & (1UL << kind)) != 0)
        {
            Act(kind);
        }

        pump.After(5_000 + pump.Random.Below(80_000), Next);
    }

    private int Away()
    {
        var away = 0;
        foreach (var node in pump.Nodes)
        {
            away += !node.Alive || node.PausedUntil > pump.Now ? 1 : 0;
        }

        return away;
    }

    private int Empty()
    {
        var empty = 0;
        foreach (var node in pump.Nodes)
        {
            empty += node.Core is { Readiness.IsReady: true } ? 0 : 1;
        }

        return empty;
    }

    private void Act(int kind)
    {
        var n = pump.Settings.Nodes;
        var k = pump.Settings.DataElements;
        var tolerated = Math.Min(n - k, (n - 1) / 2);
        var node = pump.Nodes[(int)pump.Random.Below(n)];
        var other = pump.Nodes[(int)pump.Random.Below(n)];
        var client = pump.Clients[(int)pump.Random.Below(pump.Clients.Count)];
        var mayTakeNode = pump.Settings.Volatile ? Empty() < tolerated : !_withinTolerance || Away() < tolerated;
        switch (kind)
        {
            case 0 when node.Alive && mayTakeNode:
                pump.Crash(node);
                pump.After(1_000 + pump.Random.Below(150_000), () =>
                {
                    if (!node.Alive)
                    {
                        pump.Start(node);
                    }
                });
                break;
            case 1 when node.Alive && mayTakeNode:
                node.PausedUntil = pump.Now + 1_000 + pump.Random.Below(200_000);
                break;
            case 2 when node != other && node.Alive && other.Alive:
                pump.BreakAndReconnect(node.Index, other.Index);
                break;
            case 3 when node != other:
                pump.Stall(node.Index, other.Index, pump.Now + pump.Random.Below(100_000));
                break;
            case 4 when client.Alive:
                StallOrBreak(client, node);
                break;
            case 5 when client.Alive && pump.Random.Below(3) == 0:
                client.Die();
                pump.AddClient();
                break;
            default:
                break;
        }
    }

    private void StallOrBreak(PumpClient client, PumpNode node)
    {
        switch (pump.Random.Below(3))
        {
            case 0:
                pump.Stall(-client.Number - 1, node.Index, pump.Now + pump.Random.Below(150_000));
                break;
            case 1:
                pump.Stall(node.Index, -client.Number - 1, pump.Now + pump.Random.Below(150_000));
                break;
            default:
                pump.BreakClientAndReconnect(client, node);
                break;
        }
    }
}
