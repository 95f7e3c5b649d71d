using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>What a node does for clients and for its memory.</summary>
public sealed class RaftNodeTests
{
    [Fact]
    public void S8_a_leader_begins_its_term_with_an_empty_entry_and_serves_no_read_before_it_is_committed()
    {
        var node = Leader(3, out _);
        node.Request(9, 1, KvKind.Get, "k");
        node.Receive(1, Beat(node.Raft.ReadRound));
        Assert.Empty(node.TakeAnswers(9));
        node.Receive(1, Accept(1));
        node.Receive(1, Beat(node.Raft.ReadRound));
        Assert.Equal(KvStatus.NotFound, Assert.Single(node.TakeAnswers(9)).Status);
    }

    [Fact]
    public void S8_a_read_waits_for_a_quorum_that_answers_after_it_arrived_and_waiting_reads_share_the_round()
    {
        var node = Leader(5, out var ready);
        ready();
        var round = node.Raft.ReadRound;
        var batch = Enumerable.Range(1, 100).Select(i => Get((ulong)i, "k")).ToList();
        batch.ForEach(b => node.Core.Receive(Endpoint.Client(9), b, node));
        node.Core.Flush(node);
        Assert.Equal(round + 1, node.Raft.ReadRound);
        node.Receive(1, Beat(round));
        node.Receive(2, Beat(round));
        node.Receive(1, Beat(round + 1));
        Assert.Empty(node.TakeAnswers(9));
        node.Receive(2, Beat(round + 1));
        Assert.Equal(100, node.TakeAnswers(9).Count);
    }

    [Fact]
    public void A_read_sees_every_write_that_was_answered_before_it()
    {
        var node = Leader(3, out var ready);
        ready();
        node.Request(9, 1, KvKind.Put, "k", "v1");
        node.Receive(1, Accept(2));
        node.Sync();
        node.Request(9, 2, KvKind.Get, "k");
        node.Receive(2, Beat(node.Raft.ReadRound));
        Assert.Equal([KvStatus.Ok, KvStatus.Ok], node.TakeAnswers(9).Select(a => a.Status));
    }

    [Fact]
    public void A_node_that_does_not_lead_says_so_and_who_does()
    {
        var node = new TestNode(0, 3);
        node.Request(9, 1, KvKind.Put, "k", "v");
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        node.Request(9, 2, KvKind.Get, "k");
        var answers = node.TakeAnswers(9);
        Assert.All(answers, a => Assert.Equal(KvStatus.NotLeader, a.Status));
        Assert.Equal([KvReply.NoLeader, 2], answers.Select(a => a.LeaderHint));
    }

