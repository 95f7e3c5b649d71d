using Testbed.Ecc;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>
/// The failure table of the design at (5,3), and what an operation costs when nothing fails.
/// </summary>
public sealed class FailureTableTests
{
    private static readonly byte[] Key = "user4711"u8.ToArray();
    private static readonly byte[] Value = MakeValue(999);

    internal static byte[] MakeValue(int bytes)
    {
        var random = new SplitMix64(5);
        var value = new byte[bytes];
        for (var i = 0; i < bytes; i++)
        {
            value[i] = (byte)random.Next();
        }

        return value;
    }

    private static EccPump Cluster(int nodes = 5, int dataElements = 3, long delayMicros = 200)
    {
        var pump = new EccPump(new PumpSettings
        {
            Seed = 11,
            Nodes = nodes,
            DataElements = dataElements,
            Clients = 1,
            Faults = false,
            DelayMicros = delayMicros,
        });
        pump.Boot();
        pump.RunFor(50_000);
        return pump;
    }

    private static int NodeOfElement(int element)
    {
        var code = new EccCode(5, 3);
        return code.NodeOf(element, EccCode.HashOf(Key));
    }

    [Fact]
    public void A_healthy_put_takes_two_rounds_and_a_get_one_round_and_the_values_bytes()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        var put = client.Execute(KvKind.Put, Key, Value);
        Assert.Equal((KvOutcome.Ok, 2, false), (put.Outcome, put.Rounds, put.Degraded));
        pump.RunFor(20_000);

