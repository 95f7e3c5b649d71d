using Testbed.Ecc;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>The client against answers made by hand, at (5,3): f = 2, q = 3.</summary>
public sealed class ClientRuleTests
{
    private static readonly byte[] Key = "k"u8.ToArray();
    private static readonly byte[] Value = FailureTableTests.MakeValue(300);
    private readonly NullOutput _output = new() { Sent = [] };
    private readonly EccClientCore _client = new(
        new EccClientOptions { Nodes = 5, DataElements = 3, Seed = 3, MaxInFlight = 8 });

    public ClientRuleTests()
    {
        _client.Tick(new CoreTime(1_000, 1_000_000), _output);
        for (byte i = 0; i < 5; i++)
        {
            _client.LinkUp(new NodeId(i), _output);
        }
    }

    private void Submit(KvKind kind, long deadlineMicros = 1_000_000) =>
        _client.Submit(0, new ClientOperation(kind, Key, kind == KvKind.Put
            ? Value : [], 0, deadlineMicros), _output);

    private List<EccPreWrite> TakePreWrites()
    {
        var list = new List<EccPreWrite>();
        foreach (var (_, message, _) in _output.Sent!)
        {
            Assert.True(EccPreWrite.TryRead(message, out var preWrite));
            list.Add(preWrite);
        }

        _output.Sent.Clear();
        return list;
    }

    private void Ack(byte node, in EccPreWrite preWrite, EccVersion fin = default, uint incarnation = 0,
        bool ready = true, byte[]? known = null, EccStoreStatus status = EccStoreStatus.Stored)
    {
        var head = new EccReplyHead(preWrite.OperationId, incarnation, ready, known ?? [], fin);
        Receive(node, new EccPreWriteAck(head, preWrite.Element.Version, status).Write);
    }

    private delegate int Writer(Span<byte> destination);

    private void Receive(byte node, Writer write)
    {
        var buffer = new byte[1024];
        var length = write(buffer);
        Assert.True(_client.Receive(new NodeId(node), buffer.AsMemory(0, length), _output));
    }

    private void FetchAck(byte node, ulong operationId, EccVersion fin) => Receive(
        node, span => EccFetchReply.Write(span, new EccReplyHead(operationId, 0, true, default, fin),
            default, 0, 0, default));

    private bool Finalizing =>
        _output.Sent!.Count > 0 && _output.Sent.TrueForAll(sent => sent.Message[0] == EccTypes.Finalize);

    [Fact]
    public void A_version_of_width_three_needs_all_five_acks_and_three_finalise_acks()
    {
        Submit(KvKind.Put);
        var preWrites = TakePreWrites();
        Assert.Equal(5, preWrites.Count);
        Assert.All(preWrites, p => Assert.Equal(3, p.Element.Version.Width));
        for (byte i = 0; i < 4; i++)
        {
            Ack(i, preWrites[0]);
        }

        Assert.Empty(_output.Sent!);
        Ack(4, preWrites[0]);
        Assert.True(Finalizing);
        FetchAck(0, preWrites[0].OperationId, preWrites[0].Element.Version);
        FetchAck(1, preWrites[0].OperationId, EccVersion.None);
        FetchAck(2, preWrites[0].OperationId, preWrites[0].Element.Version);
        Assert.Empty(_output.Results);
        FetchAck(3, preWrites[0].OperationId, preWrites[0].Element.Version);
        var (_, result) = Assert.Single(_output.Results);
        Assert.Equal((KvOutcome.Ok, 2), (result.Outcome, result.Rounds));
    }

    private EccEvidence EvidenceSent() => _output.Sent!.Select(s =>
    {
        Assert.True(EccFetch.TryRead(s.Message, out var fetch) && !fetch.Version.IsNone);
        return fetch.Evidence;
    }).Distinct().Single();

    private static byte[] KnowsOf(int node, byte incarnation)
    {
        var known = new byte[20];
        known[4 * node] = incarnation;
        return known;
    }

    [Fact]
    public void A_put_rests_on_a_node_that_stands_by_its_acknowledgement_and_says_so_again_when_that_one_is_gone()
    {
        Submit(KvKind.Put);
        var preWrite = TakePreWrites()[0];
        for (byte i = 0; i < 5; i++)
        {
            Ack(i, preWrite);
        }

        Assert.Equal(new EccEvidence(0, 0, IsWriters: true), EvidenceSent());
        Assert.Equal(5, _output.Sent!.Count);
        _output.Sent.Clear();

        // Node 0 has begun anew, as node 3 knows, which therefore did not finalise.
        Receive(3, span => EccFetchReply.Write(
            span, new EccReplyHead(preWrite.OperationId, 0, true, KnowsOf(0, 1), EccVersion.None), default, 0, 0, default));
        Assert.Equal(new EccEvidence(1, 0, IsWriters: true), EvidenceSent());
        Assert.Equal(5, _output.Sent.Count);
    }

