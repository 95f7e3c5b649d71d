using Testbed.Client;

namespace Testbed.Tests.EndToEnd.Ecc;

/// <summary>
/// The failure table at (5,3) on real processes: nodes that are slow or gone. Each row goes to the test output
/// with what was measured: rounds, width of the puts, bytes the client sent and received per byte of value.
/// </summary>
public sealed class CrashTests(ITestOutputHelper output)
{
    private const int ValueBytes = 1000;
    private const int PrefixBytes = 8;
    private static readonly TimeSpan Hopeless = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task While_one_node_is_paused_gets_take_one_round_and_a_put_pays_the_hedge_once_and_goes_on_at_width_two()
    {
        await using var cluster = await EccCluster.StartAsync("memory");
        await using var client = await cluster.ConnectAsync(leastHedge: TimeSpan.FromSeconds(2));
        var names = Names("slow", 20);
        await Measured.PutsAsync(client, names, ValueBytes);

        await cluster.PauseAsync(2);
        var first = await Measured.PutsAsync(client, ["first"], ValueBytes);
        output.WriteLine(first.Row("1 node slow", "put that pays the hedge"));
        Assert.Equal((3, true), (first.Results[0].Rounds, first.Results[0].Degraded));
        Assert.Equal((1, 1), (first["width_steps"], first["puts_of_width_2"]));

        // It is suspected after some such puts, or its connection breaks before.
        await EccCluster.UntilAsync(async () =>
        {
            await Measured.PutsAsync(client, ["waiting"], ValueBytes);
            return client.Counters()["live_nodes"] == 4 ? null : "the paused node still counts as alive";
        });
        var later = await Measured.PutsAsync(client, Names("later", 20), ValueBytes);
        output.WriteLine(later.Row("1 node slow", "put"));
        Assert.All(later.Results, put => Assert.Equal((2, true), (put.Rounds, put.Degraded)));
        Assert.Equal((0, 0, 20), (later["width_steps"], later["hedges"], later["puts_of_width_2"]));
        var gets = await Measured.GetsAsync(client, names, ValueBytes);
        output.WriteLine(gets.Row("1 node slow", "get"));
        Assert.All(gets.Results, get => Assert.Equal(1, get.Rounds));

        await cluster.ResumeAsync(2);
        await EccCluster.UntilAsync(async () =>
        {
            await Measured.PutsAsync(client, ["waiting"], ValueBytes);
            return client.Counters()["live_nodes"] == 5 ? null : "the node that answers again is not seen";
        });
        var again = await Measured.PutsAsync(client, ["again"], ValueBytes);
        Assert.Equal(2, again.Results[0].Rounds);
        Assert.Equal(1, again["puts_of_width_3"]);
    }

    [Fact]
    public async Task With_one_and_two_nodes_crashed_everything_is_served_narrower_and_with_three_nothing_and_nothing_wrong()
    {
        await using var cluster = await EccCluster.StartAsync("os");
        await using var client = await cluster.ConnectAsync(EccCluster.NoHedge);
        var healthy = Names("healthy", 20);
        var row = await Measured.PutsAsync(client, healthy, ValueBytes);
        Assert.Equal(20, row["puts_of_width_3"]);
        await cluster.SumIsAsync("store_payload_bytes", 20 * Stored(width: 3, nodes: 5));
        output.WriteLine(row.Row("none", "put", Times(width: 3, nodes: 5)));
        output.WriteLine((await Measured.GetsAsync(client, healthy, ValueBytes)).Row("none", "get"));

        await cluster.KillAsync(2);
        await EccCluster.SeesAsync(client, 4);
        var one = Names("one", 20);
        await ServesAsync(cluster, client, "1 crashed", width: 2, read: healthy, written: one, nodes: 4);

        await cluster.KillAsync(0);
        await EccCluster.SeesAsync(client, 3);
        var two = Names("two", 20);
        await ServesAsync(cluster, client, "2 crashed", width: 1, read: [.. healthy, .. one], written: two, nodes: 3);

        // All three that are left are needed.
        await cluster.PauseAsync(4);
        await NothingIsServedAsync(client, two[0]);
        await cluster.ResumeAsync(4);
        await Measured.GetsAsync(client, [two[0]], ValueBytes);

        await cluster.KillAsync(1);
        await EccCluster.SeesAsync(client, 2);
        await NothingIsServedAsync(client, two[1]);
        output.WriteLine("| 3 crashed | put unknown, get failed: nothing is served | | | | | |");

        await Task.WhenAll(cluster.StartNodeAsync(0), cluster.StartNodeAsync(1), cluster.StartNodeAsync(2));
        await EccCluster.SeesAsync(client, 5);
        await Measured.GetsAsync(client, [.. healthy, .. one, .. two], ValueBytes);
        await cluster.WholeAsync();
        await cluster.SumIsAsync("store_payload_bytes", 60 * Stored(width: 3, nodes: 5));
    }

    private async Task ServesAsync(EccCluster cluster, IKvClient client, string failure, int width,
        IReadOnlyList<string> read, IReadOnlyList<string> written, int nodes)
    {
        var gets = await Measured.GetsAsync(client, read, ValueBytes);
        output.WriteLine(gets.Row(failure, "get"));
        Assert.All(gets.Results, get => Assert.Equal(1, get.Rounds));
        Assert.Contains(gets.Results, get => get.Degraded);

        var before = await cluster.SumAsync("store_payload_bytes");
        var puts = await Measured.PutsAsync(client, written, ValueBytes);
        Assert.All(puts.Results, put => Assert.Equal((2, true), (put.Rounds, put.Degraded)));
        Assert.Equal((0, written.Count), (puts["width_steps"], puts[$"puts_of_width_{width}"]));
        await cluster.SumIsAsync("store_payload_bytes", before + (written.Count * Stored(width, nodes)));
        output.WriteLine(puts.Row(failure, "put", Times(width, nodes)));
    }

    /// <summary>A put that cannot know how it ends, and a get that fails; the old value stays.</summary>
    private static async Task NothingIsServedAsync(IKvClient client, string name)
    {
        var put = await client.PutAsync(Measured.Key(name), Measured.Value("lost", ValueBytes), Hopeless);
        Assert.Equal((Outcome.Unknown, "deadline"), (put.Outcome, put.Reason));
        var get = await client.GetAsync(Measured.Key(name), Hopeless);
        Assert.Equal((Outcome.Failed, "deadline"), (get.Outcome, get.Reason));
    }

    private static string[] Names(string prefix, int count) =>
        [.. Enumerable.Range(0, count).Select(i => $"{prefix} {i:D2}")];

    /// <summary>Bytes that the nodes hold of a value, each with its element's checksum of the value.</summary>
    private static long Stored(int width, int nodes) =>
        nodes * (PrefixBytes + ((ValueBytes + width - 1) / width));

    private static string Times(int width, int nodes) => ((double)nodes / width).ToString("F2",
        System.Globalization.CultureInfo.InvariantCulture);
}
