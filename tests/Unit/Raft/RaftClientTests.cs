using System.Text;
using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>What the client may send again, and what it may claim.</summary>
public sealed class RaftClientTests : IClientOutput
{
    private readonly RaftClientCore _client = new(new RaftClientOptions { Nodes = 3, Seed = 1, MaxInFlight = 8 });
    private readonly List<(int To, byte[] Message)> _sent = [];
    private readonly List<(int Slot, ClientResult Result)> _done = [];
    private readonly List<(int Node, string Address)> _learnt = [];
    private byte[] _room = [];
    private int _to;
    private long _now = 1_000_000;
    private Action<int>? _completed;

    /// <summary>The session given to whoever asks; 0: nobody answers.</summary>
    private ulong _session = 70;

    public RaftClientTests()
    {
        Advance(0);
        for (byte node = 0; node < 3; node++)
        {
            _client.LinkUp(new NodeId(node), this);
        }
    }

    [Fact]
    public void Without_a_leader_every_node_is_asked_and_operations_wait()
    {
        Submit(0, KvKind.Put);
        Assert.Equal([0, 1, 2], _sent.Select(s => s.To).Order());
        Assert.All(_sent, s => Assert.Equal((byte)RaftMessageKind.LeaderQuery, s.Message[0]));
        Lead(1, term: 3);
        Assert.Equal(1, TakeRequest().To);
    }

    [Fact]
    public void The_claim_of_the_higher_term_wins_when_the_leader_is_silent()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        Submit(1, KvKind.Get);
        Advance(299_000);
        Lead(2, term: 4);
        Assert.All(Requests(), r => Assert.Equal(1, r.To));
        _sent.Clear();
        Advance(2_000);
        Lead(0, term: 2);
        Submit(2, KvKind.Put);
        Assert.Empty(Requests());
        Lead(2, term: 4);

