using Testbed.Checker;
using Testbed.Ecc;
using Testbed.Erasure;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>Whole clusters at level memory, in virtual time.</summary>
public sealed class MemoryClusterTests(ITestOutputHelper output)
{
    private static EccPump Calm(
        long rebuildBytesPerSecond = long.MaxValue, bool isVolatile = true, long orphanAgeMicros = 60_000_000)
    {
        var pump = new EccPump(new PumpSettings
        {
            Seed = 5, Faults = false, Volatile = isVolatile, Keys = 40, DelayMicros = 400, Clients = 1,
            RebuildBytesPerSecond = rebuildBytesPerSecond, OrphanAgeMicros = orphanAgeMicros,
        });
        pump.Boot();
        pump.RunUntil(() => pump.Nodes.All(n => n.Core!.Readiness.IsReady), 2_000_000);
        for (var key = 0; key < pump.Settings.Keys; key++)
        {
            Submit(pump, HistoryKind.Write, key);
        }

        return pump;
    }

    private static void Submit(EccPump pump, HistoryKind kind, int key)
    {
        var client = pump.Clients[0];
        Assert.True(client.TrySubmit(kind, key, 2_000_000));
        pump.RunUntil(() => client.IsIdle, 3_000_000);
    }

    [Fact]
    public void A_killed_node_comes_back_empty_and_holds_everything_again()
    {
        var pump = Calm();
        var node = pump.Nodes[2];
        var before = node.Store.Bytes.PayloadBytes;
        pump.Crash(node);
        pump.Start(node);
        Assert.Equal(0, node.Store.Count);
        pump.RunUntil(() => node.Core!.Readiness.IsReady, 2_000_000);
        Assert.Equal(before, node.Store.Bytes.PayloadBytes);
        var status = StatusProbe.Of(node.Core!.Report);
        Assert.Equal((1, 256, 0), (status["incarnation"], status["slots_ready"], status["missing_elements"]));
        output.WriteLine($"{status["rebuilt_bytes"]} bytes rebuilt from {status["rebuild_read_bytes"]} read");
        pump.RunUntilQuiet();
    }

    [Fact]
    public void Reads_and_writes_do_not_wait_for_a_rebuild()
    {
        var pump = Calm(rebuildBytesPerSecond: 500);
        pump.Crash(pump.Nodes[1]);
        pump.Start(pump.Nodes[1]);
        pump.RunFor(200_000);
        Assert.Equal(EccStanding.Recovering, pump.Nodes[1].Core!.Readiness.Standing);
        for (var key = 0; key < pump.Settings.Keys; key++)
        {
            var begun = pump.Now;
            Submit(pump, HistoryKind.Write, key);
            Submit(pump, HistoryKind.Read, key);
            Assert.True(pump.Now - begun < 50_000, $"{pump.Now - begun} us for key {key}");
        }

        Assert.Equal(0, pump.Failed + pump.Unknown);
        Assert.False(pump.Nodes[1].Core!.Readiness.IsReady);
        var status = StatusProbe.Of(pump.Nodes[1].Core!.Report);
        Assert.True(status["rebuild_left_ms"] > 0 || status["slots_ready"] == 0);
    }