    [Fact]
    public void A_put_that_the_nodes_gave_up_ends_unknown_at_once()
    {
        Submit(KvKind.Put);
        var preWrite = TakePreWrites()[0];
        for (byte i = 0; i < 5; i++)
        {
            Ack(i, preWrite);
        }

        FetchAck(1, preWrite.OperationId, EccVersion.None);
        FetchAck(2, preWrite.OperationId, EccVersion.None);
        Assert.Empty(_output.Results);
        FetchAck(3, preWrite.OperationId, EccVersion.None);
        var (_, result) = Assert.Single(_output.Results);
        Assert.Equal((KvOutcome.Unknown, "the write took so long that the nodes gave it up"), (result.Outcome, result.Reason));
    }

    [Fact]
    public void A_get_begins_again_when_what_it_saw_is_known_no_more()
    {
        Submit(KvKind.Get);
        Assert.True(EccFetch.TryRead(_output.Sent![0].Message, out var read));
        var nodes = _output.Sent.Select(s => (byte)s.To.Id).ToList();
        var seen = EccVersion.Of(1_000, 7, 0, 0, 3);
        FetchAck(nodes[0], read.OperationId, seen);
        FetchAck(nodes[1], read.OperationId, EccVersion.None);
        _output.Sent.Clear();
        FetchAck(nodes[2], read.OperationId, EccVersion.None);
        Assert.Equal(new EccEvidence(nodes[0], 0, IsWriters: false), EvidenceSent());
        _output.Sent.Clear();
        Receive(nodes[1], span => EccFetchReply.Write(span,
            new EccReplyHead(read.OperationId, 0, true, KnowsOf(nodes[0], 1), EccVersion.None), default, 0, 0, default));
        Assert.All(_output.Sent, s => Assert.Equal(EccTypes.Read, s.Message[0]));
        Receive(nodes[0], span => EccFetchReply.Write(span,
            new EccReplyHead(read.OperationId, 1, true, KnowsOf(nodes[0], 1), EccVersion.None), default, 0, 0, default));
        var (_, result) = Assert.Single(_output.Results);
        Assert.Equal(KvOutcome.NotFound, result.Outcome);
    }

    [Fact]
    public void The_same_node_acking_twice_counts_once()
    {
        Submit(KvKind.Put);
        var preWrites = TakePreWrites();
        for (var i = 0; i < 10; i++)
        {
            Ack((byte)(i % 4), preWrites[0]);
        }

        Assert.Empty(_output.Sent!);
    }

    [Fact]
    public void A_higher_vote_makes_the_writer_take_a_new_tag_and_send_no_element_again()
    {
        Submit(KvKind.Put);
        var preWrites = TakePreWrites();
        var seen = EccVersion.Of(5_000_000, 1, 0, 0, 3);
        Ack(0, preWrites[0], seen);
        Ack(1, preWrites[0]);
        Assert.Empty(_output.Sent!);
        Ack(2, preWrites[0]);
        var renames = TakePreWrites();
        Assert.Equal(5, renames.Count);
        Assert.All(renames, r =>
        {
            Assert.Equal(preWrites[0].Element.Version, r.From);
            Assert.Equal(seen.Hlc + 1, r.Element.Version.Hlc);
            Assert.True(r.Element.Blob.IsEmpty);
        });

        // Acks of the abandoned tag no longer count.
        Ack(3, preWrites[0]);
        Ack(4, preWrites[0]);
        Ack(0, renames[0]);
        Ack(1, renames[0]);
        Ack(2, renames[0]);
        Ack(3, renames[0]);
        Assert.Empty(_output.Sent!);
        Ack(4, renames[0], status: EccStoreStatus.NeedData);
        var data = Assert.Single(TakePreWrites());
        Assert.False(data.Element.Blob.IsEmpty);
        Ack(4, data);
        Assert.True(Finalizing);
    }

