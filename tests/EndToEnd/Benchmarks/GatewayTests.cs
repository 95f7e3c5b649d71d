using Testbed.Benchmarks.Verbs;

namespace Testbed.Tests.EndToEnd.Benchmarks;

/// <summary>The benchmark of gateways works with real nodes; what it says about speed is nothing to assert.</summary>
public sealed class GatewayTests
{
    [Fact]
    public async Task Both_ways_into_both_clusters_have_every_figure()
    {
        using var output = new StringWriter();
        var options = new GatewayOptions
        {
            Records = 100, Clients = [2], Rounds = 1, Warmup = TimeSpan.FromMilliseconds(50),
            Measured = TimeSpan.FromMilliseconds(300),
        };
        var cells = await GatewayVerb.RunAsync(output, options, TestContext.Current.CancellationToken);

        Assert.Equal(8, cells.Count);
        Assert.All(cells, cell =>
        {
            Assert.True(cell.PerSecond > 0 && cell.P50Micros > 0 && cell.P99Micros >= cell.P50Micros, cell.ToString());
            Assert.True(cell.ClientBytes > 0 && cell.NodeBytes > 0, cell.ToString());
            Assert.True(cell.Failed == 0, cell.ToString());
        });

        // Through a gateway a client sends a value once; its own streams carry five elements of a third each.
        Assert.All(cells.Where(c => c is { Strategy: "ecc", Operation: "put", Way: "gateway" }),
            cell => Assert.InRange(cell.ClientBytes, 1024, 2000));
        Assert.DoesNotContain("NaN", output.ToString(), StringComparison.Ordinal);
    }
}
