using System.Text;
using Testbed.Checker;
using Testbed.Ecc;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

public sealed class ClusterOperationTests
{
    private static EccPump Cluster(ulong seed = 21, int clients = 1)
    {
        var pump = new EccPump(new PumpSettings
        {
            Seed = seed,
            Clients = clients,
            Faults = false,
            DelayMicros = 300,
        });
        pump.Boot();
        pump.RunFor(50_000);
        return pump;
    }

    private static byte[] KeyOf(int i) => Encoding.ASCII.GetBytes($"row{i:D4}");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(1_000)]
    [InlineData(70_001)]
    public void Values_of_any_length_come_back(int bytes)
    {
        var pump = Cluster();
        var value = FailureTableTests.MakeValue(bytes);
        Assert.Equal(KvOutcome.Ok, pump.Clients[0].Execute(KvKind.Put, KeyOf(1), value).Outcome);
        var get = pump.Clients[0].Execute(KvKind.Get, KeyOf(1));
        Assert.Equal(KvOutcome.Ok, get.Outcome);
        Assert.Equal(value, get.Value.ToArray());
    }

    [Fact]
    public void A_deleted_key_is_absent_and_can_be_written_again()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        Assert.Equal(KvOutcome.NotFound, client.Execute(KvKind.Get, KeyOf(1)).Outcome);
        Assert.Equal(KvOutcome.Ok, client.Execute(KvKind.Delete, KeyOf(1)).Outcome);
        client.Execute(KvKind.Put, KeyOf(1), FailureTableTests.MakeValue(100));
        Assert.Equal(KvOutcome.Ok, client.Execute(KvKind.Get, KeyOf(1)).Outcome);
        Assert.Equal(KvOutcome.Ok, client.Execute(KvKind.Delete, KeyOf(1)).Outcome);
        var get = client.Execute(KvKind.Get, KeyOf(1));
        Assert.Equal((KvOutcome.NotFound, 1), (get.Outcome, get.Rounds));
        client.Execute(KvKind.Put, KeyOf(1), FailureTableTests.MakeValue(101));
        Assert.Equal(101, client.Execute(KvKind.Get, KeyOf(1)).Value.Length);
    }

    [Fact]
    public void A_client_with_a_slow_clock_retags_and_its_write_is_the_last()
    {
        var pump = Cluster(seed: 22, clients: 6);
        for (var round = 0; round < 3; round++)
        {
            foreach (var client in pump.Clients)
            {
                var value = FailureTableTests.MakeValue(50 + (round * 10) + client.Number);
                Assert.Equal(KvOutcome.Ok, client.Execute(KvKind.Put, KeyOf(1), value).Outcome);
                Assert.Equal(value, pump.Clients[0].Execute(KvKind.Get, KeyOf(1)).Value.ToArray());
            }
        }

        Assert.Contains(pump.Clients, client => client.Core.Engine.Counters.Retags > 0);
    }

    [Fact]
    public void A_scan_returns_present_keys_in_order_with_values_in_one_round()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        for (var i = 0; i < 50; i++)
        {
            client.Execute(KvKind.Put, KeyOf(i), FailureTableTests.MakeValue(100 + i));
        }

        client.Execute(KvKind.Delete, KeyOf(12));
        pump.RunFor(20_000);
        var scan = client.Execute(KvKind.Scan, KeyOf(10), scanLimit: 5);
        Assert.Equal((KvOutcome.Ok, 1), (scan.Outcome, scan.Rounds));
        Assert.Equal([10, 11, 13, 14, 15], Numbers(scan));
        Assert.All(scan.Entries!, entry =>
            Assert.Equal(FailureTableTests.MakeValue(entry.Value.Length), entry.Value.ToArray()));
        Assert.Equal([47, 48, 49], Numbers(client.Execute(KvKind.Scan, KeyOf(47), scanLimit: 10)));
        Assert.Equal(49, client.Execute(KvKind.Scan, default, scanLimit: 1000).Entries!.Count);
        Assert.Empty(client.Execute(KvKind.Scan, "s"u8.ToArray(), scanLimit: 10).Entries!);
    }

    private static IEnumerable<int> Numbers(ClientResult scan) =>
        scan.Entries!.Select(e => int.Parse(Encoding.ASCII.GetString(e.Key.Span)[3..], null));

    [Fact]
    public void A_scan_longer_than_a_reply_goes_on_behind_the_last_key()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        for (var i = 0; i < 30; i++)
        {
            client.Execute(KvKind.Put, KeyOf(i), FailureTableTests.MakeValue(150_000 + i));
        }

        client.Execute(KvKind.Put, KeyOf(30), FailureTableTests.MakeValue(4_000_000));
        pump.RunFor(20_000);
        var scan = client.Execute(KvKind.Scan, KeyOf(0), scanLimit: 100);
        Assert.Equal(Enumerable.Range(0, 31), Numbers(scan));
        Assert.All(scan.Entries!, entry =>
            Assert.Equal(FailureTableTests.MakeValue(entry.Value.Length), entry.Value.ToArray()));
        Assert.True(scan.Rounds > 1);
    }

    [Fact]
    public void A_late_answer_to_an_earlier_page_of_a_scan_counts_for_nothing()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        for (var i = 0; i < 10; i++)
        {
            client.Execute(KvKind.Put, KeyOf(i), FailureTableTests.MakeValue(400_000 + i));
        }

        pump.RunFor(20_000);
        for (var stallMicros = 20_000; stallMicros <= 300_000; stallMicros += 7_000)
        {
            foreach (var node in pump.Nodes)
            {
                // Two nodes answer late: the hedge asks the rest, and their answers meet later pages.
                pump.Stall(node.Index, -client.Number - 1, pump.Now + stallMicros);
                pump.Stall((node.Index + 1) % 5, -client.Number - 1, pump.Now + (stallMicros / 2));
                Assert.Equal(Enumerable.Range(0, 10), Numbers(client.Execute(KvKind.Scan, KeyOf(0), scanLimit: 12)));
            }
        }
    }

    [Fact]
    public void A_scan_skips_nothing_that_a_node_missed_while_it_was_away()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        for (var i = 0; i < 30; i += 2)
        {
            client.Execute(KvKind.Put, KeyOf(i), FailureTableTests.MakeValue(100));
        }

        pump.Crash(pump.Nodes[1]);
        pump.Crash(pump.Nodes[2]);
        pump.RunFor(10_000);
        for (var i = 1; i < 30; i += 2)
        {
            client.Execute(KvKind.Put, KeyOf(i), FailureTableTests.MakeValue(200));
        }

        client.Execute(KvKind.Delete, KeyOf(4));
        pump.Start(pump.Nodes[1]);
        pump.Start(pump.Nodes[2]);
        pump.RunFor(5_500);
        for (var i = 0; i < 8; i++)
        {
            var scan = client.Execute(KvKind.Scan, KeyOf(0), scanLimit: 20);
            Assert.Equal(Enumerable.Range(0, 21).Where(x => x != 4), Numbers(scan));
        }
    }

    [Fact]
    public void A_damaged_element_counts_as_missing_and_is_restored()
    {
        var pump = Cluster();
        var client = pump.Clients[0];
        var value = FailureTableTests.MakeValue(900);
        client.Execute(KvKind.Put, KeyOf(1), value);
        pump.RunFor(20_000);
        var code = new EccCode(5, 3);
        var node = pump.Nodes[code.NodeOf(0, EccCode.HashOf(KeyOf(1)))];
        node.Store.TryGet(KeyOf(1), out var header, out var payload);
        var damaged = payload.ToArray();
        damaged[100] ^= 4;
        node.Store.Put(KeyOf(1), header, damaged);

        var get = client.Execute(KvKind.Get, KeyOf(1));
        Assert.Equal((KvOutcome.Ok, true), (get.Outcome, get.Degraded));
        Assert.Equal(value, get.Value.ToArray());
        pump.RunUntilQuiet();
        var status = StatusProbe.Of(node.Core!.Report);
        Assert.Equal((1, 1), (status["corrupt_elements"], status["fills"]));
        pump.RunFor(20_000);
        Assert.False(client.Execute(KvKind.Get, KeyOf(1)).Degraded);
    }

    [Fact]
    public void A_node_carries_out_operations_of_thin_clients()
    {
        var pump = Cluster();
        var thin = new ThinClient(pump.Nodes[2]);
        var value = FailureTableTests.MakeValue(500);
        Assert.Equal(KvStatus.Ok, thin.Ask(pump, KvKind.Put, KeyOf(1), value).Status);
        Assert.Equal(value, pump.Clients[0].Execute(KvKind.Get, KeyOf(1)).Value.ToArray());
        Assert.Equal(value, thin.Ask(pump, KvKind.Get, KeyOf(1)).Value.ToArray());
        var scan = thin.Ask(pump, KvKind.Scan, KeyOf(0), limit: 10);
        Assert.Equal(value, KvEntryCodec.TryRead(scan.Entries)![0].Value.ToArray());
        Assert.Equal(KvStatus.Ok, thin.Ask(pump, KvKind.Delete, KeyOf(1)).Status);
        Assert.Equal(KvStatus.NotFound, thin.Ask(pump, KvKind.Get, KeyOf(1)).Status);
    }

    [Fact]
    public void Hot_writers_do_not_starve_a_reader()
    {
        var pump = Cluster(seed: 23, clients: 6);
        var reads = 0;
        for (var i = 0; i < 400; i++)
        {
            for (var c = 1; c < pump.Clients.Count; c++)
            {
                pump.Clients[c].TrySubmit(HistoryKind.Write, 0, 2_000_000);
            }

            if (i % 4 == 0 && pump.Clients[0].IsIdle)
            {
                pump.Clients[0].TrySubmit(HistoryKind.Read, 0, 300_000);
                reads++;
            }

            pump.RunFor(500);
        }

        pump.RunUntil(() => pump.Clients.All(client => client.IsIdle), 3_000_000);
        Assert.True(reads > 10);
        Assert.Equal(0, pump.Failed);
        Assert.Equal(Verdict.Valid, LinearizabilityChecker.Check(pump.History).Verdict);
    }
}
