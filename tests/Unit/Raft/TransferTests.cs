using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>Handing the leadership over (thesis, 3.10), with the cases of etcd's tests.</summary>
public sealed class TransferTests
{
    [Fact]
    public void To_a_member_that_is_in_step_it_takes_no_election_timeout()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        cluster.Settle();
        var next = Other(cluster);
        var term = cluster.Leader.Raft.Term;
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Transfer, next).Status);
        cluster.Deliver();
        Assert.Equal((next, term + 1), (cluster.LeaderNode, cluster.Leader.Raft.Term));
        Assert.Equal("1", cluster.Leader.Figure("leader_transfers"));
        Assert.Equal(KvStatus.Ok, cluster.Put("k"));
    }

    [Fact]
    public void And_back_again()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        var (first, next) = (cluster.LeaderNode, Other(cluster));
        cluster.Settle();
        cluster.Leader.Admin(RaftAdminKind.Transfer, next);
        cluster.Deliver();
        cluster.Settle();
        cluster.Leader.Admin(RaftAdminKind.Transfer, first);
        cluster.Deliver();
        Assert.Equal(first, cluster.LeaderNode);
    }

    [Fact]
    public void The_successors_request_passes_the_lease_that_protects_the_leader()
    {
        var node = new TestNode(0, 3);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 2 });
        Assert.Equal(1UL, node.Raft.Term);
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 2, Yes = true });
        node.Sync();
        Assert.True(node.TakeTo(2).Last() is { Kind: RaftMessageKind.VoteReply, Term: 2, Yes: true });

        var next = new TestNode(0, 3);
        next.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        next.Receive(1, new RaftMessage { Kind = RaftMessageKind.TimeoutNow, Term = 1 });
        Assert.Equal((RaftRole.Candidate, 2UL, 0L), (next.Raft.Role, next.Raft.Term, next.Raft.PreVotes));
        next.Sync();
        Assert.All(next.TakeTo(2), m => Assert.True(m is { Kind: RaftMessageKind.Vote, Yes: true }));
    }

    [Fact]
    public void Nobody_but_the_leader_may_ask_for_it()
    {
        var node = new TestNode(0, 3);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.TimeoutNow, Term = 1 });
        Assert.Equal(RaftRole.Follower, node.Raft.Role);
    }

    [Fact]
    public void A_member_that_is_behind_gets_the_log_first_and_writes_are_busy_meanwhile()
    {
        var leader = Leader(out var last);
        Assert.Equal(KvStatus.Ok, leader.Admin(RaftAdminKind.Transfer, 1).Status);
        Assert.DoesNotContain(leader.TakeTo(1), m => m.Kind == RaftMessageKind.TimeoutNow);
        leader.Request(9, 5, KvKind.Put, "k", "v");
        Assert.True(leader.TakeAnswers(9).Last() is { CorrelationId: 5, Status: KvStatus.Busy });
        Assert.Equal(KvStatus.Busy, leader.Admin(RaftAdminKind.AddLearner, 4).Status);
        leader.Receive(1, Accept(last));
        Assert.Single(leader.TakeTo(1), m => m.Kind == RaftMessageKind.TimeoutNow);
        leader.Receive(1, Accept(last));
        Assert.DoesNotContain(leader.TakeTo(1), m => m.Kind == RaftMessageKind.TimeoutNow);
    }

    [Fact]
    public void A_member_that_needs_a_snapshot_gets_it_first()
    {
        var cluster = new TestCluster(3, isVolatile: false, o => o with { RetainedLogBytes = 300 }).Ready();
        var next = Other(cluster);
        cluster.Cut(cluster.LeaderNode, next);
        cluster.Loses = (a, b, _) => a == next || b == next;
        for (var i = 0; i < 20; i++)
        {
            cluster.Put($"k{i}");
        }

        cluster.Loses = (_, _, _) => false;
        cluster.Reconnect(cluster.LeaderNode, next);
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Transfer, next).Status);
        Assert.True(cluster[next].Raft.Applied < 20);
        cluster.Until(() => cluster.LeaderOrNull is not null && cluster.LeaderNode == next, "the successor leads");
        Assert.Equal("1", cluster[next].Figure("snapshots_installed"));
    }

    [Fact]
    public void A_transfer_that_does_not_come_about_ends_with_an_election_timeout_and_writes_go_on()
    {
        var leader = Leader(out _);
        Assert.Equal(KvStatus.Ok, leader.Admin(RaftAdminKind.Transfer, 1).Status);
        Pass(leader, 490_000);
        Assert.True(leader.Raft.IsTransferring);
        Pass(leader, 20_000);
        Assert.False(leader.Raft.IsTransferring);
        leader.Request(9, 6, KvKind.Put, "k", "v");
        Assert.DoesNotContain(leader.TakeAnswers(9), a => a.CorrelationId == 6);
        leader.Receive(1, Accept(leader.Raft.Log.LastIndex));
        Assert.DoesNotContain(leader.TakeTo(1), m => m.Kind == RaftMessageKind.TimeoutNow);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_second_transfer_is_refused_while_the_first_is_under_way(int second)
    {
        var leader = Leader(out var last);
        leader.Admin(RaftAdminKind.Transfer, 1);
        Assert.Equal(KvStatus.Busy, leader.Admin(RaftAdminKind.Transfer, second).Status);
        Pass(leader, 400_000);
        leader.Admin(RaftAdminKind.Transfer, second);
        Pass(leader, 110_000);
        Assert.False(leader.Raft.IsTransferring);
        leader.Receive(2, Accept(last));
        Assert.DoesNotContain(leader.TakeTo(2), m => m.Kind == RaftMessageKind.TimeoutNow);
    }

    [Fact]
    public void To_itself_it_changes_nothing()
    {
        foreach (var wait in (long[])[0, 400_000, 700_000])
        {
            var leader = Leader(out var last);
            leader.Receive(1, Accept(last));
            leader.Sync();
            Pass(leader, wait);
            Assert.Equal(KvStatus.Ok, leader.Admin(RaftAdminKind.Transfer, 0).Status);
            Assert.False(leader.Raft.IsTransferring);
            Assert.DoesNotContain(leader.TakeTo(0), m => m.Kind == RaftMessageKind.TimeoutNow);
            Assert.Equal(RaftRole.Leader, leader.Raft.Role);
        }
    }

    [Fact]
    public void To_a_stranger_or_a_learner_it_is_rejected_and_to_one_that_is_not_heard_busy()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        Assert.Equal(KvStatus.Rejected, cluster.Leader.Admin(RaftAdminKind.Transfer, 7).Status);
        cluster.Leader.Admin(RaftAdminKind.AddLearner, 3);
        cluster.Boot(3);
        cluster.Until(() => cluster[3].Figure("part") == "learner", "a learner");
        Assert.Equal(KvStatus.Rejected, cluster.Leader.Admin(RaftAdminKind.Transfer, 3).Status);
        var away = Other(cluster);
        cluster.Kill(away);
        cluster.Run(1_000_000);
        Assert.Equal(KvStatus.Busy, cluster.Leader.Admin(RaftAdminKind.Transfer, away).Status);
        Assert.Equal(KvStatus.NotLeader, cluster[3].Admin(RaftAdminKind.Transfer, 3).Status);
    }

    [Fact]
    public void A_higher_term_ends_it()
    {
        var leader = Leader(out _);
        leader.Admin(RaftAdminKind.Transfer, 1);
        leader.Receive(2, new RaftMessage { Kind = RaftMessageKind.HeartbeatReply, Term = 9 });
        Assert.Equal((RaftRole.Follower, false), (leader.Raft.Role, leader.Raft.IsTransferring));
    }

    [Fact]
    public void A_successor_that_is_removed_meanwhile_ends_it()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        cluster.Settle();
        var (leader, next) = (cluster.Leader, Other(cluster));
        var third = 3 - next - cluster.LeaderNode;
        cluster.Loses = (_, to, _) => to == next;
        Assert.Equal(KvStatus.Ok, leader.Admin(RaftAdminKind.Remove, next).Status);
        Assert.Equal(KvStatus.Ok, leader.Admin(RaftAdminKind.Transfer, next).Status);
        Assert.True(leader.Raft.IsTransferring);
        cluster.Deliver();
        Assert.False(leader.Raft.IsTransferring);
        Assert.Equal(RaftRole.Leader, leader.Raft.Role);
        Assert.NotEqual(next, third);
    }

    private static int Other(TestCluster cluster) =>
        cluster.Alive.Select(a => a.Node).First(n => n != cluster.LeaderNode && n < cluster.Founders);

    /// <summary>A leader of three with entries that nobody else has acknowledged.</summary>
    private static TestNode Leader(out ulong last)
    {
        var leader = new TestNode(0, 3);
        leader.Elect();
        leader.Receive(1, Accept(1));
        leader.Receive(2, Accept(1));
        leader.Request(9, 1, KvKind.Put, "k", "v");
        leader.TakeTo(1);
        leader.TakeTo(2);
        last = leader.Raft.Log.LastIndex;
        return leader;
    }

    /// <summary>Time in which the others answer heartbeats.</summary>
    private static void Pass(TestNode leader, long micros)
    {
        for (var end = leader.Now + micros; leader.Now < end;)
        {
            leader.Advance(long.Min(10_000, end - leader.Now));
            leader.SyncIfNeeded();
            foreach (var peer in (int[])[1, 2])
            {
                leader.Receive(
                    peer, new RaftMessage { Kind = RaftMessageKind.HeartbeatReply, Term = leader.Raft.Term });
            }
        }
    }

    private static RaftMessage Accept(ulong index) =>
        new() { Kind = RaftMessageKind.AppendReply, Term = 1, Yes = true, Index = index };
}