    [Fact]
    public void Two_puts_of_one_client_never_share_a_tag_even_when_both_retag_above_the_same_version()
    {
        var seen = EccVersion.Of(5_000_000, 1, 0, 0, 3);
        var tags = new List<UInt128>();
        for (var slot = 0; slot < 3; slot++)
        {
            _client.Submit(slot, new ClientOperation(KvKind.Put, Key, Value, 0, 1_000_000), _output);
        }

        foreach (var preWrite in TakePreWrites().DistinctBy(p => p.OperationId))
        {
            tags.Add(preWrite.Element.Version.Tag);
            Ack(0, preWrite, seen);
            Ack(1, preWrite, seen);
            Ack(2, preWrite, seen);
        }

        tags.AddRange(TakePreWrites().DistinctBy(p => p.OperationId).Select(p => p.Element.Version.Tag));
        Assert.Equal(6, tags.Distinct().Count());
    }

    [Fact]
    public void Votes_of_nodes_that_are_not_ready_do_not_count_but_their_store_acks_do()
    {
        Submit(KvKind.Put);
        var preWrites = TakePreWrites();
        for (byte i = 0; i < 5; i++)
        {
            Ack(i, preWrites[0], ready: i < 2);
        }

        Assert.Empty(_output.Sent!);
        Ack(2, preWrites[0]);
        Assert.True(Finalizing);
    }

    [Fact]
    public void Rule_CV_acks_of_an_older_incarnation_are_void_and_the_message_is_sent_again_once()
    {
        Submit(KvKind.Put);
        var preWrites = TakePreWrites();
        for (byte i = 0; i < 4; i++)
        {
            Ack(i, preWrites[0]);
        }

        // Node 4 has heard that node 1 restarted empty.
        var known = new byte[20];
        known[4] = 1;
        Ack(4, preWrites[0], known: known);
        Assert.Equal(new NodeId(1), Assert.Single(_output.Sent!).To.Node);
        TakePreWrites();
        Ack(1, preWrites[0]);
        Assert.Empty(_output.Sent!);
        Ack(1, preWrites[0], incarnation: 1);
        Assert.True(Finalizing);
    }

    [Fact]
    public void A_lost_connection_makes_the_writer_step_to_a_narrower_width_and_either_width_may_complete()
    {
        Submit(KvKind.Put);
        var preWrites = TakePreWrites();
        Ack(0, preWrites[0]);
        _client.LinkDown(new NodeId(4), _output);
        var narrower = TakePreWrites();
        Assert.Equal(4, narrower.Count);
        Assert.All(narrower, p => Assert.Equal((2, 1), (p.Element.Version.Width, p.Element.Version.Gen)));
        Assert.Equal(preWrites[0].Element.Version.Tag, narrower[0].Element.Version.Tag);
        for (byte i = 0; i < 3; i++)
        {
            Ack(i, narrower[0]);
        }

        Assert.Empty(_output.Sent!);
        Ack(3, narrower[0]);
        Assert.True(Finalizing);
    }

    [Fact]
    public void A_deadline_makes_a_write_unknown_and_a_get_failed()
    {
        Submit(KvKind.Put, deadlineMicros: 5_000);
        _client.Tick(new CoreTime(9_000, 1_000_000), _output);
        Submit(KvKind.Get, deadlineMicros: 20_000);
        _client.Tick(new CoreTime(30_000, 1_000_000), _output);
        Assert.Equal([KvOutcome.Unknown, KvOutcome.Failed], _output.Results.Select(r => r.Result.Outcome));
    }

    [Fact]
    public void A_get_finalises_what_only_some_nodes_know_before_it_returns_it()
    {
        Submit(KvKind.Get);
        var reads = _output.Sent!.ToList();
        Assert.Equal(3, reads.Count);
        _output.Sent!.Clear();
        Assert.True(EccFetch.TryRead(reads[0].Message, out var read));
        var fin = EccVersion.Of(2_000, 1, 0, 0, 0);
        FetchAck((byte)reads[0].To.Id, read.OperationId, EccVersion.None);
        FetchAck((byte)reads[1].To.Id, read.OperationId, fin);
        FetchAck((byte)reads[2].To.Id, read.OperationId, fin);
        Assert.Empty(_output.Results);
        Assert.True(Finalizing);
        Assert.Equal(3, _output.Sent!.Count);
        FetchAck((byte)reads[0].To.Id, read.OperationId, fin);
        var (_, result) = Assert.Single(_output.Results);
        Assert.Equal((KvOutcome.NotFound, 2), (result.Outcome, result.Rounds));
    }
}
