using Testbed.Faults;
using Testbed.Harness.Clusters.Links;

namespace Testbed.Tests.Unit.Clusters;

public sealed class LinkPlanTests
{
    private static readonly string[] Nodes = ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000"];

    private static LinkPlan Plan() => new(Nodes, i => $"10.0.0.9:{9000 + i}");

    [Fact]
    public void Every_ordered_pair_and_every_client_has_a_listener_of_its_own()
    {
        var plan = Plan();
        Assert.Equal(LinkPlan.CountFor(3), plan.Links.Count);
        Assert.Equal(9, plan.Links.Select(l => l.Listen).Distinct().Count());
        Assert.Equal(
            ["client>n0", "client>n1", "client>n2", "n0>n1", "n0>n2", "n1>n0", "n1>n2", "n2>n0", "n2>n1"],
            plan.Links.Select(l => $"{l.From}>{l.To}").Order(StringComparer.Ordinal));
        Assert.All(plan.Links, l => Assert.Equal(Nodes[l.To[1] - '0'], l.Target));
    }

    [Fact]
    public void A_node_sees_listeners_and_its_own_real_address()
    {
        var plan = Plan();
        for (var node = 0; node < 3; node++)
        {
            for (var other = 0; other < 3; other++)
            {
                var expected = other == node
                    ? Nodes[node]
                    : plan.Links.Single(l => l.From == $"n{node}" && l.To == $"n{other}").Listen;
                Assert.Equal(expected, plan.NodeView(node)[other]);
            }

            Assert.Equal(plan.Links.Single(l => l.From == "client" && l.To == $"n{node}").Listen, plan.ClientView[node]);
        }
    }

    [Fact]
    public void The_proxy_understands_the_plan()
    {
        var plan = Plan();
        var options = Testbed.Links.LinkOptions.Parse(plan.Arguments("10.0.0.9:8999", exitWithParent: true));
        Assert.True(options.ExitWithParent);
        Assert.Equal("10.0.0.9:8999", options.Control.ToString());
        Assert.Equal(plan.Links, options.Links.Select(
            l => new PlannedLink(l.From, l.To, l.Listen.ToString(), l.Target.ToString())));
    }

    [Theory]
    [InlineData(FaultKind.Partition, "n0>n1 n2>n1 n1>n0 n1>n2")]
    [InlineData(FaultKind.PartitionIn, "n0>n1 n2>n1")]
    [InlineData(FaultKind.PartitionOut, "n1>n0 n1>n2")]
    [InlineData(FaultKind.Isolate, "n0>n1 n2>n1 client>n1 n1>n0 n1>n2 n1>client")]
    public void A_fault_stalls_the_bytes_its_name_says(FaultKind kind, string pairs) =>
        Assert.Equal(pairs, string.Join(' ', LinkFaults.PairsOf(kind, 1, 3)));

    [Fact]
    public void Rules_are_the_union_of_the_faults_in_force()
    {
        var one = LinkFaults.PairsOf(FaultKind.PartitionIn, 1, 3);
        var two = LinkFaults.PairsOf(FaultKind.Partition, 2, 3);
        Assert.Equal("rules n0>n1:stall n0>n2:stall n1>n2:stall n2>n0:stall n2>n1:stall", LinkFaults.Command([one, two]));
        Assert.Equal("rules n0>n1:stall n2>n1:stall", LinkFaults.Command([one]));
        Assert.Equal("rules", LinkFaults.Command([]));
    }
}
