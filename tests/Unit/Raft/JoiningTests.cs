using Testbed.Raft;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>Nodes without memory come back as other members: learner, snapshot, joint change.</summary>
public sealed class JoiningTests
{
    [Fact]
    public void A_killed_memory_node_comes_back_as_a_learner_gets_a_snapshot_and_then_votes()
    {
        var (cluster, follower) = Three();
        cluster.Kill(follower);
        cluster.Put("while it was away");
        cluster.Boot(follower);
        var stages = Stages(cluster, follower);
        var (before, after) = (Row(follower, 1), Row(follower, 2));
        Assert.Equal([before, $"{before} | {follower}.2", $"{after} & {before}", after], stages);
        Assert.Equal("1", cluster.Leader.Figure("snapshots_sent"));
        Assert.Equal("1", cluster.Leader.Figure("members_replaced"));
        Assert.Equal(("voter", "2"), (cluster[follower].Figure("part"), cluster[follower].Figure("incarnation")));
        cluster.Settle();
        Assert.Equal(TestCluster.State(cluster.Leader), TestCluster.State(cluster[follower]));
    }

    [Fact]
    public void Nothing_a_former_life_said_counts_for_its_successor_or_for_anybody()
    {
        var (cluster, follower) = Replaced();
        var leader = cluster.Leader;
        cluster.Loses = (_, _, _) => true;
        leader.Request(9, 1, KvKind.Put, "late", "v");
        var (commit, last) = (leader.Raft.Commit, leader.Raft.Log.LastIndex);
        Assert.Equal(commit + 1, last);
        leader.Sync();
        var term = leader.Raft.Term;
        var round = leader.Raft.BeginReadRound();
        RaftMessage[] late =
        [
            new() { Kind = RaftMessageKind.AppendReply, Term = term, Yes = true, Index = last },
            new() { Kind = RaftMessageKind.AppendReply, Term = term, Index = 1, Hint = 0 },
            new() { Kind = RaftMessageKind.HeartbeatReply, Term = term, Round = round },
            new() { Kind = RaftMessageKind.SnapshotReply, Term = term, Index = last, Hint = 1 },
        ];
        foreach (var message in late)
        {
            leader.Receive(follower, message);
        }

        Assert.Equal(commit, leader.Raft.Commit);
        Assert.True(leader.Raft.ConfirmedRound < round);
        Assert.Equal(ReplicationState.Replicate, leader.Raft.Progress(SlotOf(leader, follower, 2)).State);
        leader.Receive(follower, late[0] with { From = 2 });
        Assert.Equal(last, leader.Raft.Commit);
    }

