using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>Puts that always code at width k: a baseline, which waits where the adaptive width steps down.</summary>
public sealed class FixedWidthTests
{
    private static readonly byte[] Key = "user4711"u8.ToArray();
    private static readonly byte[] Old = FailureTableTests.MakeValue(400);
    private static readonly byte[] Value = FailureTableTests.MakeValue(999);

    private static (EccPump Pump, PumpClient Client) Cluster(int nodes = 5, int dataElements = 3)
    {
        var pump = new EccPump(new PumpSettings
        {
            Seed = 12,
            Nodes = nodes,
            DataElements = dataElements,
            Clients = 1,
            Faults = false,
            DelayMicros = 200,
            FixedWidth = true,
        });
        pump.Boot();
        pump.RunFor(50_000);
        return (pump, pump.Clients[0]);
    }

    [Fact]
    public void With_one_node_of_five_down_a_put_ends_unknown_leaves_nothing_behind_and_gets_go_on()
    {
        var (pump, client) = Cluster();
        Assert.Equal(KvOutcome.Ok, client.Execute(KvKind.Put, Key, Old).Outcome);
        pump.Crash(pump.Nodes[2]);
        pump.RunFor(20_000);
        var put = client.Execute(KvKind.Put, Key, Value, timeoutMicros: 500_000);
        Assert.Equal((KvOutcome.Unknown, "deadline"), (put.Outcome, put.Reason));
        pump.RunFor(20_000);
        foreach (var node in pump.Nodes.Where(node => node.Alive))
        {
            Assert.Equal(0, node.Core!.Replica.Held.Count);
        }

        var get = client.Execute(KvKind.Get, Key);
        Assert.Equal((KvOutcome.Ok, 1), (get.Outcome, get.Rounds));
        Assert.Equal(Old, get.Value.ToArray());
        Assert.Equal(KvOutcome.Ok, client.Execute(KvKind.Delete, Key).Outcome);
        Assert.Equal(0, client.Core.Engine.Counters.WidthSteps);
    }

    [Fact]
    public void A_put_waits_for_a_node_that_comes_back_before_its_deadline()
    {
        var (pump, client) = Cluster();
        pump.Nodes[2].PausedUntil = pump.Now + 400_000;
        var put = client.Execute(KvKind.Put, Key, Value);
        Assert.Equal((KvOutcome.Ok, 2, false), (put.Outcome, put.Rounds, put.Degraded));
        Assert.Equal(3, client.Core.Engine.LastVersion.Width);
        Assert.Equal(0, client.Core.Engine.Counters.WidthSteps);
    }

    [Fact]
    public void Where_the_code_has_a_node_to_spare_a_put_completes_at_full_width_without_it()
    {
        var (pump, client) = Cluster(nodes: 5, dataElements: 2);
        pump.Crash(pump.Nodes[2]);
        pump.RunFor(20_000);
        var put = client.Execute(KvKind.Put, Key, Value);
        Assert.Equal((KvOutcome.Ok, 2, false), (put.Outcome, put.Rounds, put.Degraded));
        Assert.Equal(2, client.Core.Engine.LastVersion.Width);

        pump.Crash(pump.Nodes[3]);
        pump.RunFor(20_000);
        Assert.Equal(
            KvOutcome.Unknown, client.Execute(KvKind.Put, Key, Value, timeoutMicros: 300_000).Outcome);
        Assert.Equal(Value, client.Execute(KvKind.Get, Key).Value.ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(10)]
    public void Small_values_are_coded_at_full_width_too(int bytes)
    {
        var (_, client) = Cluster();
        Assert.Equal(KvOutcome.Ok, client.Execute(KvKind.Put, Key, Value.AsMemory(0, bytes)).Outcome);
        Assert.Equal(3, client.Core.Engine.LastVersion.Width);
        Assert.Equal(Value[..bytes], client.Execute(KvKind.Get, Key).Value.ToArray());
    }
}
