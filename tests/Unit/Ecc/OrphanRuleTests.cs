using Testbed.Ecc;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>
/// What a node finalises no more, and whom it asks before it drops a pre-write: one READY node, number 0 of (5,3) at
/// level os, against messages made by hand.
/// </summary>
public sealed class OrphanRuleTests
{
    private const uint Writer = 9;
    private const long AgeMicros = 60_000_000;
    private static readonly byte[] Key = "k"u8.ToArray();
    private static readonly ulong Hash = EccCode.HashOf(Key);
    private static readonly EccVersion Orphan = V(10);
    private readonly NullOutput _output = new() { Sent = [] };
    private EccNodeCore _node = null!;
    private long _now;

    public OrphanRuleTests() => Boot([]);

    private static EccVersion V(ulong hlc, uint client = Writer) => EccVersion.Of(hlc, client, 0, 0, 3);

    private CoreTime Time => new(_now, 1_700_000_000_000_000 + _now);

    private void Boot(IEnumerable<(byte Type, byte[] Payload)> log)
    {
        _node = new EccNodeCore(
            new EccOptions { Self = new NodeId(0), Nodes = 5, DataElements = 3, Seed = 1 }, new KvStore());
        foreach (var (type, payload) in log)
        {
            _node.Recover(type, payload);
        }

        _node.Start(Time, _output);
        for (byte peer = 1; peer < 5; peer++)
        {
            _node.LinkUp(Endpoint.Peer(new NodeId(peer)), _output);
        }

        _output.Sent!.Clear();
    }

    private void Tick(long micros)
    {
        _now += micros;
        _node.Tick(Time, _output);
        _node.StorageDone(new LogSequence(_output.Records.Count), _output);
    }

    private void Receive(byte peer, byte[] message) =>
        Assert.True(_node.Receive(Endpoint.Peer(new NodeId(peer)), message, _output));

    private void PreWrite(EccVersion version)
    {
        var buffer = new byte[4096];
        var blobBytes = EccCode.BlobBytes(version.Width, 30);
        var offset = EccPreWrite.Write(buffer, 5, Key, EccVersion.None, version, 30, blobBytes);
        EccPreWrite.Seal(buffer, offset, Testbed.Erasure.Checksum.Of(buffer.AsSpan(offset, blobBytes)));
        Assert.True(_node.Receive(Endpoint.Client(1), buffer.AsMemory(0, offset + blobBytes), _output));
    }

    private EccVersion FinAfterFinalize(EccVersion version, EccEvidence evidence)
    {
        var buffer = new byte[256];
        var length = EccFetch.Write(buffer, 6, Key, version, 0, false, evidence);
        Assert.True(_node.Receive(Endpoint.Client(1), buffer.AsMemory(0, length), _output));
        Assert.True(EccFetchReply.TryRead(_output.Sent![^1].Message, out var reply));
        return reply.Head.Fin;
    }

    private static EccFence FenceOf(ulong hlc, uint incarnation = 0, byte[]? known = null, byte[]? orphans = null) =>
        new(3, incarnation, Writer, hlc, known ?? new byte[20], orphans);

    private EccFenceReply Fence(byte peer, EccFence fence)
    {
        var buffer = new byte[fence.MaxBytes];
        Receive(peer, buffer[..fence.Write(buffer)]);
        Assert.True(EccFenceReply.TryRead(_output.Sent![^1].Message, out var reply));
        return reply;
    }

    private List<EccFence> Fences()
    {
        var fences = new List<EccFence>();
        foreach (var (to, message, _) in _output.Sent!)
        {
            if (to.Kind == EndpointKind.Peer && message[0] == EccTypes.Fence)
            {
                Assert.True(EccFence.TryRead(message, out var fence));
                fences.Add(fence);
            }
        }

        _output.Sent.Clear();
        return fences;
    }

    private void Answer(byte peer, EccFence fence, byte reached = 0, uint incarnation = 0, byte[]? known = null)
    {
        var head = new EccReplyHead(fence.ExchangeId, incarnation, true, known ?? [], EccVersion.None);
        var reply = new EccFenceReply(head, fence.Orphans.IsEmpty ? default : new[] { reached });
        var buffer = new byte[reply.MaxBytes];
        Receive(peer, buffer[..reply.Write(buffer)]);
    }

    private static byte[] Known(int node, byte incarnation)
    {
        var known = new byte[20];
        known[4 * node] = incarnation;
        return known;
    }

    private EccFence FirstRound()
    {
        PreWrite(Orphan);
        _output.Sent!.Clear();
        Tick(AgeMicros - 1);
        Assert.Empty(Fences());
        Tick(1_000_001);
        var fences = Fences();
        Assert.Equal(4, fences.Count);
        Assert.All(fences, f => Assert.Equal((Writer, 10UL, true), (f.Client, f.Hlc, f.Orphans.IsEmpty)));

        // It has answered itself.
        return fences[0];
    }

    private EccFence SecondRound()
    {
        var fence = FirstRound();
        for (byte peer = 1; peer < 5; peer++)
        {
            Assert.Empty(_output.Sent!);
            Answer(peer, fence);
        }

        var fences = Fences();
        Assert.Equal(4, fences.Count);
        var orphans = fences[0].Orphans;
        Assert.True(EccFinList.TryRead(ref orphans, out var key, out var version) && orphans.IsEmpty);
        Assert.True(key.Span.SequenceEqual(Key) && version == Orphan);
        return fences[0];
    }

    private bool IsHeld => _node.Replica.Held.Find(Key, Hash, Orphan) >= 0;