        // The waiting read and the new write go to the new leader; the write the old one holds goes there, too.
        Assert.Equal(
            [(2, KvKind.Get), (2, KvKind.Put), (2, KvKind.Put)],
            Requests().Select(r => (r.To, r.Request.Kind)).Order());
        Assert.Equal([1, 2], Writes().Select(w => (int)w.Stamp.Sequence).Order());
        Assert.Empty(_done);
        Advance(5_000_000);
        Assert.Equal(KvOutcome.Unknown, _done.Single(d => d.Slot == 0).Result.Outcome);
        Assert.Equal(KvOutcome.Failed, _done.Single(d => d.Slot == 1).Result.Outcome);
    }

    [Fact]
    public void A_leader_that_speaks_again_is_trusted_again()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        var first = TakeRequest();
        Advance(400_000);
        Submit(1, KvKind.Put);
        Assert.Empty(Requests());
        Answer(first, KvStatus.Ok);
        Assert.Equal(1, TakeRequest().To);
    }

    [Fact]
    public void A_refusal_is_sent_again_to_the_hinted_node()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        Answer(TakeRequest(), KvStatus.NotLeader, hint: 2);
        var second = TakeRequest();
        Assert.Equal(2, second.To);
        Answer(second, KvStatus.Ok);
        Assert.True(Assert.Single(_done).Result is { Outcome: KvOutcome.Ok, Rounds: 2 });
    }

    [Fact]
    public void A_leader_that_was_added_is_learnt_of_once_and_taken()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        Answer(TakeRequest(), KvStatus.NotLeader, hint: 4);
        for (var from = 0; from < 2; from++)
        {
            Receive(from, new RaftMessage
            {
                Kind = RaftMessageKind.LeaderInfo, Term = 4, Leader = 4, Round = 1, Payload = "host:5"u8.ToArray(),
            });
        }

        Assert.Equal((4, "host:5"), Assert.Single(_learnt));
        _client.LinkUp(new NodeId(4), this);
        Lead(4, term: 4);
        Assert.Equal(4, TakeRequest().To);
    }

    [Fact]
    public void Hints_in_a_circle_end_in_asking_everybody()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        for (var i = 0; i < 2; i++)
        {
            var request = TakeRequest();
            Answer(request, KvStatus.NotLeader, hint: (byte)(3 - request.To));
        }

        Answer(TakeRequest(), KvStatus.NotLeader, hint: 2);
        Assert.Empty(Requests());
        Advance(50_000);
        Assert.Equal(3, _sent.Count(s => s.Message[0] == (byte)RaftMessageKind.LeaderQuery));
    }

    [Fact]
    public void Busy_is_tried_again_after_a_pause_that_grows()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        var pauses = new List<long>();
        for (var i = 0; i < 6; i++)
        {
            Answer(TakeRequest(), KvStatus.Busy);
            var start = _now;
            while (!Requests().Any())
            {
                Advance(500);
            }

            pauses.Add(_now - start);
        }

        Assert.True(pauses[5] > 4 * pauses[0]);
        Answer(TakeRequest(), KvStatus.Ok);
        Assert.Equal(KvOutcome.Ok, Assert.Single(_done).Result.Outcome);
    }

    [Fact]
    public void What_a_broken_stream_held_is_sent_again_and_writes_keep_their_numbers()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        Submit(1, KvKind.Delete);
        Submit(2, KvKind.Get);
        Submit(3, KvKind.Scan);
        var before = Writes().ToDictionary(w => w.Kind, w => w.Stamp);
        _sent.Clear();
        _client.LinkDown(new NodeId(1), this);
        Assert.Empty(_done);
        Lead(2, term: 4);
        Assert.Equal(
            [KvKind.Get, KvKind.Put, KvKind.Delete, KvKind.Scan], Requests().Select(r => r.Request.Kind).Order());
        Assert.Equal(before, Writes().ToDictionary(w => w.Kind, w => w.Stamp));
    }

    [Fact]
    public void An_operation_that_was_never_taken_fails_at_its_deadline_and_a_sent_write_is_unknown()
    {
        Submit(0, KvKind.Put, deadlineMicros: 100_000);
        Advance(103_000);
        Assert.Equal(KvOutcome.Failed, Assert.Single(_done).Result.Outcome);
        Lead(1, term: 3);
        Submit(1, KvKind.Put, deadlineMicros: 100_000);
        var late = TakeRequest();
        Advance(103_000);
        Assert.Equal(KvOutcome.Unknown, _done[1].Result.Outcome);

        // The answer that comes too late belongs to nobody, also when the slot is in use again.
        Submit(1, KvKind.Put);
        Answer(late, KvStatus.Ok);
        Assert.Equal(2, _done.Count);
    }

    [Fact]
    public void A_write_appended_by_a_leader_that_fell_is_sent_again_and_is_unknown_at_its_deadline()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        var first = TakeRequest();
        Answer(first, KvStatus.Unknown, hint: 2);
        var second = TakeRequest();
        Assert.Equal((2, first.Request.Stamp), (second.To, second.Request.Stamp));

        // Refusals say nothing about the first sending.
        Answer(second, KvStatus.NotLeader);
        Advance(5_001_000);
        Assert.Equal(KvOutcome.Unknown, Assert.Single(_done).Result.Outcome);
    }

    [Fact]
    public void The_first_write_opens_a_session_and_the_stamp_tells_what_is_still_waited_for()
    {
        _session = 0;
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        Submit(1, KvKind.Get);
        Assert.Equal([KvKind.OpenSession, KvKind.Get], Requests().Select(r => r.Request.Kind));
        _session = 9;
        OpenSessions();
        Assert.Equal(new SessionStamp(9, 1, 1), Assert.Single(Writes()).Stamp);
        Submit(2, KvKind.Delete);
        Submit(3, KvKind.Put);
        Assert.Equal(new SessionStamp(9, 3, 1), Writes()[^1].Stamp);
        var all = Requests();
        Answer(all.Single(r => r.Request.Stamp.Sequence == 2), KvStatus.Ok);
        _sent.Clear();
        Submit(2, KvKind.Put);
        Answer(all.Single(r => r.Request.Stamp.Sequence == 1), KvStatus.Ok);
        Submit(0, KvKind.Put);
        Assert.Equal([new SessionStamp(9, 4, 1), new SessionStamp(9, 5, 3)], Writes().Select(w => w.Stamp));
    }

    [Fact]
    public void A_session_is_asked_for_again_where_the_leader_is()
    {
        _session = 0;
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        var first = TakeRequest();
        _client.LinkDown(new NodeId(1), this);
        Lead(2, term: 4);
        Assert.Equal((2, KvKind.OpenSession), (Requests()[^1].To, Requests()[^1].Request.Kind));
        _session = 5;
        OpenSessions();
        Assert.Equal(5UL, Assert.Single(Writes()).Stamp.Session);

        // The former answer comes too late to count.
        Answer(first, KvStatus.Ok, value: BitConverter.GetBytes(4UL));
        Submit(1, KvKind.Put);
        Assert.Equal(5UL, Writes()[^1].Stamp.Session);
    }

    [Fact]
    public void When_a_session_expired_new_writes_go_on_in_the_next_and_doubtful_ones_are_unknown()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        _client.LinkDown(new NodeId(1), this);
        _sent.Clear();
        Lead(2, term: 4);
        var again = TakeRequest();
        Submit(1, KvKind.Put);
        var fresh = TakeRequest();
        _session = 71;
        Answer(again, KvStatus.SessionExpired);
        Assert.Equal(KvOutcome.Unknown, Assert.Single(_done).Result.Outcome);
        Answer(fresh, KvStatus.SessionExpired);
        Submit(2, KvKind.Delete);
        Assert.Equal(
            [(KvKind.Put, new SessionStamp(71, 1, 1)), (KvKind.Delete, new SessionStamp(71, 2, 1))],
            Writes().Select(w => (w.Kind, w.Stamp)));
        Assert.Single(_done);
    }

    [Fact]
    public void No_write_runs_further_ahead_of_an_unanswered_one_than_the_window()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        var first = TakeRequest();
        for (var i = 1; i < Limits.SessionWindow; i++)
        {
            Submit(1, KvKind.Put);
            Answer(TakeRequest(), KvStatus.Ok);
        }

        Submit(1, KvKind.Put);
        Submit(2, KvKind.Get);
        Assert.Equal(KvKind.Get, TakeRequest().Request.Kind);
        Answer(first, KvStatus.Ok);
        Assert.Equal(Limits.SessionWindow + 1UL, TakeRequest().Request.Stamp.Sequence);
    }

    [Fact]
    public void A_compare_and_set_carries_what_it_expects_and_reports_that_it_was_not_so()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.CompareAndSet);
        var request = TakeRequest();
        Assert.Equal([3], request.Request.Expected.ToArray());
        Answer(request, KvStatus.PreconditionFailed);
        Assert.Equal(KvOutcome.PreconditionFailed, Assert.Single(_done).Result.Outcome);
    }

    [Fact]
    public void Reads_return_value_absence_or_entries()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Get);
        Answer(TakeRequest(), KvStatus.Ok, value: [1, 2]);
        Submit(0, KvKind.Get);
        Answer(TakeRequest(), KvStatus.NotFound);
        Submit(0, KvKind.Scan);
        Answer(TakeRequest(), KvStatus.Ok, entries: [1, 0, 65, 2, 0, 0, 0, 8, 9]);
        Assert.Equal([KvOutcome.Ok, KvOutcome.NotFound, KvOutcome.Ok], _done.Select(d => d.Result.Outcome));
        Assert.Equal([1, 2], _done[0].Result.Value.ToArray());
        Assert.Equal([8, 9], Assert.Single(_done[2].Result.Entries!).Value.ToArray());
    }

    [Fact]
    public void Malformed_answers_are_refused_and_change_nothing()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Scan);
        var request = TakeRequest();
        Assert.False(_client.Receive(new NodeId(1), new byte[] { 2, 0, 0 }, this));
        Assert.False(_client.Receive(new NodeId(1), ReadOnlyMemory<byte>.Empty, this));
        Assert.False(_client.Receive(new NodeId(7), new byte[] { 2 }, this));
        var reply = new KvReply(request.Request.CorrelationId, KvStatus.Ok, 1, default, new byte[] { 9 });
        var bytes = new byte[reply.MaxBytes];
        Assert.False(_client.Receive(new NodeId(1), bytes.AsMemory(0, reply.Write(bytes)), this));
        Assert.Empty(_done);
    }

    [Fact]
    public void A_slot_may_be_used_again_while_its_completion_runs()
    {
        Lead(1, term: 3);
        Submit(0, KvKind.Put);
        var left = 100;
        _completed = slot =>
        {
            if (left-- > 0)
            {
                Submit(slot, KvKind.Put);
            }
        };
        while (Requests().Any())
        {
            Answer(TakeRequest(), KvStatus.Ok);
        }

        Assert.Equal(101, _done.Count);
    }

    Span<byte> IClientOutput.Begin(NodeId to, int maxBytes)
    {
        (_to, _room) = (to.Index, new byte[maxBytes]);
        return _room;
    }

    void IClientOutput.End(int writtenBytes) => _sent.Add((_to, _room[..writtenBytes]));

    void IClientOutput.Complete(int slot, in ClientResult result)
    {
        _done.Add((slot, result));
        _completed?.Invoke(slot);
    }

    void IClientOutput.Node(NodeId node, ReadOnlySpan<byte> address) =>
        _learnt.Add((node.Index, Encoding.ASCII.GetString(address)));

    private void Advance(long micros)
    {
        _now += micros;
        _client.Tick(new CoreTime(_now, 0), this);
        OpenSessions();
    }

    private void Submit(int slot, KvKind kind, long deadlineMicros = 5_000_000)
    {
        _client.Submit(
            slot,
            new ClientOperation(
                kind, new byte[] { 1 }, new byte[] { 2 }, kind == KvKind.Scan ? 3 : 0, _now + deadlineMicros)
            {
                ExpectsValue = kind == KvKind.CompareAndSet,
                Expected = new byte[] { 3 },
            },
            this);
        OpenSessions();
    }

    private void Lead(int node, ulong term)
    {
        Receive(node, new RaftMessage
        {
            Kind = RaftMessageKind.LeaderInfo, Term = term, Yes = true, Leader = (byte)node, Round = 1,
        });
        OpenSessions();
    }

    private void Receive(int from, RaftMessage message) =>
        Assert.True(_client.Receive(new NodeId((byte)from), TestNode.Encode(message), this));

    private void OpenSessions()
    {
        foreach (var request in Requests().Where(r => r.Request.Kind == KvKind.OpenSession && _session != 0))
        {
            _sent.RemoveAll(s => KvRequest.TryRead(s.Message, out var sent) && sent == request.Request);
            Reply(request, KvStatus.Ok, 255, BitConverter.GetBytes(_session), null);
        }
    }

    private List<KvRequest> Writes() => [.. Requests().Select(r => r.Request).Where(r => r.IsWrite)];

    private List<(int To, KvRequest Request)> Requests() =>
        [.. _sent.Where(s => s.Message[0] == MessageTypes.KvRequest).Select(s =>
        {
            Assert.True(KvRequest.TryRead(s.Message, out var request));
            return (s.To, request);
        })];

    private (int To, KvRequest Request) TakeRequest()
    {
        var request = Assert.Single(Requests());
        _sent.Clear();
        return request;
    }

    private void Answer(
        (int To, KvRequest Request) to, KvStatus status, byte hint = 255, byte[]? value = null,
        byte[]? entries = null)
    {
        Reply(to, status, hint, value, entries);
        OpenSessions();
    }

    private void Reply(
        (int To, KvRequest Request) to, KvStatus status, byte hint, byte[]? value, byte[]? entries)
    {
        var reply = new KvReply(to.Request.CorrelationId, status, hint, value, entries);
        var bytes = new byte[reply.MaxBytes];
        Assert.True(_client.Receive(new NodeId((byte)to.To), bytes.AsMemory(0, reply.Write(bytes)), this));
    }
}
