using Testbed.Raft;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>How a leader feeds a member, with the cases of etcd's tests of progress and flow control.</summary>
public sealed class FlowTests
{
    [Fact]
    public void While_probing_one_append_leaves_until_it_is_answered_or_a_heartbeat_is()
    {
        var node = Leader();
        Assert.Single(Appends(node));
        Put(node, 3);
        Assert.Empty(Appends(node));
        node.Receive(1, Beat());
        Assert.Empty(Appends(node));
        node.Advance(60_000);
        node.Receive(1, Beat());
        Assert.Single(Appends(node));
        node.Receive(1, Beat());
        Assert.Empty(Appends(node));
        Assert.Equal((ReplicationState.Probe, true), (Progress(node).State, Progress(node).Paused));
    }

    [Fact]
    public void An_accepted_probe_begins_pipelining_and_a_refused_one_steps_back()
    {
        var node = Leader();
        Put(node, 3);
        Appends(node);
        node.Receive(1, Refuse(0, 0));
        Assert.Equal(ReplicationState.Probe, Progress(node).State);
        Assert.Single(Appends(node));
        node.Receive(1, Accept(1));
        Assert.Equal((ReplicationState.Replicate, 1UL), (Progress(node).State, Progress(node).Match));
        Assert.Equal([1UL, 2, 3], Appends(node).Select(m => m.Index));
        Put(node, 1);
        Assert.Equal([4UL], Appends(node).Select(m => m.Index));
    }

    [Fact]
    public void A_full_window_lets_nothing_out_and_heartbeats_free_nothing()
    {
        var node = Full();
        for (var i = 0; i < 5; i++)
        {
            node.Advance(60_000);
            node.Receive(1, Beat());
            Put(node, 1);
            Assert.All(Appends(node), m => Assert.Equal(0, m.Entries.Length));
            Assert.True(Progress(node).Paused);
        }
    }

    [Fact]
    public void An_acknowledgement_frees_all_up_to_it_and_an_older_one_nothing()
    {
        var node = Full();
        Put(node, 10);
        node.Receive(1, Accept(3));
        Assert.Equal([5UL, 6], Appends(node).Select(m => m.Index));
        node.Receive(1, Accept(2));
        node.Receive(1, Accept(3));
        Assert.Empty(Appends(node));
        node.Receive(1, Accept(4));
        Assert.Equal([7UL], Appends(node).Select(m => m.Index));
        Assert.Equal(4, Progress(node).Window.Count);
    }

    [Fact]
    public void Bytes_fill_the_window_as_well_as_messages()
    {
        var node = Leader(o => o with { WindowBytes = 150, WindowMessages = 100 });
        Appends(node);
        node.Receive(1, Accept(1));
        Put(node, 10);
        var sent = Appends(node).Count(m => m.Entries.Length > 0);
        Assert.InRange(sent, 2, 8);
        Assert.True(Progress(node).Paused);
    }

    [Fact]
    public void A_refusal_while_pipelining_goes_back_to_probing_behind_what_matches()
    {
        var node = Full();
        node.Receive(1, Refuse(5, 1));
        Assert.Equal((ReplicationState.Probe, 1UL), (Progress(node).State, Progress(node).Match));
        Assert.Equal([1UL], Appends(node).Select(m => m.Index));
        node.Receive(1, Refuse(5, 1));
        Assert.Empty(Appends(node));
    }

    [Fact]
    public void A_late_refusal_of_what_matches_changes_nothing()
    {
        var node = Full();
        node.Receive(1, Accept(4));
        Appends(node);
        node.Receive(1, Refuse(3, 1));
        Assert.Equal((ReplicationState.Replicate, 4UL), (Progress(node).State, Progress(node).Match));
    }

    [Fact]
    public void An_acknowledgement_beyond_the_log_is_not_believed()
    {
        var node = Leader();
        node.Receive(1, Accept(50));
        Assert.Equal(0UL, Progress(node).Match);
    }