    [Fact]
    public void When_leadership_is_lost_appended_writes_end_unknown_and_reads_not_leader()
    {
        var node = Leader(3, out var ready);
        ready();
        node.Request(9, 1, KvKind.Put, "k", "v");
        node.Request(9, 2, KvKind.Get, "k");
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 5 });
        Assert.Equal(
            [(1UL, KvStatus.Unknown), (2UL, KvStatus.NotLeader)],
            node.TakeAnswers(9).Select(a => (a.CorrelationId, a.Status)));
    }

    [Fact]
    public void A_write_that_the_next_leader_overrules_in_one_message_is_never_answered_ok()
    {
        var node = Leader(3, out var ready);
        ready();
        node.Request(9, 1, KvKind.Put, "k", "v");
        node.Receive(1, new RaftMessage
        {
            Kind = RaftMessageKind.Append, Term = 5, Index = 1, LogTerm = 1, Commit = 2,
            Entries = TestNode.Entries(2, 5),
        });
        node.Sync();
        Assert.Equal(2UL, node.Raft.Applied);
        Assert.Equal(KvStatus.Unknown, Assert.Single(node.TakeAnswers(9)).Status);
    }

    [Fact]
    public void Writes_beyond_the_uncommitted_limit_are_refused_and_let_in_again_later()
    {
        var node = Leader(3, out var ready, o => o with { UncommittedBytes = 100 });
        ready();
        node.Request(9, 1, KvKind.Put, "k", new string('x', 200));
        node.Request(9, 2, KvKind.Put, "k", "v");
        Assert.Equal(KvStatus.Busy, Assert.Single(node.TakeAnswers(9)).Status);
        node.Receive(1, Accept(2));
        node.Sync();
        node.Request(9, 3, KvKind.Put, "k", "v");
        node.Receive(1, Accept(3));
        node.Sync();
        Assert.Equal([1UL, 3UL], node.TakeAnswers(9).Select(a => a.CorrelationId));
    }

    [Fact]
    public void Reads_beyond_the_limit_are_refused()
    {
        var node = Leader(3, out var ready, o => o with { PendingReads = 2 });
        ready();
        for (var i = 1UL; i <= 3; i++)
        {
            node.Request(9, i, KvKind.Get, "k");
        }

        Assert.True(Assert.Single(node.TakeAnswers(9)) is { CorrelationId: 3, Status: KvStatus.Busy });
    }

    [Fact]
    public void Deleting_an_absent_key_is_ok_and_scans_return_a_bounded_part_in_order()
    {
        var node = Leader(1, out _, o => o with { ScanReplyBytes = 40 });
        node.Request(9, 1, KvKind.Delete, "none");
        foreach (var key in (string[])["c", "a", "b", "d"])
        {
            node.Request(9, 1, KvKind.Put, key, "0123456789");
        }

        node.Sync();
        Assert.All(node.TakeAnswers(9), a => Assert.Equal(KvStatus.Ok, a.Status));
        var scan = new KvRequest(7, KvKind.Scan, "b"u8.ToArray(), default, 100, 0);
        var bytes = new byte[scan.MaxBytes];
        node.Core.Receive(Endpoint.Client(9), bytes.AsMemory(0, scan.Write(bytes)), node);
        node.Core.Flush(node);
        var entries = KvEntryCodec.TryRead(Assert.Single(node.TakeAnswers(9)).Entries);
        Assert.Equal(["b", "c"], entries!.Select(e => System.Text.Encoding.ASCII.GetString(e.Key.Span)));
    }

    [Fact]
    public void Appends_are_pipelined_up_to_the_window_and_continue_when_acknowledged()
    {
        var node = Leader(3, out var ready, o => o with { WindowMessages = 4, AppendBytes = 1 });
        ready();
        node.TakeTo(1);
        for (var i = 1UL; i <= 10; i++)
        {
            node.Request(9, i, KvKind.Put, "k", "v");
        }

        Assert.Equal([1UL, 2, 3, 4], node.TakeTo(1).Where(IsAppend).Select(m => m.Index));
        node.Receive(1, Accept(4));
        Assert.Equal([5UL, 6, 7], node.TakeTo(1).Where(IsAppend).Select(m => m.Index));
    }

    [Fact]
    public void A_new_stream_sends_what_the_peer_has_not_acknowledged_again()
    {
        var node = Leader(3, out var ready);
        ready();
        node.Request(9, 1, KvKind.Put, "k", "v");
        node.Request(9, 2, KvKind.Put, "k", "v");
        node.TakeTo(1);
        node.Core.LinkDown(Endpoint.Peer(new NodeId(1)), node);
        node.Request(9, 3, KvKind.Put, "k", "v");
        Assert.DoesNotContain(node.TakeTo(1), IsAppend);
        node.Core.LinkUp(Endpoint.Peer(new NodeId(1)), node);
        node.Core.Flush(node);
        var append = Assert.Single(node.TakeTo(1), IsAppend);
        Assert.Equal(1UL, append.Index);
        Assert.True(RaftEntryCodec.IsRun(append.Entries.Span, 1, 1, 1));
    }

    [Fact]
    public void Lost_appends_are_noticed_by_a_heartbeat_without_progress()
    {
        var node = Leader(3, out var ready);
        ready();
        node.Request(9, 1, KvKind.Put, "k", "v");
        node.TakeTo(1);
        node.Advance(60_000);
        node.Advance(60_000);
        var ask = node.TakeTo(1).Last(IsAppend);
        Assert.Equal((2UL, 0), (ask.Index, ask.Entries.Length));
        node.Receive(
            1, new RaftMessage { Kind = RaftMessageKind.AppendReply, Term = 1, Index = 2, Hint = 1, LogTerm = 1 });
        Assert.Equal(1UL, node.TakeTo(1).Single(IsAppend).Index);
    }

    [Fact]
    public void Entries_that_every_node_holds_leave_memory_and_recovery_keeps_as_few()
    {
        var node = Leader(3, out var ready);
        ready();
        for (var i = 1UL; i <= 50; i++)
        {
            node.Request(9, i, KvKind.Put, $"k{i}", "v");
            node.Receive(1, Accept(i + 1));
            node.Receive(2, Accept(i + 1));
            node.Sync();
        }

        node.Receive(1, Accept(51));
        Assert.Equal(0, node.Raft.Log.Bytes);
        var again = new TestNode(0, 3, node.Records);
        Assert.InRange(again.Raft.Log.LastIndex - again.Raft.Log.BaseIndex, 0UL, 3UL);
        Assert.InRange(again.Store.Bytes.Keys, 47, 50);
    }

    [Fact]
    public void Entries_for_an_absent_peer_are_kept_up_to_the_bound_then_the_peer_is_reported_behind()
    {
        var node = Leader(3, out var ready, o => o with { RetainedLogBytes = 2_000 });
        ready();
        node.Core.LinkDown(Endpoint.Peer(new NodeId(2)), node);
        for (var i = 1UL; i <= 200; i++)
        {
            node.Request(9, i, KvKind.Put, "k", "0123456789");
            node.Receive(1, Accept(i + 1));
            node.Sync();
            Assert.InRange(node.Raft.Log.Bytes, 0, 2_000);
        }

        node.Core.LinkUp(Endpoint.Peer(new NodeId(2)), node);
        node.Core.Flush(node);
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.AppendReply, Term = 1, Index = 1, Hint = 0 });
        var figures = new PumpFigures();
        node.Core.Report(figures);
        Assert.Equal("1", figures["peers_behind_log"]);
        Assert.Equal("201", figures["commit_index"]);
    }

    [Fact]
    public void A_node_reports_what_hosts_and_harness_rely_on()
    {
        var node = Leader(3, out var ready);
        var figures = new PumpFigures();
        node.Core.Report(figures);
        Assert.Equal(("leader", "n0", "0"), (figures["role"], figures["leader"], figures["ready"]));
        ready();
        node.Core.Report(figures);
        Assert.Equal(("1", "1", "1"), (figures["ready"], figures["caught_up"], figures["term"]));
        foreach (var name in (string[])["store_keys", "store_payload_bytes", "store_key_bytes", "store_metadata_bytes",
            "store_total_bytes", "commit_index", "applied_index", "last_index", "puts", "gets", "elections"])
        {
            Assert.NotEmpty(figures[name]);
        }
    }

    [Fact]
    public void A_leader_query_is_answered_by_anyone()
    {
        var node = Leader(3, out _);
        node.Core.Receive(
            Endpoint.Client(9), TestNode.Encode(new RaftMessage { Kind = RaftMessageKind.LeaderQuery, Round = 77 }),
            node);
        Assert.True(RaftMessage.TryRead(node.Sent[^1].Message, out var info));
        Assert.True(info is { Kind: RaftMessageKind.LeaderInfo, Round: 77, Yes: true, Leader: 0, Term: 1 });
    }

    [Fact]
    public void Steady_work_allocates_nothing()
    {
        var sink = new NullOutput();
        var core = new RaftNodeCore(
            new RaftOptions { Self = new NodeId(0), Nodes = 1, Seed = 1 }, new Testbed.Store.KvStore());
        core.Start(new CoreTime(0, 0), sink);
        var (put, get) = (Bytes(KvKind.Delete), Bytes(KvKind.Get));
        var now = 0L;
        Work(12_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Work(12_000);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
        Assert.True(sink.Sent > 90_000);

        void Work(int batches)
        {
            for (var i = 0; i < batches; i++)
            {
                core.Tick(new CoreTime(now += 1_000, 0), sink);
                core.StorageDone(new LogSequence(sink.Appended), sink);
                for (var j = 0; j < 2; j++)
                {
                    core.Receive(Endpoint.Client(1), put, sink);
                    core.Receive(Endpoint.Client(1), get, sink);
                }

                core.Flush(sink);
            }
        }

        static ReadOnlyMemory<byte> Bytes(KvKind kind)
        {
            var request = new KvRequest(1, kind, "absent"u8.ToArray(), default, 0, 0);
            var bytes = new byte[request.MaxBytes];
            return bytes.AsMemory(0, request.Write(bytes));
        }
    }

    private sealed class NullOutput : ICoreOutput
    {
        private readonly byte[] _room = new byte[64 * 1024];

        public long Appended { get; private set; }

        public long Sent { get; private set; }

        public Span<byte> Begin(Endpoint to, int maxBytes) => _room.AsSpan(0, maxBytes);

        public Span<byte> BeginAfterDurable(Endpoint to, int maxBytes) => _room.AsSpan(0, maxBytes);

        public void End(int writtenBytes) => Sent++;

        public LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body) =>
            new(++Appended);

        public void Release(LogSequence upTo)
        {
            // Nothing is kept.
        }
    }

    private static TestNode Leader(int nodes, out Action ready, Func<RaftOptions, RaftOptions>? change = null)
    {
        var options = new RaftOptions { Self = new NodeId(0), Nodes = nodes, Seed = 3 };
        var node = new TestNode(0, nodes, options: change?.Invoke(options) ?? options);
        if (nodes == 1)
        {
            node.Advance(60_000);
            node.Sync();
            node.Sync();
        }
        else
        {
            node.Elect();
        }

        ready = () =>
        {
            for (var peer = 1; peer < nodes; peer++)
            {
                node.Receive(peer, Accept(1));
            }
        };
        return node;
    }

    private static bool IsAppend(RaftMessage message) => message.Kind == RaftMessageKind.Append;

    private static RaftMessage Accept(ulong index) =>
        new() { Kind = RaftMessageKind.AppendReply, Term = 1, Yes = true, Index = index };

    private static RaftMessage Beat(ulong round) =>
        new() { Kind = RaftMessageKind.HeartbeatReply, Term = 1, Round = round };

    private static byte[] Get(ulong number, string key)
    {
        var request = new KvRequest(number, KvKind.Get, System.Text.Encoding.ASCII.GetBytes(key), default, 0, 0);
        var bytes = new byte[request.MaxBytes];
        return bytes[..request.Write(bytes)];
    }
}