    [Fact]
    public void F_nodes_may_be_empty_at_once()
    {
        var pump = Calm();
        pump.Crash(pump.Nodes[0]);
        pump.Crash(pump.Nodes[4]);
        pump.Start(pump.Nodes[0]);
        pump.Start(pump.Nodes[4]);
        pump.RunUntil(() => pump.Nodes.All(n => n.Core!.Readiness.IsReady), 3_000_000);
        pump.RunUntilQuiet();
        for (var key = 0; key < pump.Settings.Keys; key++)
        {
            Submit(pump, HistoryKind.Read, key);
        }

        Assert.Equal(0, pump.Failed + pump.Unknown);
        Assert.Equal(Verdict.Valid, LinearizabilityChecker.Check(pump.History).Verdict);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_dead_client_left_behind_goes_once_all_nodes_are_back_and_never_comes_again(bool isVolatile)
    {
        var pump = Calm(isVolatile: isVolatile, orphanAgeMicros: 500_000);
        pump.RunUntilQuiet();
        var version = EccVersion.Of(EccPump.WallBase + (ulong)pump.Now, 77, 0, 0, 3);
        foreach (var node in pump.Nodes)
        {
            LeaveBehind(node, version);
        }

        pump.Crash(pump.Nodes[4]);
        pump.RunFor(3_000_000);
        Assert.All(pump.Nodes.Take(4), n => Assert.Equal(1, n.Core!.Replica.Held.Count));
        pump.Start(pump.Nodes[4]);
        pump.RunUntil(() => pump.Nodes.All(n => n.Core!.Readiness.IsReady && n.Core.Replica.Held.Count == 0), 5_000_000);
        Assert.All(pump.Nodes, n => Assert.Equal(0, n.Core!.Replica.Held.Count));

        // It was only asleep: what it says comes too late, to a node that has lost its memory since, too.
        pump.Crash(pump.Nodes[1]);
        pump.Start(pump.Nodes[1]);
        pump.RunUntil(() => pump.Nodes[1].Core!.Readiness.IsReady, 3_000_000);
        foreach (var node in pump.Nodes)
        {
            var buffer = new byte[256];
            var length = EccFetch.Write(buffer, 6, LateKey, version, 0, false, new EccEvidence(0, 0, IsWriters: true));
            node.Run(core => Assert.True(core.Receive(Endpoint.Client(900), buffer.AsMemory(0, length), node)));
            Assert.Equal(EccVersion.None, node.Core!.Replica.FinOf(LateKey));
        }
    }

    private static readonly byte[] LateKey = "late"u8.ToArray();

    private static void LeaveBehind(PumpNode node, EccVersion version)
    {
        var buffer = new byte[1024];
        var blobBytes = EccCode.BlobBytes(version.Width, 30);
        var offset = EccPreWrite.Write(buffer, 5, LateKey, EccVersion.None, version, 30, blobBytes);
        EccPreWrite.Seal(buffer, offset, Checksum.Of(buffer.AsSpan(offset, blobBytes)));
        node.Run(core => Assert.True(
            core.Receive(Endpoint.Client(900), buffer.AsMemory(0, offset + blobBytes), node)));
        Assert.Equal(1, node.Core!.Replica.Held.Count);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void More_than_f_empty_nodes_are_lost_and_refuse(int killed)
    {
        var pump = Calm();
        foreach (var node in pump.Nodes.Take(killed))
        {
            pump.Crash(node);
        }

        foreach (var node in pump.Nodes.Take(killed))
        {
            pump.Start(node);
        }

        pump.RunFor(3_000_000);
        Assert.All(pump.Nodes.Take(killed), n => Assert.True(n.Core!.IsLost));
        var failed = pump.Failed;
        Submit(pump, HistoryKind.Write, 0);
        Submit(pump, HistoryKind.Read, 0);
        Assert.Equal((failed + 2, 0), (pump.Failed, pump.Unknown));
        var thin = new ThinClient(pump.Nodes[0]).Ask(pump, KvKind.Get, "k"u8.ToArray());
        Assert.Equal(KvStatus.Busy, thin.Status);
        Assert.StartsWith("LOST: ", System.Text.Encoding.UTF8.GetString(thin.Value.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void A_lost_cluster_is_founded_anew_once_every_node_was_reset_and_not_before()
    {
        var pump = Calm();
        foreach (var node in pump.Nodes.Take(3))
        {
            pump.Crash(node);
        }

        foreach (var node in pump.Nodes.Take(3))
        {
            pump.Start(node);
        }

        pump.RunFor(3_000_000);
        pump.GiveUp();
        var replies = 0;
        pump.ThinReply = message =>
        {
            Assert.True(KvReply.TryRead(message, out var reply) && reply.Status == KvStatus.Ok);
            replies++;
        };
        foreach (var node in pump.Nodes)
        {
            Assert.Contains(pump.Nodes, n => n.Core!.IsLost);
            var buffer = new byte[EccReset.Bytes];
            var length = new EccReset(1, node.Core!.Readiness.Incarnation).Write(buffer);
            node.Run(core => Assert.True(core.Receive(Endpoint.Client(900), buffer.AsMemory(0, length), node)));
            pump.RunFor(1_500_000);
        }

        Assert.Equal(5, replies);
        Assert.All(pump.Nodes, n => Assert.True(n.Core!.Readiness.IsReady));
        Assert.All(pump.Nodes, n => Assert.Equal(0, StatusProbe.Of(n.Core!.Report)["came_back_empty"]));
        var thin = new ThinClient(pump.Nodes[1]);
        Assert.Equal(KvStatus.NotFound, thin.Ask(pump, KvKind.Get, PumpClient.KeyBytes(0)).Status);
        Assert.Equal(KvStatus.Ok, thin.Ask(pump, KvKind.Put, PumpClient.KeyBytes(0), "new"u8.ToArray()).Status);
        Assert.Equal("new"u8, thin.Ask(pump, KvKind.Get, PumpClient.KeyBytes(0)).Value.Span);
    }

    [Fact]
    public void A_log_written_anew_gives_what_the_whole_log_gives()
    {
        var compared = 0;
        for (var seed = 1UL; seed <= 60; seed++)
        {
            var pump = new EccPump(new PumpSettings { Seed = seed, CheckpointBytes = 1_500, Keys = 4 });
            pump.Run();
            Assert.Equal(Verdict.Valid, LinearizabilityChecker.Check(pump.History).Verdict);
            compared += pump.ComparedLogs;
        }

        output.WriteLine($"seeds 1..60: {compared} restarts compared");
        Assert.True(compared > 20);
    }
}