    [Fact]
    public void Uncommitted_bytes_are_bounded_whoever_the_leader_was_and_freed_by_commits()
    {
        // Entries that an earlier leader left count, too.
        var terms = Enumerable.Repeat(1UL, 20).ToArray();
        var options = new RaftOptions { Self = new NodeId(0), Nodes = 3, Seed = 1, UncommittedBytes = 400 };
        var node = new TestNode(0, 3, TestNode.Log(1, terms), options);
        node.Elect();
        node.Request(9, 1, KvKind.Put, "k", "v");
        Assert.Equal(KvStatus.Busy, Assert.Single(node.TakeAnswers(9)).Status);
        Assert.True(node.Raft.UncommittedBytes > 400);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.AppendReply, Term = 2, Yes = true, Index = 21 });
        Assert.Equal(0, node.Raft.UncommittedBytes);
        node.Request(9, 2, KvKind.Put, "k", "v");
        Assert.Empty(node.TakeAnswers(9));
    }

    [Fact]
    public void A_leader_whose_disk_stands_still_for_an_election_timeout_steps_down()
    {
        var node = Leader();
        node.Request(9, 1, KvKind.Put, "k", "v");
        for (var i = 0; i < 4; i++)
        {
            node.Advance(120_000);
            node.Receive(1, Beat());
            node.Receive(2, Beat());
        }

        Assert.Equal(RaftRole.Leader, node.Raft.Role);
        node.Advance(60_000);
        Assert.Equal(RaftRole.Follower, node.Raft.Role);
        Assert.Equal("1", node.Figure("stuck_disks"));
        Assert.Equal(KvStatus.Unknown, Assert.Single(node.TakeAnswers(9)).Status);
    }

    [Fact]
    public void A_disk_that_is_slow_but_moves_or_has_nothing_to_do_is_not_stuck()
    {
        var node = Leader();
        for (var i = 0UL; i < 8; i++)
        {
            node.Request(9, i, KvKind.Put, "k", "v");
            Wait(300_000);
            node.Sync();
            Wait(300_000);
        }

        Assert.Equal((RaftRole.Leader, "0"), (node.Raft.Role, node.Figure("stuck_disks")));

        void Wait(long micros)
        {
            node.Advance(micros);
            node.Receive(1, Beat());
            node.Receive(2, Beat());
        }
    }

    [Fact]
    public void A_candidate_whose_disk_stands_still_asks_nobody_and_never_leads()
    {
        var node = new TestNode(0, 3);
        while (node.Raft.Role != RaftRole.PreCandidate)
        {
            node.Advance(10_000);
        }

        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.PreVoteReply, Term = 1, Yes = true });
        Assert.Equal(RaftRole.Candidate, node.Raft.Role);
        Assert.DoesNotContain(node.TakeTo(1), m => m.Kind == RaftMessageKind.Vote);
        Assert.DoesNotContain(node.TakeTo(2), m => m.Kind == RaftMessageKind.Vote);
    }

    private static TestNode Leader(Func<RaftOptions, RaftOptions>? change = null)
    {
        var options = new RaftOptions
        {
            Self = new NodeId(0), Nodes = 3, Seed = 3, AppendBytes = 1, WindowMessages = 4,
        };
        var node = new TestNode(0, 3, options: change?.Invoke(options) ?? options);
        node.Elect();
        return node;
    }

    /// <summary>Four appends are out, which is all that may be.</summary>
    private static TestNode Full()
    {
        var node = Leader();
        Appends(node);
        node.Receive(1, Accept(1));
        Put(node, 6);
        Assert.Equal([1UL, 2, 3, 4], Appends(node).Select(m => m.Index));
        return node;
    }

    private static void Put(TestNode node, int puts)
    {
        for (var i = 0; i < puts; i++)
        {
            node.Request(9, 1, KvKind.Put, "k", "v");
        }

        node.Sync();
    }

    private static List<RaftMessage> Appends(TestNode node) =>
        [.. node.TakeTo(1).Where(m => m.Kind == RaftMessageKind.Append)];

    private static ref readonly ReplicaProgress Progress(TestNode node) =>
        ref node.Raft.Progress(node.Raft.Roster.SlotOf(new MemberId(new NodeId(1), 1)));

    private static RaftMessage Accept(ulong index) =>
        new() { Kind = RaftMessageKind.AppendReply, Term = 1, Yes = true, Index = index };

    private static RaftMessage Refuse(ulong index, ulong hint) => new()
    {
        Kind = RaftMessageKind.AppendReply, Term = 1, Index = index, Hint = hint, LogTerm = hint == 0 ? 0UL : 1,
    };

    private static RaftMessage Beat() => new() { Kind = RaftMessageKind.HeartbeatReply, Term = 1 };
}
