using Testbed.Ecc;
using Testbed.Erasure;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>One node against requests made by hand.</summary>
public sealed class NodeRuleTests
{
    private static readonly byte[] Key = "k"u8.ToArray();
    private static readonly ulong Hash = EccCode.HashOf(Key);
    private static readonly Endpoint Client = Endpoint.Client(1);
    private readonly NullOutput _output = new() { Sent = [] };
    private readonly KvStore _store = new();
    private readonly EccNodeCore _node;

    public NodeRuleTests()
    {
        _node = new EccNodeCore(Options(), _store);
        _node.Start(Now(0), _output);
        Durable();
        _output.Sent!.Clear();
    }

    private static EccOptions Options() =>
        new() { Self = new NodeId(0), Nodes = 5, DataElements = 3, Seed = 1, PendingBytesLimit = 4_000 };

    private static CoreTime Now(long micros) => new(micros, 1_700_000_000_000_000 + micros);

    private void Durable() => _node.StorageDone(new LogSequence(_output.Records.Count), _output);

    private static EccVersion V(ulong hlc, int gen = 0, int width = 3, int rid = 0) =>
        EccVersion.Of(hlc, 9, gen, rid, width);

    private EccPreWriteAck PreWrite(EccVersion version, EccVersion from = default, bool damaged =
        false, int bytes = 30)
    {
        var buffer = new byte[8192];
        var blobBytes = from.IsNone ? EccCode.BlobBytes(version.Width, bytes) : 0;
        var offset = EccPreWrite.Write(buffer, 5, Key, from, version, from.IsNone
            && version.Width > 0 ? bytes : 0, blobBytes);
        EccPreWrite.Seal(buffer, offset, Checksum.Of(buffer.AsSpan(offset, blobBytes)) ^ (damaged
            ? 1UL : 0));
        Assert.True(_node.Receive(Client, buffer.AsMemory(0, offset + blobBytes), _output));
        Assert.True(EccPreWriteAck.TryRead(_output.Sent![^1].Message, out var ack));
        return ack;
    }

    private EccFetchReply Fetch(EccVersion version, uint nodeMask = 0, bool pin = false)
    {
        var buffer = new byte[256];
        var length = EccFetch.Write(buffer, 6, Key, version, nodeMask, pin);
        Assert.True(_node.Receive(Client, buffer.AsMemory(0, length), _output));
        Assert.True(EccFetchReply.TryRead(_output.Sent![^1].Message, out var reply));
        return reply;
    }

    private HeldTable Held => _node.Replica.Held;

    [Fact]
    public void A_pre_write_is_held_beside_fin_and_becomes_fin_when_finalised()
    {
        Assert.Equal(EccStoreStatus.Stored, PreWrite(V(10)).Status);
        Assert.Equal(EccVersion.None, Fetch(default).Head.Fin);
        Assert.Equal(V(10), Fetch(V(10), nodeMask: 1).Element.Version);
        Assert.Equal(EccStoreStatus.Stored, PreWrite(V(20)).Status);
        var read = Fetch(default, nodeMask: 1);
        Assert.Equal((V(10), V(10)), (read.Head.Fin, read.Element.Version));
        Assert.Equal(1, Held.Count);
        Assert.Equal((EccStoreStatus.Superseded, V(10)), (PreWrite(V(9)).Status, PreWrite(V(9)).Head.Fin));
        Assert.Equal(1, Held.Count);
    }

    [Fact]
    public void Finalising_drops_lower_versions_and_keeps_higher_ones()
    {
        PreWrite(V(10));
        PreWrite(V(20));
        PreWrite(V(30));
        Assert.Equal(V(20), Fetch(V(20)).Head.Fin);
        Assert.True(Held.Find(Key, Hash, V(30)) >= 0);
        Assert.Equal(1, Held.Count);
        Assert.Equal(V(20), Fetch(V(15)).Head.Fin);
    }

    [Fact]
    public void Of_one_tag_only_the_finalised_generation_and_repairs_survive()
    {
        PreWrite(V(10, gen: 0));
        PreWrite(V(10, gen: 1, width: 2));
        PreWrite(V(10, gen: 2, width: 1));
        PreWrite(V(10, gen: 2, rid: 4));
        Fetch(V(10, gen: 1, width: 2));
        Assert.Equal(V(10, gen: 2, rid: 4), Held.VersionAt(Held.First(Key, Hash)));
        Assert.Equal(1, Held.Count);
        Assert.Equal(EccStoreStatus.Superseded, PreWrite(V(10, gen: 2, width: 1)).Status);
    }

    [Fact]
    public void A_rename_needs_the_named_version()
    {
        Assert.Equal(EccStoreStatus.NeedData, PreWrite(V(20, gen: 1), from: V(10)).Status);
        PreWrite(V(10));
        Assert.Equal(EccStoreStatus.Stored, PreWrite(V(20, gen: 1), from: V(10)).Status);
        Assert.Equal(V(20, gen: 1), Held.VersionAt(Held.First(Key, Hash)));
        Assert.Equal(1, Held.Count);
    }

    [Fact]
    public void A_damaged_element_is_not_stored()
    {
        Assert.Equal(EccStoreStatus.NeedData, PreWrite(V(10), damaged: true).Status);
        Assert.Equal(0, Held.Count);
        Assert.Equal(1, StatusProbe.Of(_node.Report)["corrupt_elements"]);
    }