    [Fact]
    public void An_old_prewrite_goes_everywhere_once_all_nodes_are_fenced_and_none_has_finalised_it()
    {
        var fence = SecondRound();
        for (byte peer = 1; peer < 5; peer++)
        {
            Assert.True(IsHeld);
            Answer(peer, fence);
        }

        Assert.False(IsHeld);
        Assert.Equal(4, _output.Sent!.Count(s => EccRetract.TryRead(s.Message, out var r) && r.Version == Orphan));
        Assert.Equal(1, StatusProbe.Of(_node.Report)["orphans_dropped"]);
    }

    [Fact]
    public void One_node_that_has_finalised_it_keeps_it()
    {
        var fence = SecondRound();
        for (byte peer = 1; peer < 5; peer++)
        {
            Answer(peer, fence, reached: peer == 3 ? (byte)1 : (byte)0);
        }

        Assert.True(IsHeld);
    }

    [Fact]
    public void One_node_that_does_not_answer_keeps_it_and_all_are_asked_again_later()
    {
        var fence = SecondRound();
        for (byte peer = 1; peer < 4; peer++)
        {
            Answer(peer, fence);
        }

        Assert.True(IsHeld);
        Tick(1_000_000);
        Answer(4, fence);
        Assert.True(IsHeld);
        Tick(1_000_000);
        Assert.Equal(4, Fences().Count);
    }

    [Fact]
    public void A_node_that_lost_its_memory_between_the_rounds_keeps_it()
    {
        var fence = SecondRound();
        for (byte peer = 1; peer < 5; peer++)
        {
            Answer(peer, fence, incarnation: peer == 2 ? 1U : 0);
        }

        Assert.True(IsHeld);
    }

    [Fact]
    public void A_node_of_which_another_knows_that_it_lost_its_memory_keeps_it()
    {
        var fence = FirstRound();
        for (byte peer = 1; peer < 5; peer++)
        {
            Answer(peer, fence, known: peer == 4 ? Known(node: 2, incarnation: 1) : null);
        }

        Assert.Empty(Fences());
        Assert.True(IsHeld);
    }

    [Fact]
    public void A_fenced_writer_finalises_nothing_up_to_that_clock_and_others_do()
    {
        var own = new EccEvidence(1, 0, IsWriters: true);
        Assert.True(Fence(2, FenceOf(hlc: 10)).Head.Ready);
        Assert.Equal(EccVersion.None, FinAfterFinalize(V(10), own));
        Assert.Equal(EccVersion.None, FinAfterFinalize(V(9), own));
        Assert.Equal(V(7, client: 8), FinAfterFinalize(V(7, client: 8), own));

        // Who saw it finalised says a fact.
        Assert.Equal(V(10), FinAfterFinalize(V(10), own with { IsWriters = false }));
        Assert.Equal(V(11), FinAfterFinalize(V(11), own));
    }

    [Fact]
    public void A_fence_outlives_a_restart()
    {
        Fence(2, FenceOf(hlc: 10));
        Assert.True(_output.Sent![^1].AfterDurable);
        Boot(_output.Records.ToList());
        Assert.Equal(EccVersion.None, FinAfterFinalize(V(10), new EccEvidence(1, 0, IsWriters: true)));
    }

    [Fact]
    public void A_fence_says_of_each_key_whether_it_got_that_far()
    {
        FinAfterFinalize(V(10), new EccEvidence(1, 0, IsWriters: true));
        var list = new byte[128];
        var bytes = EccFinList.Write(list, Key, V(10));
        bytes += EccFinList.Write(list.AsSpan(bytes), Key, V(11));
        var reply = Fence(2, FenceOf(hlc: 11, orphans: list[..bytes]));
        Assert.Equal([1, 0], reply.Reached.ToArray());
    }

    [Fact]
    public void Nothing_is_finalised_on_the_word_of_a_node_that_lost_its_memory_since()
    {
        // Node 3 has begun anew twice, as peer 2 knows.
        Fence(2, FenceOf(hlc: 1, known: Known(node: 3, incarnation: 2)));
        Assert.Equal(EccVersion.None, FinAfterFinalize(V(10), new EccEvidence(3, 1, IsWriters: false)));
        Assert.Equal(EccVersion.None, FinAfterFinalize(V(10), new EccEvidence(3, 1, IsWriters: true)));
        Assert.Equal(EccVersion.None, FinAfterFinalize(V(10), new EccEvidence(EccEvidence.NoNode, 9, IsWriters: true)));
        Push(3, incarnation: 1);
        Assert.Equal(EccVersion.None, _node.Replica.FinOf(Key));
        Push(3, incarnation: 2);
        Assert.Equal(V(20), _node.Replica.FinOf(Key));
        Assert.Equal(V(30), FinAfterFinalize(V(30), new EccEvidence(3, 2, IsWriters: false)));
        Assert.Equal(3, StatusProbe.Of(_node.Report)["finalises_refused"]);
    }

    private void Push(byte peer, uint incarnation)
    {
        var list = new byte[64];
        var push = new EccDigestPush(incarnation, list.AsMemory(0, EccFinList.Write(list, Key, V(20))));
        var buffer = new byte[push.MaxBytes];
        Receive(peer, buffer[..push.Write(buffer)]);
    }

    [Fact]
    public void There_are_only_so_many_fences_and_a_writer_beyond_them_keeps_its_orphans()
    {
        var table = new FenceTable();
        for (var client = 0U; client < EccFences.Most; client++)
        {
            Assert.True(table.Raise(client, 5));
        }

        Assert.False(table.Raise(EccFences.Most, 5));
        Assert.False(table.Holds(EccFences.Most, 5));
        Assert.True(table.Raise(0, 6) && table.Holds(0, 6) && !table.Holds(1, 6));
        Assert.Equal(EccFences.MaxBytes, table.Wire.Length);
    }
}
