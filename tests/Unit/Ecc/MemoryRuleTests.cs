using System.Buffers.Binary;
using Testbed.Ecc;
using Testbed.Erasure;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>
/// The rules of a node that restarts empty: one node against messages made by hand; (5,3), so q = 3 and f = 2.
/// </summary>
public sealed class MemoryRuleTests
{
    private const ulong Nonce = 77;
    private static readonly byte[] Key = "k"u8.ToArray();
    private static readonly ulong Hash = EccCode.HashOf(Key);
    private static readonly EccCode Code = new(5, 3);
    private readonly NullOutput _output = new() { Sent = [] };
    private readonly uint[] _known = new uint[5];
    private readonly ulong[] _nonces = new ulong[5];
    private EccNodeCore _node = null!;
    private long _now;

    private static EccOptions Options(bool rejoins = false, bool isVolatile = true) => new()
    {
        Self = new NodeId(0),
        Nodes = 5,
        DataElements = 3,
        Seed = 1,
        Volatile = isVolatile,
        Nonce = Nonce,
        Rejoins = rejoins,
    };

    private void Boot(EccOptions options, IEnumerable<(byte Type, byte[] Payload)>? log = null)
    {
        _node = new EccNodeCore(options, new KvStore());
        foreach (var (type, payload) in log ?? [])
        {
            _node.Recover(type, payload);
        }

        _node.Start(Time(), _output);
        for (byte peer = 1; peer < 5; peer++)
        {
            _node.LinkUp(Endpoint.Peer(new NodeId(peer)), _output);
        }
    }

    private CoreTime Time() => new(_now, 1_700_000_000_000_000 + _now);

    private void Tick(long micros)
    {
        _now += micros;
        _node.Tick(Time(), _output);
    }

    private static EccVersion V(ulong hlc, int width = 3, int gen = 0) => EccVersion.Of(hlc, 9, gen, 0, width);

    private EccRegister Asked()
    {
        var last = _output.Sent!.Last(s => s.Message[0] == EccTypes.Register);
        Assert.True(EccRegister.TryRead(last.Message, out var register));
        return register;
    }

    private void Answer(byte peer, EccStanding standing = EccStanding.Ready, bool fresh = false, bool accepts = true,
        bool founded = false)
    {
        var asked = Asked();
        if (accepts)
        {
            (_known[0], _nonces[0]) = (asked.Incarnation, asked.Nonce);
        }

        var reply = new EccRegisterReply(asked, new EccRegister(_known[peer], _nonces[peer]), standing, fresh,
            Bytes(_known), Bytes(_nonces), founded ? Bytes([Nonce, 1, 2, 3, 4]) : default, default);
        var buffer = new byte[reply.MaxBytes];
        Receive(peer, buffer[..reply.Write(buffer)]);
    }

    private void Receive(byte peer, byte[] message) =>
        Assert.True(_node.Receive(Endpoint.Peer(new NodeId(peer)), message, _output));