    [Fact]
    public void A_pre_write_behind_its_own_finalisation_fills_the_gap()
    {
        Fetch(V(10));
        Assert.Equal(1, StatusProbe.Of(_node.Report)["missing_elements"]);
        Assert.Equal(EccStoreStatus.Stored, PreWrite(V(10)).Status);
        Assert.Equal(0, StatusProbe.Of(_node.Report)["missing_elements"]);
        Assert.Equal(V(10), Fetch(default, nodeMask: 1).Element.Version);
    }

    [Fact]
    public void What_is_held_without_being_finalised_is_bounded()
    {
        var hlc = 10UL;
        while (PreWrite(V(hlc++), bytes: 1500).Status == EccStoreStatus.Stored)
        {
            Assert.True(hlc < 100);
        }

        Assert.InRange(Held.TotalBytes, 1_000, 4_000);
        Fetch(V(10));
        Fetch(V(hlc));
        Assert.Equal(EccStoreStatus.Stored, PreWrite(V(hlc + 1), bytes: 1500).Status);
    }

    [Fact]
    public void Acks_and_reads_that_show_a_change_wait_until_it_is_durable()
    {
        PreWrite(V(10));
        Assert.True(_output.Sent![^1].AfterDurable);
        Durable();
        Fetch(default);
        Assert.False(_output.Sent[^1].AfterDurable);
        Fetch(V(10));
        Assert.True(_output.Sent[^1].AfterDurable);
        Fetch(default);
        Assert.True(_output.Sent[^1].AfterDurable);
        PreWrite(V(5));
        Assert.True(_output.Sent[^1].AfterDurable);
        Durable();
        Fetch(default);
        Assert.False(_output.Sent[^1].AfterDurable);
    }

    [Fact]
    public void A_node_that_suspects_itself_for_its_slow_disk_is_cleared_when_the_disk_has_caught_up()
    {
        for (byte peer = 1; peer < 5; peer++)
        {
            _node.LinkUp(Endpoint.Peer(new NodeId(peer)), _output);
        }

        // Nobody answers this node's own puts in time, and the disk keeps its own answer back.
        var buffer = new byte[256];
        for (var put = 1; put <= 5; put++)
        {
            var request = new KvRequest((ulong)put, KvKind.Put, Key, new byte[100], 0, 10_000_000);
            Assert.True(_node.Receive(Client, buffer.AsMemory(0, request.Write(buffer)), _output));
            _node.Tick(Now(put * 600_000), _output);
        }

        Assert.Equal(0, StatusProbe.Of(_node.Report)["live_nodes"]);
        Durable();
        Assert.Equal(1, StatusProbe.Of(_node.Report)["live_nodes"]);
    }

    [Fact]
    public void A_pin_keeps_an_overtaken_version_for_a_second()
    {
        PreWrite(V(10));
        Fetch(V(10));
        Fetch(default, pin: true);
        PreWrite(V(20));
        Fetch(V(20));
        Assert.Equal(V(10), Fetch(V(10), nodeMask: 1).Element.Version);
        _node.Tick(Now(PinTable.PinMicros + 1_000), _output);
        Assert.Equal(V(20), Fetch(V(10), nodeMask: 1).Element.Version);
        Assert.Equal(0, Held.Count);
    }

    [Fact]
    public void An_element_is_sent_when_it_is_among_the_first_of_those_asked()
    {
        PreWrite(V(10, width: 1));
        Fetch(V(10, width: 1));
        var code = new EccCode(5, 3);
        var own = code.ElementIndex(0, Hash);
        var before = 1u << code.NodeOf((own + 4) % 5, Hash);
        var expected = (own + 4) % 5 > own;
        Assert.Equal(expected, Fetch(default, nodeMask: 1 | before).Element.Exists);
        Assert.True(Fetch(default, nodeMask: 1).Element.Exists);
        Assert.False(Fetch(default, nodeMask: before).Element.Exists);
        Assert.False(Fetch(default).Element.Exists);
    }

    [Fact]
    public void A_replayed_log_gives_the_same_state()
    {
        PreWrite(V(10));
        Fetch(V(10));
        PreWrite(V(20));
        PreWrite(V(30, gen: 1), from: V(20));
        PreWrite(V(40));
        var retract = new EccRetract(Key, V(40));
        var buffer = new byte[retract.MaxBytes];
        Assert.True(_node.Receive(Client, buffer.AsMemory(0, retract.Write(buffer)), _output));

        var store = new KvStore();
        var again = new EccNodeCore(Options(), store);
        foreach (var (type, payload) in _output.Records)
        {
            again.Recover(type, payload);
        }

        Assert.Equal(V(10), again.Replica.FinOf(Key));
        Assert.Equal(_store.Bytes, store.Bytes);
        Assert.Equal(1, again.Replica.Held.Count);
        Assert.Equal(V(30, gen: 1), again.Replica.Held.VersionAt(again.Replica.Held.First(Key, Hash)));
    }

    [Fact]
    public void A_tombstone_takes_the_place_of_the_value()
    {
        PreWrite(V(10));
        Fetch(V(10));
        PreWrite(V(20, width: 0));
        var reply = Fetch(V(20, width: 0), nodeMask: 1);
        Assert.Equal((V(20, width: 0), false), (reply.Head.Fin, reply.Element.Exists));
        var status = StatusProbe.Of(_node.Report);
        Assert.Equal((0, 0, 0), (status["store_keys"], status["store_payload_bytes"],
            status["missing_elements"]));
        Assert.Equal("replica", status.TextOf("role"));
    }
}