    [Fact]
    public void What_was_meant_for_a_former_life_the_new_process_does_not_hear()
    {
        var (cluster, follower) = Replaced();
        var process = cluster[follower];
        process.Sync();
        var before = (process.Raft.Term, process.Raft.Vote, process.Raft.Log.LastIndex);
        var sender = cluster.Alive.First(a => a.Node != follower).Node;
        process.Receive(sender, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = before.Term + 5 });
        process.Receive(sender, new RaftMessage { Kind = RaftMessageKind.Vote, Term = before.Term + 5, Yes = true });
        process.Receive(sender, new RaftMessage { Kind = RaftMessageKind.PreVote, Term = before.Term + 5 });
        process.Receive(sender, new RaftMessage
        {
            Kind = RaftMessageKind.Append, Term = before.Term + 5, Entries = TestNode.Entries(1, 1),
        });
        process.Receive(sender, new RaftMessage { Kind = RaftMessageKind.TimeoutNow, Term = before.Term });
        process.Sync();
        Assert.Equal(before, (process.Raft.Term, process.Raft.Vote, process.Raft.Log.LastIndex));
        Assert.Empty(process.TakeTo(sender));
    }

    [Fact]
    public void Votes_of_a_former_life_elect_nobody()
    {
        var (cluster, follower) = Replaced();
        var node = cluster.Alive.First(a => a.Node != follower && a.Node != cluster.LeaderNode).Node;
        var candidate = cluster[node];
        cluster.Kill(cluster.LeaderNode);
        cluster.Loses = (_, _, _) => true;
        cluster.Until(() => candidate.Raft.Role == RaftRole.PreCandidate, "a candidate");
        var yes = new RaftMessage { Kind = RaftMessageKind.PreVoteReply, Term = candidate.Raft.Term + 1, Yes = true };
        candidate.Receive(follower, yes);
        Assert.Equal(RaftRole.PreCandidate, candidate.Raft.Role);
        candidate.Receive(follower, yes with { From = 2 });
        Assert.Equal(RaftRole.Candidate, candidate.Raft.Role);
        candidate.Sync();
        yes = new RaftMessage { Kind = RaftMessageKind.VoteReply, Term = candidate.Raft.Term, Yes = true };
        candidate.Receive(follower, yes);
        Assert.Equal(RaftRole.Candidate, candidate.Raft.Role);
        candidate.Receive(follower, yes with { From = 2 });
        Assert.Equal(RaftRole.Leader, candidate.Raft.Role);
    }

    [Fact]
    public void Two_nodes_of_five_come_back_at_once()
    {
        var cluster = new TestCluster(5, isVolatile: true).Ready();
        Fill(cluster, 20);
        var victims = cluster.Alive.Select(a => a.Node).Where(n => n != cluster.LeaderNode).Take(2).ToList();
        victims.ForEach(cluster.Kill);
        cluster.Put("away");
        victims.ForEach(n => cluster.Boot(n));
        Whole(cluster, victims.ToDictionary(n => n, _ => 2U));
    }

    [Fact]
    public void A_leader_that_dies_while_it_brings_a_node_back_leaves_that_to_the_next()
    {
        foreach (var stage in (string[])["learner", "joint"])
        {
            var cluster = new TestCluster(5, isVolatile: true).Ready();
            Fill(cluster, 20);
            var follower = cluster.Alive.First(a => a.Node != cluster.LeaderNode).Node;
            cluster.Kill(follower);
            cluster.Boot(follower);
            cluster.UntilStep(
                () => stage == "joint" ? cluster.Leader.Raft.Roster.Configuration.IsJoint
                    : !cluster.Leader.Raft.Roster.Configuration.Learners.IsEmpty,
                stage);
            var leader = cluster.LeaderNode;
            cluster.Kill(leader);
            cluster.Boot(leader);
            Whole(cluster, new Dictionary<int, uint> { [follower] = 2, [leader] = 2 });
        }
    }

    [Fact]
    public void A_handed_over_leadership_does_not_lose_the_learner()
    {
        var (cluster, follower) = Three();
        cluster.Kill(follower);
        cluster.Boot(follower);
        cluster.UntilStep(() => !cluster.Leader.Raft.Roster.Configuration.Learners.IsEmpty, "a learner");
        var next = cluster.Alive.Select(a => a.Node).First(n => n != follower && n != cluster.LeaderNode);
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Transfer, next).Status);
        Whole(cluster, new Dictionary<int, uint> { [follower] = 2 });
    }

    [Fact]
    public void A_joiner_that_dies_again_as_a_learner_is_followed_by_another_and_never_votes()
    {
        var (cluster, follower) = Three();
        cluster.Kill(follower);
        cluster.Boot(follower);
        cluster.UntilStep(() => !cluster.Leader.Raft.Roster.Configuration.Learners.IsEmpty, "a learner");
        cluster.Kill(follower);
        cluster.Run(300_000);
        cluster.Boot(follower);
        var stages = Stages(cluster, follower);
        Assert.DoesNotContain(stages, s => s.Split('|')[0].Contains($"{follower}.2", StringComparison.Ordinal));
        Whole(cluster, new Dictionary<int, uint> { [follower] = 3 });
    }

    [Fact]
    public void A_joiner_that_dies_in_the_joint_change_is_replaced_once_more()
    {
        var cluster = new TestCluster(5, isVolatile: true).Ready();
        Fill(cluster, 5);
        var follower = cluster.Alive.First(a => a.Node != cluster.LeaderNode).Node;
        cluster.Kill(follower);
        cluster.Boot(follower);
        cluster.UntilStep(() => cluster.Leader.Raft.Roster.Configuration.IsJoint, "joint");
        cluster.Kill(follower);
        cluster.Boot(follower);
        Whole(cluster, new Dictionary<int, uint> { [follower] = 3 });
    }

    [Fact]
    public void Every_node_may_be_restarted_in_turn_without_losing_a_write()
    {
        var cluster = new TestCluster(3, isVolatile: true).Ready();
        for (var round = 0; round < 2; round++)
        {
            for (var node = 0; node < 3; node++)
            {
                cluster.Ready();
                Assert.Equal(KvStatus.Ok, cluster.Put($"k{round}.{node}"));
                cluster.Kill(node);
                cluster.Boot(node);
                cluster.Until(() => cluster[node].Figure("part") == "voter", "it votes again");
                cluster.Until(() => !cluster.Leader.Raft.Roster.Configuration.IsJoint, "the change is over");
            }
        }

        cluster.Settle();
        Assert.All(cluster.Alive, a => Assert.Equal(6, a.Process.Store.Count));
        Assert.All(cluster.Alive, a => Assert.Equal(3U, a.Process.Raft.Incarnation));
    }

    [Fact]
    public void A_node_whose_log_was_put_aside_joins_anew_and_keeps_that_life_across_restarts()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        Fill(cluster, 10);
        var follower = cluster.Alive.First(a => a.Node != cluster.LeaderNode).Node;
        cluster.Kill(follower);
        cluster.Boot(follower, amnesia: true);
        cluster.Run(50_000);
        cluster.Until(() => cluster[follower].Figure("part") == "voter", "it votes again");
        cluster.Settle();
        cluster.Kill(follower);
        cluster.Boot(follower);
        cluster.Put("after");
        cluster.Settle();
        Assert.Equal(2U, cluster[follower].Raft.Incarnation);
        Assert.Equal(TestCluster.State(cluster.Leader), TestCluster.State(cluster[follower]));
    }

    [Fact]
    public void A_node_that_lost_its_log_and_was_not_welcomed_yet_takes_no_part_after_a_restart_either()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        var follower = cluster.Alive.First(a => a.Node != cluster.LeaderNode).Node;
        cluster.Kill(follower);
        cluster.Loses = (from, to, _) => from == follower || to == follower;
        cluster.Boot(follower, amnesia: true);
        cluster.Run(100_000);
        cluster.Kill(follower);
        cluster.Boot(follower);
        Assert.Equal(0U, cluster[follower].Raft.Incarnation);
        Assert.True(cluster[follower].Raft.Roster.Configuration.Members.IsEmpty);
    }

    [Fact]
    public void A_node_that_nobody_added_is_not_admitted_and_one_that_was_removed_neither()
    {
        var cluster = new TestCluster(3, isVolatile: true).Ready();
        cluster.Boot(3);
        cluster.Run(1_000_000);
        Assert.Equal(0U, cluster[3].Raft.Incarnation);
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.AddLearner, 3).Status);
        cluster.Until(() => cluster[3].Figure("part") == "learner", "a learner");
        cluster.Settle();
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Promote, 3).Status);
        cluster.Until(() => cluster[3].Figure("part") == "voter", "a voter");
        cluster.Settle();
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Remove, 3).Status);
        cluster.Until(() => TestCluster.Members(cluster.Leader) == "0.1 1.1 2.1", "three again");
        cluster.Kill(3);
        cluster.Boot(3);
        cluster.Run(1_000_000);
        Assert.Equal(0U, cluster[3].Raft.Incarnation);
        Assert.Equal("0.1 1.1 2.1", TestCluster.Members(cluster.Leader));
    }

    [Fact]
    public void A_learner_is_not_promoted_before_it_has_caught_up()
    {
        var cluster = new TestCluster(3, isVolatile: true, o => o with { CaughtUpBytes = 0 }).Ready();
        Fill(cluster, 5);
        cluster.Leader.Admin(RaftAdminKind.AddLearner, 3);
        cluster.Loses = (_, to, m) => to == 3 && m.Kind is RaftMessageKind.Append or RaftMessageKind.SnapshotChunk;
        cluster.Boot(3);
        cluster.Until(() => cluster[3].Raft.Incarnation > 0, "welcome");
        Assert.Equal(KvStatus.Busy, cluster.Leader.Admin(RaftAdminKind.Promote, 3).Status);
        cluster.Loses = (_, _, _) => false;
        cluster.Reconnect(cluster.LeaderNode, 3);
        cluster.Settle();
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Promote, 3).Status);
    }

    private static (TestCluster Cluster, int Follower) Three()
    {
        var cluster = new TestCluster(3, isVolatile: true).Ready();
        Fill(cluster, 20);
        return (cluster, cluster.Alive.First(a => a.Node != cluster.LeaderNode).Node);
    }

    private static (TestCluster Cluster, int Follower) Replaced()
    {
        var (cluster, follower) = Three();
        cluster.Kill(follower);
        cluster.Boot(follower);
        Whole(cluster, new Dictionary<int, uint> { [follower] = 2 });
        return (cluster, follower);
    }

    private static void Fill(TestCluster cluster, int keys)
    {
        for (var i = 0; i < keys; i++)
        {
            Assert.Equal(KvStatus.Ok, cluster.Put($"k{i}", new string('x', 40)));
        }
    }

    /// <summary>Everybody votes again, in the given lives (else the first), and holds the same.</summary>
    private static void Whole(TestCluster cluster, Dictionary<int, uint> lives)
    {
        var members = string.Join(
            ' ', Enumerable.Range(0, cluster.Founders).Select(n => $"{n}.{lives.GetValueOrDefault(n, 1U)}"));
        cluster.Until(
            () => cluster.LeaderOrNull is { } l && TestCluster.Members(l) == members, $"members {members}");
        Assert.Equal(KvStatus.Ok, cluster.Put("whole"));
        cluster.Settle();
        cluster.Until(() => cluster.Alive.All(a => TestCluster.State(a.Process) == TestCluster.State(cluster.Leader)),
            "the same everywhere");
    }

    /// <summary>The members as the leader has them, one after the other, until the node votes.</summary>
    private static List<string> Stages(TestCluster cluster, int node)
    {
        var stages = new List<string>();
        cluster.Sees = (_, _, _) => Look();
        Look();
        cluster.Until(
            () => cluster[node].Figure("part") == "voter" && !cluster.Leader.Raft.Roster.Configuration.IsJoint,
            "it votes");
        Look();
        cluster.Sees = null;
        return stages;

        void Look()
        {
            var members = TestCluster.Members(cluster.Leader);
            if (stages.LastOrDefault() != members)
            {
                stages.Add(members);
            }
        }
    }

    /// <summary>Three voters, one of them in the given life.</summary>
    private static string Row(int node, uint life) =>
        string.Join(' ', Enumerable.Range(0, 3).Select(n => $"{n}.{(n == node ? life : 1)}"));

    private static int SlotOf(TestNode node, int other, uint incarnation) =>
        node.Raft.Roster.SlotOf(new MemberId(new NodeId((byte)other), incarnation));
}
