using Testbed.Client;
using Testbed.Wire;

namespace Testbed.Tests.EndToEnd.Ecc;

/// <summary>
/// The rest of the failure table at (5,3) on real processes: memory that is lost, clients that die, elements
/// that decay.
/// </summary>
public sealed class LossTests(ITestOutputHelper output)
{
    private const int Restarted = 2;
    private const int Asked = 12;

    [Fact]
    public async Task The_store_acks_of_a_node_that_restarts_empty_count_at_once_and_its_votes_slot_by_slot()
    {
        const int valueBytes = 300;
        await using var cluster = await EccCluster.StartAsync("memory");
        await using var client = await cluster.ConnectAsync(EccCluster.NoHedge);
        await using var reader = await cluster.ConnectAsync(leastHedge: TimeSpan.Zero);
        string[] names = [.. Enumerable.Range(0, 2_000).Select(i => $"key {i:D4}")];
        var puts = await Task.WhenAll(names.Select(name => client.PutAsync(
            Measured.Key(name), Measured.Value(name, valueBytes), EccCluster.Patience)));
        Assert.All(puts, put => Assert.Equal(Outcome.Ok, put.Outcome));
        await cluster.WholeAsync();
        var lostBytes = (await cluster.NumbersAsync(Restarted))["store_payload_bytes"];

        await cluster.KillAsync(Restarted);
        await EccCluster.SeesAsync(client, 4);
        await cluster.StartNodeAsync(Restarted, "--rebuild-rate", "60000");
        await EccCluster.SeesAsync(client, 5);

        // Registered, and with most still to be rebuilt, it is one of the five that a put at width 3 needs.
        await EccCluster.UntilAsync(async () => (await cluster.NumbersAsync(Restarted))["slots_ready"] > 0
            ? null : "it does not recover");
        var written = await Measured.PutsAsync(client, [.. Enumerable.Range(0, 20).Select(i => $"new {i:D2}")], valueBytes);
        var meanwhile = await cluster.NumbersAsync(Restarted);
        output.WriteLine(written.Row($"restarts empty, {meanwhile["slots_ready"]} of 256 slots ready", "put"));
        Assert.InRange(meanwhile["slots_ready"], 1, 255);
        Assert.All(written.Results, put => Assert.Equal((2, false), (put.Rounds, put.Degraded)));
        Assert.Equal(20, written["puts_of_width_3"]);

        // Its answers say for each key whether they are votes; asked for, a slot is next.
        await using var stream = await NodeStream.OpenAsync(cluster, Restarted);
        var (before, between) = (await VotesAsync(stream, names[..Asked]), 0);
        Assert.InRange(before, 0, Asked - 1);
        await EccCluster.UntilAsync(async () =>
        {
            var votes = await VotesAsync(stream, names[..Asked]);
            between = votes is > 0 and < Asked ? votes : between;
            return votes == Asked ? null : $"{votes} votes about {Asked} keys";
        });
        Assert.InRange(between, 1, Asked - 1);
        var later = await cluster.NumbersAsync(Restarted);
        Assert.InRange(later["slots_ready"], meanwhile["slots_ready"] + 1, 255);
        output.WriteLine($"votes about {Asked} keys: {before}, ..., {between}, all; {later["slots_ready"]} slots ready");
        var read = await Measured.GetsAsync(reader, names[..200], valueBytes);
        output.WriteLine(read.Row("restarts empty", "get"));

        // Once more, without a limit that holds it up: everything comes back.
        await cluster.KillAsync(Restarted);
        await cluster.StartNodeAsync(Restarted);
        await cluster.WholeAsync();
        var whole = await cluster.NumbersAsync(Restarted);
        Assert.Equal(
            lostBytes + (20 * (EccElement.PrefixBytes + (valueBytes / 3))), whole["store_payload_bytes"]);
        output.WriteLine($"rebuilt {whole["rebuilt_bytes"]} bytes in {whole["rebuild_ms"]} ms, read {whole["rebuild_read_bytes"]}");
    }