    private static byte[] Bytes(uint[] values)
    {
        var bytes = new byte[4 * values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 * i), values[i]);
        }

        return bytes;
    }

    private static byte[] Bytes(ulong[] values)
    {
        var bytes = new byte[8 * values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8 * i), values[i]);
        }

        return bytes;
    }

    /// <summary>A pre-write of a client; what comes back, if anything does.</summary>
    private byte[]? PreWrite(EccVersion version)
    {
        _output.Sent!.Clear();
        var buffer = new byte[4096];
        var blobBytes = EccCode.BlobBytes(version.Width, 30);
        var offset = EccPreWrite.Write(buffer, 5, Key, EccVersion.None, version, 30, blobBytes);
        EccPreWrite.Seal(buffer, offset, Checksum.Of(buffer.AsSpan(offset, blobBytes)));
        Assert.True(_node.Receive(Endpoint.Client(1), buffer.AsMemory(0, offset + blobBytes), _output));
        var sent = _output.Sent.Where(s => s.To == Endpoint.Client(1)).ToList();
        return sent.Count == 0 ? null : Assert.Single(sent).Message;
    }

    private EccPreWriteAck Ack(EccVersion version)
    {
        Assert.True(EccPreWriteAck.TryRead(PreWrite(version)!, out var ack));
        return ack;
    }

    private void Register(byte first = 1)
    {
        for (var peer = first; peer < first + 3; peer++)
        {
            Answer(peer);
        }

        Assert.Equal(EccStanding.Recovering, _node.Readiness.Standing);
    }

    private (EccSlotScan Scan, List<byte> Peers) Scanned()
    {
        var scans = _output.Sent!.Where(s => s.Message[0] == EccTypes.SlotScan).ToList();
        Assert.True(EccSlotScan.TryRead(scans[^1].Message, out var scan));
        var peers = scans.Where(s => EccSlotScan.TryRead(s.Message, out var each) && each == scan)
            .Select(s => (byte)s.To.Id).ToList();
        return (scan, peers);
    }

    private void Show(byte peer, EccSlotScan scan, bool ready = true, uint? incarnation = null, uint? next = null,
        params (EccVersion Version, bool IsFin, bool Holds)[] entries)
    {
        var list = new byte[1024];
        var bytes = 0;
        foreach (var (version, isFin, holds) in entries)
        {
            bytes += EccSlotEntry.Write(list.AsSpan(bytes), Key, version, 30, isFin, holds);
        }

        var head = new EccReplyHead(
            scan.ExchangeId, incarnation ?? _known[peer], ready, Bytes(_known), EccVersion.None);
        var reply = new EccSlotScanReply(head, next ?? scan.End, list.AsMemory(0, bytes));
        var buffer = new byte[reply.MaxBytes];
        Receive(peer, buffer[..reply.Write(buffer)]);
    }

    /// <summary>Answers every pull under way with true elements of one value.</summary>
    private void GiveElements(EccVersion fin = default)
    {
        var value = FailureTableTests.MakeValue(30);
        foreach (var (to, message, _) in _output.Sent!.ToList())
        {
            if (message[0] != EccTypes.Pull || !EccPull.TryRead(message, out var pull))
            {
                continue;
            }

            var entries = new byte[2048];
            var bytes = 0;
            var rest = pull.Wanted;
            while (EccFinList.TryRead(ref rest, out _, out var version))
            {
                var blob = new byte[EccCode.BlobBytes(version.Width, 30)];
                Code.Encode(value, Checksum.Of(value), version.Width, Code.ElementIndex(to.Id, Hash), blob);
                var element = fin > version ? default : new EccElement(version, 30, Checksum.Of(blob), blob);
                bytes += EccPullEntry.Write(entries.AsSpan(bytes), fin, element, element.Blob.Span);
            }

            var head = new EccReplyHead(pull.ExchangeId, _known[to.Id], true, Bytes(_known), EccVersion.None);
            var buffer = new byte[4096];
            Receive((byte)to.Id, buffer[..EccPullReply.Write(buffer, head, entries.AsSpan(0, bytes))]);
        }
    }

    [Fact]
    public void E6_a_starting_node_acknowledges_nothing()
    {
        Boot(Options());
        Assert.Null(PreWrite(V(10)));
        var buffer = new byte[256];
        foreach (var version in new[] { EccVersion.None, V(10) })
        {
            Assert.True(_node.Receive(Endpoint.Client(1),
                buffer.AsMemory(0, EccFetch.Write(buffer, 6, Key, version, 1, false)), _output));
        }

        Assert.Empty(_output.Sent!);
        Assert.Equal(0, _node.Replica.Held.Count);
        Assert.True(_node.Replica.FinOf(Key).IsNone);
        Assert.Equal("starting", StatusProbe.Of(_node.Report).TextOf("standing"));
    }

    [Fact]
    public void A_node_takes_an_incarnation_above_every_one_that_is_remembered_under_another_nonce()
    {
        Boot(Options());
        Assert.Equal(new EccRegister(0, Nonce), Asked());
        (_known[0], _nonces[0]) = (3, 5);
        Answer(1, accepts: false);
        Assert.Equal(4U, Asked().Incarnation);

        // What was answered to the earlier attempt no longer counts, this attempt's answers do.
        Answer(2);
        Answer(3);
        Assert.Equal(EccStanding.Starting, _node.Readiness.Standing);
        Answer(1);
        Assert.Equal((EccStanding.Recovering, 4U), (_node.Readiness.Standing, _node.Readiness.Incarnation));
    }

    [Fact]
    public void Only_q_ready_consistent_answers_register()
    {
        Boot(Options(rejoins: true));
        Assert.Equal(1U, Asked().Incarnation);
        Answer(1);
        Answer(2, EccStanding.Recovering);
        Answer(3);
        Assert.Equal(EccStanding.Starting, _node.Readiness.Standing);

        // Node 4 knows that node 1 has restarted since.
        _known[1] = 1;
        Answer(4);
        Assert.Equal(EccStanding.Starting, _node.Readiness.Standing);
        Answer(1);
        Assert.Equal(EccStanding.Recovering, _node.Readiness.Standing);
        Assert.Equal(1U, Ack(V(10)).Head.KnownOf(1));
    }

    [Fact]
    public void A_cluster_is_founded_only_by_nodes_that_are_all_fresh()
    {
        Boot(Options());
        for (byte peer = 1; peer < 4; peer++)
        {
            Answer(peer, EccStanding.Starting, fresh: true);
        }

        Answer(4, EccStanding.Starting, fresh: false);
        Assert.Equal(EccStanding.Starting, _node.Readiness.Standing);
        Answer(4, EccStanding.Starting, fresh: true);
        Assert.True(_node.Readiness.IsReady);
        var ack = Ack(V(10));
        Assert.Equal((EccStoreStatus.Stored, true, 0U, 0), (ack.Status, ack.Head.Ready, ack.Head.Incarnation,
            ack.Head.KnownCount));
    }

    [Fact]
    public void A_founder_lets_in_a_process_that_was_fresh_with_it()
    {
        Boot(Options());
        Answer(1, EccStanding.Starting, fresh: true);
        Answer(2, EccStanding.Starting, fresh: true);
        Answer(3, founded: true);
        Assert.True(_node.Readiness.IsReady);
    }

    [Fact]
    public void Founders_are_the_processes_that_said_so_themselves()
    {
        Boot(Options());
        var buffer = new byte[1024];
        for (byte peer = 1; peer < 5; peer++)
        {
            // What is known of it is a process before; the one that answers has not registered here yet.
            Receive(peer, buffer[..new EccRegister(0, 50).Write(buffer)]);
        }

        var asked = Asked();
        var known = new byte[20];
        var nonces = Bytes([asked.Nonce, 0, 0, 0, 0]);
        for (byte peer = 1; peer < 5; peer++)
        {
            var reply = new EccRegisterReply(
                asked, new EccRegister(1, 100UL + peer), EccStanding.Starting, true, known, nonces, default, default);
            Receive(peer, buffer[..reply.Write(buffer)]);
        }

        Assert.True(_node.Readiness.IsReady);
        Receive(2, buffer[..new EccRegister(1, 102).Write(buffer)]);
        Assert.True(EccRegisterReply.TryRead(_output.Sent![^1].Message, out var told));
        Assert.Equal([asked.Nonce, 101UL, 102, 103, 104], Enumerable.Range(0, 5).Select(told.FounderOf));
        Assert.Equal((1U, 103UL), (told.KnownOf(3), told.NonceOf(3)));
    }

    [Fact]
    public void What_a_rebuild_still_hears_after_a_reset_does_no_harm()
    {
        Boot(Options(rejoins: true));
        Register();
        var (scan, peers) = Scanned();
        Assert.Equal(KvStatus.Ok, Reset(1));
        foreach (var peer in peers)
        {
            Show(peer, scan);
        }

        Assert.Equal((EccStanding.Starting, 0), (_node.Readiness.Standing, _node.Replica.Store.Count));
    }

    [Fact]
    public void A_node_that_one_peer_takes_for_outdated_registers_again_when_it_is_the_latest_to_the_others()
    {
        Boot(Options(rejoins: true));
        Register();
        var (scan, peers) = Scanned();
        foreach (var peer in peers)
        {
            Show(peer, scan);
        }

        Assert.True(_node.Readiness.IsReady);
        PreWrite(V(10));
        Finalize(V(10));

        // Peer 4 remembers incarnation 2, of a process that was killed before q nodes did.
        HearsOfLater(2);
        _output.Sent!.Clear();
        Tick(200_000);
        var asked = Asked();
        Assert.Equal(1U, asked.Incarnation);
        AnswerAs(4, asked, 2, 66);
        AnswerAs(1, asked, 1, asked.Nonce);
        AnswerAs(2, asked, 1, asked.Nonce);
        Assert.True(_node.Readiness.IsReady);
        AnswerAs(3, asked, 2, 0);
        Assert.Equal(EccStanding.Starting, _node.Readiness.Standing);
        Tick(200_000);
        Assert.Equal(3U, Asked().Incarnation);
        Assert.Equal(V(10), _node.Replica.FinOf(Key));
    }

    [Fact]
    public void A_node_that_enough_others_take_for_outdated_was_replaced_and_stays_as_it_is()
    {
        Boot(Options(rejoins: true));
        Register();
        HearsOfLater(2);
        _output.Sent!.Clear();
        Tick(200_000);
        var asked = Asked();
        for (byte peer = 1; peer < 4; peer++)
        {
            AnswerAs(peer, asked, 2, 66);
        }

        AnswerAs(4, asked, 1, asked.Nonce);
        Assert.Equal((EccStanding.Recovering, 1U), (_node.Readiness.Standing, _node.Readiness.Incarnation));
    }

    private void HearsOfLater(uint incarnation)
    {
        var fence = new EccFence(1, 0, 9, 10, Bytes([incarnation, 0, 0, 0, 0]), default);
        var buffer = new byte[fence.MaxBytes];
        Receive(4, buffer[..fence.Write(buffer)]);
    }

    private void AnswerAs(byte peer, EccRegister asked, uint known, ulong nonce)
    {
        var reply = new EccRegisterReply(asked, new EccRegister(0, 100UL + peer), EccStanding.Ready, false,
            Bytes([known, 0, 0, 0, 0]), Bytes([nonce, 0, 0, 0, 0]), default, default);
        var buffer = new byte[reply.MaxBytes];
        Receive(peer, buffer[..reply.Write(buffer)]);
    }

    private void Finalize(EccVersion version)
    {
        var buffer = new byte[256];
        var length = EccFetch.Write(buffer, 6, Key, version, 0, false, new EccEvidence(1, _known[1], false));
        Assert.True(_node.Receive(Endpoint.Client(1), buffer.AsMemory(0, length), _output));
    }

    [Fact]
    public void A_node_that_has_voted_before_never_founds_and_says_lost()
    {
        Boot(Options(rejoins: true));
        for (var round = 0; round < 15; round++)
        {
            for (byte peer = 1; peer < 5; peer++)
            {
                Answer(peer, EccStanding.Starting, fresh: true);
            }

            Tick(100_000);
        }

        Assert.Equal(EccStanding.Starting, _node.Readiness.Standing);
        Assert.True(_node.IsLost);
        Assert.True(EccRefusal.TryRead(PreWrite(V(10))!, out var refusal) && refusal.OperationId == 5);
        var status = StatusProbe.Of(_node.Report);
        Assert.Equal(("lost", 1, 0), (status.TextOf("standing"), status["lost"], status["ready"]));
    }

    [Fact]
    public void A_lost_node_goes_on_when_enough_nodes_that_remember_are_back()
    {
        A_node_that_has_voted_before_never_founds_and_says_lost();
        Tick(100_000);
        Register();
        Assert.False(_node.IsLost);
        Assert.Equal("recovering", StatusProbe.Of(_node.Report).TextOf("standing"));
    }

    [Fact]
    public void A_reset_needs_the_incarnation_and_makes_the_node_a_fresh_one()
    {
        A_node_that_has_voted_before_never_founds_and_says_lost();
        Assert.Equal(KvStatus.Rejected, Reset(9));
        Assert.True(_node.IsLost);
        Assert.Equal(KvStatus.Ok, Reset(1));
        Assert.False(_node.IsLost);
        Tick(200_000);

        // Far above, for where all nodes have lost their memory nobody knows which incarnations there were.
        Assert.True(Asked().Incarnation > 1);
        Assert.NotEqual(Nonce, Asked().Nonce);
        for (byte peer = 1; peer < 5; peer++)
        {
            Answer(peer, EccStanding.Starting, fresh: true);
        }

        Assert.True(_node.Readiness.IsReady);
    }

    private KvStatus Reset(uint incarnation)
    {
        var buffer = new byte[EccReset.Bytes];
        var length = new EccReset(5, incarnation).Write(buffer);
        Assert.True(_node.Receive(Endpoint.Client(1), buffer.AsMemory(0, length), _output));
        var sent = _output.Sent!.Last(s => s.To == Endpoint.Client(1));
        Assert.True(KvReply.TryRead(sent.Message, out var reply) && reply.CorrelationId == 5);
        return reply.Status;
    }

    [Fact]
    public void A_reset_is_confirmed_once_it_is_durable_and_what_was_held_is_gone()
    {
        Boot(Options(isVolatile: false));
        PreWrite(V(10));
        Assert.Equal(KvStatus.Ok, Reset(0));
        Assert.True(_output.Sent!.Last(s => s.To == Endpoint.Client(1)).AfterDurable);
        Assert.False(_node.Replica.HasElement(Key, Hash, V(10)));
        Boot(Options(isVolatile: false), _output.Records.ToList());
        Assert.Equal(EccStanding.Starting, _node.Readiness.Standing);
        Assert.False(_node.Replica.HasElement(Key, Hash, V(10)));
    }

    [Fact]
    public void What_is_left_of_a_rebuild_follows_from_the_slots_of_this_life()
    {
        Boot(Options(rejoins: true, isVolatile: false));
        Register();
        var (scan, peers) = Scanned();
        foreach (var peer in peers)
        {
            Show(peer, scan, next: 192 * EccSlotScan.GroupsPerSlot);
        }

        Boot(Options(rejoins: true, isVolatile: false), _output.Records.ToList());
        Tick(1_000_000);
        var status = StatusProbe.Of(_node.Report);
        Assert.Equal((1, 192, 0), (status["came_back_empty"], status["slots_ready"], status["rebuild_left_ms"]));
        (scan, peers) = Scanned();
        foreach (var peer in peers)
        {
            Show(peer, scan, next: 224 * EccSlotScan.GroupsPerSlot);
        }

        status = StatusProbe.Of(_node.Report);
        Assert.Equal((224, 1_000, 1_000), (status["slots_ready"], status["rebuild_ms"], status["rebuild_left_ms"]));
        (scan, peers) = Scanned();
        foreach (var peer in peers)
        {
            Show(peer, scan);
        }

        Tick(1_000_000);
        status = StatusProbe.Of(_node.Report);
        Assert.Equal((256, 1_000, 0), (status["slots_ready"], status["rebuild_ms"], status["rebuild_left_ms"]));
    }

    [Fact]
    public void A_recovering_node_stores_and_finalises_but_does_not_vote()
    {
        Boot(Options(rejoins: true));
        Register();
        var ack = Ack(V(10));
        Assert.Equal((EccStoreStatus.Stored, false, 1U), (ack.Status, ack.Head.Ready, ack.Head.Incarnation));
        var buffer = new byte[256];
        Assert.True(_node.Receive(Endpoint.Client(1),
            buffer.AsMemory(0, EccFetch.Write(buffer, 6, Key, V(10), 0, false, new EccEvidence(3, 0, true))), _output));
        Assert.True(EccFetchReply.TryRead(_output.Sent![^1].Message, out var reply));
        Assert.Equal((V(10), false), (reply.Head.Fin, reply.Head.Ready));
    }

    [Fact]
    public void A_slot_votes_once_q_ready_nodes_have_shown_it()
    {
        Boot(Options(rejoins: true));
        Register();
        var (scan, peers) = Scanned();
        Assert.Equal(3, peers.Count);
        Show(peers[0], scan);
        Show(peers[1], scan, ready: false);
        Assert.Equal(4, Scanned().Peers.Count);
        Show(peers[2], scan, incarnation: 0);
        Assert.False(Ack(V(10)).Head.Ready);
        _output.Sent!.Clear();
        Show(4, scan);
        Assert.True(Ack(V(20)).Head.Ready);
        Assert.True(_node.HasPart);
        Assert.Equal(256, StatusProbe.Of(_node.Report)["slots_ready"]);
    }

    [Fact]
    public void A_scan_that_reaches_into_a_slot_does_not_make_it_vote()
    {
        Boot(Options(rejoins: true));
        Register();
        var (scan, peers) = Scanned();
        var group = EccSlotScan.GroupOf(Hash);
        Show(peers[0], scan);
        Show(peers[1], scan);
        Show(peers[2], scan, next: group);
        Assert.InRange(_node.Readiness.ReadySlots, 0, EccSlotScan.SlotOf(Hash));
        Assert.False(_node.Readiness.Votes(Hash));
    }

    [Fact]
    public void A_request_moves_its_slot_to_the_front()
    {
        Boot(Options(rejoins: true) with { RebuildBytesPerSecond = 1_000 });
        Register();
        var (scan, peers) = Scanned();
        PreWrite(V(10));
        foreach (var peer in peers)
        {
            Show(peer, scan, next: EccSlotScan.GroupsPerSlot);
        }

        Assert.Equal(1, _node.Readiness.ReadySlots);
        Tick(1_000_000);
        var slot = (uint)EccSlotScan.SlotOf(Hash) * EccSlotScan.GroupsPerSlot;
        Assert.Equal((slot, slot + EccSlotScan.GroupsPerSlot), (Scanned().Scan.First, Scanned().Scan.End));
    }

    [Fact]
    public void A_slot_that_is_asked_for_waits_for_the_rest_of_the_present_one_and_no_longer()
    {
        Boot(Options(rejoins: true) with { RebuildBytesPerSecond = 1_000 });
        Register();
        var (scan, peers) = Scanned();
        PreWrite(V(10));
        foreach (var peer in peers)
        {
            Show(peer, scan, next: EccSlotScan.GroupsPerSlot / 2);
        }

        Tick(1_000_000);
        var rest = Scanned().Scan;
        Assert.Equal((EccSlotScan.GroupsPerSlot / 2, EccSlotScan.GroupsPerSlot), (rest.First, rest.End));
    }

    [Fact]
    public void Every_version_from_fin_on_with_enough_holders_is_rebuilt_before_the_slot_votes()
    {
        Boot(Options(rejoins: true));
        Register();
        var (scan, peers) = Scanned();
        (EccVersion, bool, bool)[] all = [(V(10), true, true), (V(20), false, true), (V(5), false, true)];
        _output.Sent!.Clear();
        Show(peers[0], scan, entries: [.. all, (V(30), false, true)]);
        Show(peers[1], scan, entries: all);
        Show(peers[2], scan, entries: all);
        Assert.False(_node.Readiness.Votes(Hash));
        GiveElements();
        Assert.True(_node.Readiness.Votes(Hash));
        Assert.Equal(V(10), _node.Replica.FinOf(Key));
        Assert.Equal(0, _node.Replica.MissingElements);
        Assert.True(_node.Replica.HasElement(Key, Hash, V(10)));
        Assert.True(_node.Replica.HasElement(Key, Hash, V(20)));
        Assert.Equal(1, _node.Replica.Held.Count);
        var value = FailureTableTests.MakeValue(30);
        var blob = new byte[EccCode.BlobBytes(3, 30)];
        Code.Encode(value, Checksum.Of(value), 3, Code.ElementIndex(0, Hash), blob);
        Assert.True(_node.Replica.TryGetElement(Key, Hash, V(20), out _, out var own));
        Assert.Equal(blob, own.ToArray());
        var status = StatusProbe.Of(_node.Report);
        Assert.Equal((2, 2 * blob.Length), (status["rebuild_keys"], status["rebuilt_bytes"]));
        Assert.True(status["rebuild_read_bytes"] > status["rebuilt_bytes"]);
    }

    [Fact]
    public void A_version_that_is_superseded_while_it_is_rebuilt_is_no_longer_needed()
    {
        Boot(Options(rejoins: true));
        Register();
        var (scan, peers) = Scanned();
        _output.Sent!.Clear();
        foreach (var peer in peers)
        {
            Show(peer, scan, entries: [(V(10), true, true)]);
        }

        GiveElements(fin: V(40));
        Assert.True(_node.Readiness.Votes(Hash));
        Assert.Equal(V(40), _node.Replica.FinOf(Key));
    }

    [Fact]
    public void A_tombstone_is_recovered_like_a_value()
    {
        Boot(Options(rejoins: true));
        Register();
        var (scan, peers) = Scanned();
        Show(peers[0], scan, entries: [(V(10), true, true)]);
        Show(peers[1], scan, entries: [(V(20, width: 0), true, true)]);
        Show(peers[2], scan, entries: [(V(30, width: 0), false, true)]);
        Assert.Equal(V(20, width: 0), _node.Replica.FinOf(Key));
        var status = StatusProbe.Of(_node.Report);
        Assert.Equal((0, 1), (status["store_keys"], status["tombstone_keys"]));
        Assert.True(_node.Replica.HasElement(Key, Hash, V(30, width: 0)));
        Assert.Equal(0, _node.Replica.MissingElements);
    }

    [Fact]
    public void A_source_remembers_the_incarnation_before_it_answers_and_ignores_earlier_ones()
    {
        Boot(Options(isVolatile: false));
        PreWrite(V(10));
        Assert.Equal(0, Ack(V(20)).Head.KnownCount);
        var buffer = new byte[EccSlotScan.Bytes];
        void Scan(uint incarnation)
        {
            _output.Sent!.Clear();
            Receive(2, buffer[..new EccSlotScan(1, incarnation, 0, 1 << 24, 10).Write(buffer)]);
        }

        Scan(2);
        var sent = Assert.Single(_output.Sent!);
        Assert.True(sent.AfterDurable);
        Assert.True(EccSlotScanReply.TryRead(sent.Message, out var reply));
        Assert.Equal((true, 2U, 1U << 24), (reply.Head.Ready, reply.Head.KnownOf(2), reply.Next));
        Assert.Equal(2U, Ack(V(30)).Head.KnownOf(2));
        Assert.Contains(_output.Records, r => r.Type == ReplicaRecords.Known);
        Scan(1);
        Assert.Empty(_output.Sent!);

        // E7: it is still known after a restart.
        var log = _output.Records.ToList();
        Boot(Options(isVolatile: false), log);
        Assert.Equal(2U, Ack(V(40)).Head.KnownOf(2));
    }

    [Fact]
    public void A_recovering_node_is_no_source()
    {
        Boot(Options(rejoins: true));
        Register();
        var buffer = new byte[EccSlotScan.Bytes];
        _output.Sent!.Clear();
        Receive(2, buffer[..new EccSlotScan(1, 0, 0, 1 << 24, 10).Write(buffer)]);
        Assert.True(EccSlotScanReply.TryRead(Assert.Single(_output.Sent!).Message, out var reply));
        Assert.False(reply.Head.Ready);
    }

    [Fact]
    public void A_replaced_disk_registers_and_keeps_incarnation_and_slots_over_restarts()
    {
        Boot(Options(rejoins: true, isVolatile: false));
        Assert.Null(PreWrite(V(10)));
        Boot(Options(rejoins: true, isVolatile: false), _output.Records.ToList());
        Assert.Equal(EccStanding.Starting, _node.Readiness.Standing);
        Tick(200_000);
        Register();
        var (scan, peers) = Scanned();
        foreach (var peer in peers)
        {
            Show(peer, scan, next: 10 * EccSlotScan.GroupsPerSlot);
        }

        Boot(Options(rejoins: true, isVolatile: false), _output.Records.ToList());
        Assert.Equal((EccStanding.Recovering, 1U, 10),
            (_node.Readiness.Standing, _node.Readiness.Incarnation, _node.Readiness.ReadySlots));
        Assert.Equal(10 * EccSlotScan.GroupsPerSlot, Scanned().Scan.First);
    }

    [Fact]
    public void A_log_whose_first_records_are_gone_tells_the_same_wherever_it_begins()
    {
        Boot(Options(rejoins: true, isVolatile: false));
        Register();
        var (scan, peers) = Scanned();
        foreach (var peer in peers)
        {
            Show(peer, scan, next: 10 * EccSlotScan.GroupsPerSlot);
        }

        // The log is written anew, the registration first: what lies before it may go, in part or whole.
        var before = _output.Records.Count;
        Boot(Options(rejoins: true, isVolatile: false) with { CheckpointBytes = 0 }, _output.Records.ToList());
        Tick(1_000);
        var log = _output.Records.ToList();
        var anew = log.FindIndex(before, r => r.Type == ReplicaRecords.Identity);
        Assert.True(anew > before, "a registration after this life began");
        for (var gone = 0; gone <= anew; gone++)
        {
            Boot(Options(rejoins: true, isVolatile: false), log.Skip(gone));
            Assert.Equal((EccStanding.Recovering, 1U, 10),
                (_node.Readiness.Standing, _node.Readiness.Incarnation, _node.Readiness.ReadySlots));
        }
    }
}