        pump.BytesToClients = 0;
        var get = client.Execute(KvKind.Get, Key);
        Assert.Equal((KvOutcome.Ok, 1, false), (get.Outcome, get.Rounds, get.Degraded));
        Assert.Equal(Value, get.Value.ToArray());
        var headers = 3 * (31 + 32 + EccElement.PrefixBytes);
        Assert.InRange(pump.BytesToClients, Value.Length, Value.Length + headers);
    }

    [Theory]
    [InlineData(5, 2)]
    [InlineData(6, 4)]
    [InlineData(3, 2)]
    public void A_get_moves_the_values_bytes_once_at_any_shape(int nodes, int dataElements)
    {
        var pump = Cluster(nodes, dataElements);
        pump.Clients[0].Execute(KvKind.Put, Key, Value);
        pump.RunFor(20_000);
        pump.BytesToClients = 0;
        Assert.Equal(1, pump.Clients[0].Execute(KvKind.Get, Key).Rounds);
        Assert.InRange(pump.BytesToClients, Value.Length, Value.Length + (nodes * 75));
    }

    [Fact]
    public void With_one_node_slow_a_put_pays_the_hedge_once_and_then_writes_at_width_two()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        pump.Nodes[2].PausedUntil = pump.Now + 10_000_000;
        var started = pump.Now;
        var first = client.Execute(KvKind.Put, Key, Value);
        Assert.Equal((KvOutcome.Ok, 3, true), (first.Outcome, first.Rounds, first.Degraded));
        Assert.InRange(pump.Now - started, PeerHealth.WriteHedgeFloorMicros, 60_000);

        // Two more hedge periods until it is suspected.
        for (var i = 0; i < 4; i++)
        {
            pump.RunFor(70_000);
            client.Execute(KvKind.Put, Key, Value);
        }

        started = pump.Now;
        var later = client.Execute(KvKind.Put, Key, Value);
        Assert.Equal((KvOutcome.Ok, 2, true), (later.Outcome, later.Rounds, later.Degraded));
        Assert.InRange(pump.Now - started, 0, PeerHealth.WriteHedgeFloorMicros / 2);
        Assert.Equal(2, client.Core.Engine.LastVersion.Width);
        var get = client.Execute(KvKind.Get, Key);
        Assert.Equal((KvOutcome.Ok, 1), (get.Outcome, get.Rounds));
    }

    [Fact]
    public void A_node_that_answers_again_is_found_by_probes_and_width_returns_to_k()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        pump.Nodes[2].PausedUntil = pump.Now + 500_000;
        for (var i = 0; i < 6; i++)
        {
            client.Execute(KvKind.Put, Key, Value);
            pump.RunFor(60_000);
        }

        Assert.Equal(2, client.Core.Engine.LastVersion.Width);
        pump.RunFor(500_000);
        for (var i = 0; i < 5; i++)
        {
            client.Execute(KvKind.Put, Key, Value);
            pump.RunFor(60_000);
        }

        Assert.Equal(3, client.Core.Engine.LastVersion.Width);
    }

    [Fact]
    public void With_one_node_crashed_a_get_decodes_in_one_round_and_a_put_has_width_two()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        client.Execute(KvKind.Put, Key, Value);
        pump.RunFor(20_000);
        pump.Crash(pump.Nodes[NodeOfElement(0)]);
        pump.RunFor(20_000);
        var get = client.Execute(KvKind.Get, Key);
        Assert.Equal((KvOutcome.Ok, 1, true), (get.Outcome, get.Rounds, get.Degraded));
        Assert.Equal(Value, get.Value.ToArray());

        var put = client.Execute(KvKind.Put, Key, Value);
        Assert.Equal((KvOutcome.Ok, 2, true), (put.Outcome, put.Rounds, put.Degraded));
        Assert.Equal(2, client.Core.Engine.LastVersion.Width);
    }

    [Fact]
    public void With_two_nodes_crashed_a_put_has_width_one_and_with_three_nothing_is_served()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        client.Execute(KvKind.Put, Key, Value);
        pump.Crash(pump.Nodes[0]);
        pump.Crash(pump.Nodes[3]);
        pump.RunFor(20_000);
        Assert.Equal(Value, client.Execute(KvKind.Get, Key).Value.ToArray());
        var put = client.Execute(KvKind.Put, Key, Value);
        Assert.Equal((KvOutcome.Ok, 2), (put.Outcome, put.Rounds));
        Assert.Equal(1, client.Core.Engine.LastVersion.Width);

        pump.Crash(pump.Nodes[4]);
        pump.RunFor(20_000);
        Assert.Equal(KvOutcome.Failed, client.Execute(KvKind.Get, Key, timeoutMicros: 300_000).Outcome);
        Assert.Equal(KvOutcome.Unknown, client.Execute(KvKind.Put, Key, Value,
            timeoutMicros: 300_000).Outcome);
    }

    [Fact]
    public void Crashed_nodes_come_back_and_everything_returns_to_full_width()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        for (var i = 0; i < 40; i++)
        {
            client.Execute(KvKind.Put, new byte[] { 1, (byte)i }, Value);
        }

        pump.Crash(pump.Nodes[0]);
        pump.Crash(pump.Nodes[3]);
        pump.RunFor(20_000);
        for (var i = 20; i < 60; i++)
        {
            Assert.Equal(KvOutcome.Ok, client.Execute(KvKind.Put, new byte[] { 1, (byte)i }, Value).Outcome);
        }

        pump.Start(pump.Nodes[0]);
        pump.Start(pump.Nodes[3]);
        var back = pump.Now;
        pump.RunUntil(() => pump.Nodes[0].Core!.IsCaughtUp && pump.Nodes[3].Core!.IsCaughtUp, 2_000_000);
        Assert.InRange(pump.Now - back, 0, 2_000_000);
        pump.RunUntilQuiet();
        foreach (var node in pump.Nodes)
        {
            var status = StatusProbe.Of(node.Core!.Report);
            Assert.Equal((60, 0, 0), (status["store_keys"], status["missing_elements"],
                status["narrow_keys"]));
            Assert.Equal(60 * (EccElement.PrefixBytes + (Value.Length / 3)), status["store_payload_bytes"]);
            Assert.Equal((1, 1), (status["ready"], status["caught_up"]));
        }
    }

    [Fact]
    public void Widening_waits_for_nodes_that_are_slower_than_any_hedge()
    {
        var pump = Cluster(delayMicros: 40_000);
        pump.RunFor(500_000);
        pump.Crash(pump.Nodes[2]);
        pump.RunFor(100_000);
        Assert.Equal(KvOutcome.Ok, pump.Clients[0].Execute(KvKind.Put, Key, Value).Outcome);
        Assert.True(pump.Clients[0].Core.Engine.LastVersion.Width < 3);
        pump.Start(pump.Nodes[2]);
        pump.RunUntilQuiet();
        Assert.Equal(3, pump.Nodes[1].Core!.Replica.FinOf(Key).Width);
    }

    [Fact]
    public void An_operation_that_never_left_the_client_has_failed()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        foreach (var node in pump.Nodes)
        {
            pump.Crash(node);
        }

        pump.RunFor(20_000);
        var put = client.Execute(KvKind.Put, Key, Value, timeoutMicros: 100_000);
        Assert.Equal((KvOutcome.Failed, "no node reachable"), (put.Outcome, put.Reason));
    }

    [Fact]
    public void A_put_that_gives_up_before_finalising_takes_its_elements_back()
    {
        var pump = Cluster();
        pump.Crash(pump.Nodes[0]);
        pump.Crash(pump.Nodes[1]);
        pump.Crash(pump.Nodes[2]);
        pump.RunFor(20_000);
        var put = pump.Clients[0].Execute(KvKind.Put, Key, Value, timeoutMicros: 100_000);
        pump.RunFor(20_000);
        Assert.Equal(KvOutcome.Unknown, put.Outcome);
        Assert.Equal(0, pump.Nodes[3].Core!.Replica.Held.Count + pump.Nodes[4].Core!.Replica.Held.Count);
    }
}