    [Fact]
    public async Task Wherever_a_client_dies_it_leaves_no_lock_and_at_most_one_element_per_node()
    {
        const int valueBytes = 500;
        await using var cluster = await EccCluster.StartAsync("memory");
        await using var client = await cluster.ConnectAsync(EccCluster.NoHedge);
        string[] names = [.. Enumerable.Range(0, 2 * EccCluster.Nodes).Select(i => $"died after {i + 1}")];
        await Measured.PutsAsync(client, names, valueBytes);
        for (var i = 0; i < names.Length; i++)
        {
            await DyingClient.PutAsync(cluster, (ulong)i, names[i], Measured.Value("died", valueBytes), messages: i + 1);
        }

        for (var node = 0; node < EccCluster.Nodes; node++)
        {
            // One for each that died between this node's pre-write and its finalise; another node may have told
            // it what was finalised elsewhere.
            var orphans = (await cluster.NumbersAsync(node))["held_prewrites"];
            Assert.InRange(orphans, EccCluster.Nodes - node, EccCluster.Nodes);
        }

        // Before the first finalise the old value stays; from the third on, the new one is there for good.
        for (var i = 0; i < names.Length; i++)
        {
            var get = await client.GetAsync(Measured.Key(names[i]), EccCluster.Patience);
            Assert.Equal(Outcome.Ok, get.Outcome);
            Assert.InRange(get.Rounds, 1, 2);
            var isOld = get.Value.Span.SequenceEqual(Measured.Value(names[i], valueBytes));
            var isNew = get.Value.Span.SequenceEqual(Measured.Value("died", valueBytes));
            Assert.True(i < EccCluster.Nodes ? isOld : i >= EccCluster.Nodes + 2 ? isNew : isOld || isNew, names[i]);
            output.WriteLine($"{names[i]} of 10 messages: get {get.Rounds} rounds, {(isOld ? "old" : "new")} value");
        }

        var puts = await Measured.PutsAsync(client, names, valueBytes);
        output.WriteLine(puts.Row("client died", "put of the next client"));
        Assert.All(puts.Results, put => Assert.Equal((2, false), (put.Rounds, put.Degraded)));
        await Measured.GetsAsync(client, names, valueBytes);
        await cluster.WholeAsync();
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("os")]
    public async Task What_dead_clients_left_behind_goes_by_itself_and_nothing_else_does(string durability)
    {
        const int valueBytes = 500;
        await using var cluster = await EccCluster.StartAsync(durability, "--orphan-age", "1");
        await using var client = await cluster.ConnectAsync(EccCluster.NoHedge);
        string[] names = [.. Enumerable.Range(0, 2 * EccCluster.Nodes).Select(i => $"died after {i + 1}")];
        await Measured.PutsAsync(client, names, valueBytes);
        for (var i = 0; i < names.Length; i++)
        {
            await DyingClient.PutAsync(cluster, (ulong)i, names[i], Measured.Value("died", valueBytes), messages: i + 1);
        }

        // No put comes that would replace them; what one node has finalised is not left behind, but spreads.
        await cluster.WholeAsync();
        for (var i = 0; i < names.Length; i++)
        {
            var get = await client.GetAsync(Measured.Key(names[i]), EccCluster.Patience);
            var expected = Measured.Value(i < EccCluster.Nodes ? names[i] : "died", valueBytes);
            Assert.True(get.Value.Span.SequenceEqual(expected), names[i]);
        }

        Assert.InRange(await cluster.SumAsync("orphans_dropped"), EccCluster.Nodes, EccCluster.Nodes * EccCluster.Nodes);
    }

    [Fact]
    public async Task An_element_that_decays_counts_as_a_missing_one_is_counted_and_is_repaired()
    {
        const int valueBytes = 300;
        await using var cluster = await EccCluster.StartAsync("memory", "--test-rot");
        await using var client = await cluster.ConnectAsync(EccCluster.NoHedge);
        string[] names = [.. Enumerable.Range(0, 60).Select(i => $"key {i:D2}")];
        await Measured.PutsAsync(client, names, valueBytes);
        await cluster.WholeAsync();
        await StoredAsync();

        // GetsAsync compares every value with what was written.
        var gets = new List<Measured>();
        for (var round = 0; round < 5; round++)
        {
            gets.Add(await Measured.GetsAsync(client, names, valueBytes));
        }

        var results = gets.SelectMany(g => g.Results).ToList();
        output.WriteLine(gets[^1].Row("corrupt elements", "get"));
        output.WriteLine($"{results.Count(get => get.Rounds == 2)} of {results.Count} gets took a second round");
        Assert.All(results, get => Assert.InRange(get.Rounds, 1, 2));
        Assert.Contains(results, get => get.Rounds == 2);

        var (corrupt, fills) = (0L, 0L);
        await EccCluster.UntilAsync(async () =>
        {
            (corrupt, fills) = (await cluster.SumAsync("corrupt_elements"), await cluster.SumAsync("fills"));
            var missing = await cluster.SumAsync("missing_elements");
            return missing == 0 && fills == corrupt ? null : $"{missing} missing, {fills} of {corrupt} restored";
        });
        output.WriteLine($"{corrupt} elements found corrupt, {fills} restored");
        Assert.InRange(corrupt, 10, 1_000);
        await StoredAsync();

        // Elements of the present version alone, at width 3 on 5 nodes: what came before them leaves in the background.
        Task StoredAsync() => cluster.SumIsAsync(
            "store_payload_bytes", names.Length * 5 * (EccElement.PrefixBytes + (valueBytes / 3)));
    }

    /// <summary>Asks the node for each key and counts the answers that are votes.</summary>
    private static async Task<int> VotesAsync(NodeStream stream, IEnumerable<string> names)
    {
        var votes = 0;
        foreach (var name in names)
        {
            var key = Measured.Key(name);
            var message = new byte[EccFetch.MaxBytes(key.Length)];
            var bytes = EccFetch.Write(message, operationId: 1, key, EccVersion.None, nodeMask: 0, pin: false);
            Assert.True(EccFetchReply.TryRead(await stream.AskAsync(message[..bytes]), out var reply));
            votes += reply.Head.Ready ? 1 : 0;
        }

        return votes;
    }
}
