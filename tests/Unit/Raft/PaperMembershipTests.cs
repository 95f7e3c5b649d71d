using Testbed.Raft;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>
/// Claims of the Raft paper (extended version) on changes of the members; each test names its section.
/// </summary>
public sealed class PaperMembershipTests
{
    [Fact]
    public void S6_a_change_goes_through_a_joint_configuration_that_is_left_by_itself()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        var leader = cluster.Leader;
        var last = leader.Raft.Log.LastIndex;
        var seen = new List<string> { TestCluster.Members(leader) };
        cluster.Sees = (_, _, _) => Note();
        Assert.True(Shrink(cluster, Transition.JointAutoLeave));
        cluster.Run(200_000);
        var node = cluster.LeaderNode;
        Assert.Equal(2, seen.Count(m => !m.Contains('&', StringComparison.Ordinal)));
        Assert.Single(seen, m => m.Contains('&', StringComparison.Ordinal));
        Assert.Equal(last + 2, leader.Raft.Log.LastIndex);
        Assert.Equal(node, cluster.LeaderNode);

        void Note()
        {
            if (seen[^1] != TestCluster.Members(leader))
            {
                seen.Add(TestCluster.Members(leader));
            }
        }
    }

    [Fact]
    public void S6_an_explicit_joint_configuration_stays_until_it_is_left_by_a_proposal()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        var leader = cluster.Leader;
        Assert.True(Shrink(cluster, Transition.JointExplicit));
        cluster.Run(1_000_000);
        Assert.True(leader.Raft.Roster.Configuration.IsJoint);
        Assert.False(Shrink(cluster, Transition.JointExplicit));
        Assert.True(leader.Raft.TryChangeMembers(new MembershipEntry(ConfigurationChange.LeaveJoint, null)));
        Assert.False(leader.Raft.TryChangeMembers(new MembershipEntry(ConfigurationChange.LeaveJoint, null)));
        cluster.Run(1_000_000);
        Assert.False(leader.Raft.Roster.Configuration.IsJoint);
        Assert.Equal(2, leader.Raft.Roster.Configuration.Learners.Count);
    }

    [Fact]
    public void S6_agreement_in_a_joint_configuration_takes_both_majorities()
    {
        // Outgoing n0 n1 n2, incoming n0 n3 n4.
        var node = Joint(out var slots);
        node.Request(9, 1, KvKind.Put, "k", "v");
        node.Sync();
        var last = node.Raft.Log.LastIndex;
        Acknowledge(node, 1, last);
        Acknowledge(node, 2, last);
        Assert.True(node.Raft.Commit < last);
        Acknowledge(node, 3, last);
        Assert.Equal(last, node.Raft.Commit);
        Assert.Equal(5, slots.Count);
    }

    [Fact]
    public void S6_a_read_and_check_quorum_in_a_joint_configuration_take_both_majorities()
    {
        var node = Joint(out _);
        node.Request(9, 1, KvKind.Get, "k");
        var round = node.Raft.ReadRound;
        Beat(1, 1);
        Beat(2, 1);
        Assert.Empty(node.TakeAnswers(9));
        Beat(4, 1);
        Assert.Single(node.TakeAnswers(9));
        for (var i = 0; i < 4; i++)
        {
            node.Advance(200_000);
            Beat(1, 1);
            Beat(2, 1);
        }

        Assert.Equal(RaftRole.Follower, node.Raft.Role);

        void Beat(int from, uint life) => node.Receive(from, new RaftMessage
        {
            Kind = RaftMessageKind.HeartbeatReply, Term = node.Raft.Term, Round = round, From = life,
        });
    }

    [Fact]
    public void S6_an_election_in_a_joint_configuration_takes_both_majorities()
    {
        var node = Joint(out _);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = node.Raft.Term + 1 });
        while (node.Raft.Role != RaftRole.PreCandidate)
        {
            node.Advance(10_000);
        }

        Yes(RaftMessageKind.PreVoteReply, 1, node.Raft.Term + 1);
        Yes(RaftMessageKind.PreVoteReply, 2, node.Raft.Term + 1);
        Assert.Equal(RaftRole.PreCandidate, node.Raft.Role);
        Yes(RaftMessageKind.PreVoteReply, 3, node.Raft.Term + 1);
        Assert.Equal(RaftRole.Candidate, node.Raft.Role);
        node.Sync();
        Yes(RaftMessageKind.VoteReply, 3, node.Raft.Term);
        Yes(RaftMessageKind.VoteReply, 4, node.Raft.Term);
        Assert.Equal(RaftRole.Candidate, node.Raft.Role);
        Yes(RaftMessageKind.VoteReply, 2, node.Raft.Term);
        Assert.Equal(RaftRole.Leader, node.Raft.Role);

        void Yes(RaftMessageKind kind, int from, ulong term) =>
            node.Receive(from, new RaftMessage { Kind = kind, Term = term, Yes = true });
    }

    [Fact]
    public void S6_while_one_change_is_under_way_no_other_is_taken()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        var leader = cluster.Leader;
        cluster.Loses = (_, _, _) => true;
        Assert.Equal(KvStatus.Ok, leader.Admin(RaftAdminKind.AddLearner, 3).Status);
        Assert.Equal(KvStatus.Busy, leader.Admin(RaftAdminKind.AddLearner, 4).Status);
        Assert.Equal(KvStatus.Busy, leader.Admin(RaftAdminKind.Remove, (cluster.LeaderNode + 1) % 3).Status);
        cluster.Loses = (_, _, _) => false;
        cluster.Reconnect(0, 1);
        cluster.Reconnect(0, 2);
        cluster.Reconnect(1, 2);
        cluster.Ready().Settle();
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.AddLearner, 4).Status);
    }

    [Fact]
    public void S6_a_new_leader_changes_nothing_before_it_has_committed_an_entry_of_its_term()
    {
        var node = new TestNode(0, 3);
        node.Elect();
        Assert.Equal(KvStatus.Busy, node.Admin(RaftAdminKind.AddLearner, 3).Status);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.AppendReply, Term = 1, Yes = true, Index = 1 });
        Assert.Equal(KvStatus.Ok, node.Admin(RaftAdminKind.AddLearner, 3).Status);
    }

    [Fact]
    public void S6_a_leader_that_is_removed_manages_the_cluster_until_that_is_committed_then_tells_and_steps_down()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        var (leader, node) = (cluster.Leader, cluster.LeaderNode);
        var heartbeats = 0UL;
        cluster.Sees = (from, _, m) =>
            heartbeats = from == node && m.Kind == RaftMessageKind.Heartbeat ? m.Commit : heartbeats;
        Assert.Equal(KvStatus.Ok, leader.Admin(RaftAdminKind.Remove, node).Status);
        cluster.Until(() => leader.Raft.Role == RaftRole.Follower, "it steps down", 100_000);
        Assert.Equal(leader.Raft.Commit, heartbeats);
        Assert.Equal("removed", leader.Figure("part"));
        cluster.Until(() => cluster.LeaderOrNull is not null, "another leader");
        Assert.NotEqual(node, cluster.LeaderNode);
        Assert.Equal(KvStatus.Ok, cluster.Put("k"));
        var term = cluster.Leader.Raft.Term;
        cluster.Run(5_000_000);
        Assert.Equal(term, cluster.Leader.Raft.Term);
        Assert.Equal(2, cluster.Leader.Raft.Roster.Configuration.Voters.Count);
    }

    [Fact]
    public void S6_a_leader_that_is_removed_leads_until_those_that_stay_know_it()
    {
        var cluster = new TestCluster(2, isVolatile: false).Ready();
        cluster.Settle();
        var (leader, node, last) = (cluster.Leader, cluster.LeaderNode, cluster.Leader.Raft.Log.LastIndex);
        var lost = 0;
        cluster.Loses = (_, _, m) => m.Kind == RaftMessageKind.Heartbeat && m.Commit > last && lost++ < 5;
        Assert.Equal(KvStatus.Ok, leader.Admin(RaftAdminKind.Remove, node).Status);
        cluster.Until(() => leader.Raft.Role == RaftRole.Follower, "it steps down");

        // It never comes back, and its vote is not needed any more.
        cluster.Kill(node);
        cluster.Until(() => cluster.LeaderOrNull is not null, "who stays leads");
        Assert.Equal(KvStatus.Ok, cluster.Put("k"));
    }

    [Fact]
    public void A_voter_is_not_removed_while_too_few_of_those_left_are_heard_to_decide_anything()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        cluster.Settle();
        var others = cluster.Alive.Select(a => a.Node).Where(n => n != cluster.LeaderNode).ToList();
        cluster.Kill(others[0]);
        cluster.Run(1_000_000);
        Assert.Equal(KvStatus.Busy, cluster.Leader.Admin(RaftAdminKind.Remove, others[1]).Status);
        Assert.Equal(KvStatus.Ok, cluster.Put("k"));
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Remove, others[0]).Status);
        cluster.Settle();
        Assert.Equal(KvStatus.Ok, cluster.Put("k"));
    }

    [Fact]
    public void S6_a_learner_gets_the_log_but_neither_votes_campaigns_nor_counts()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        cluster.Leader.Admin(RaftAdminKind.AddLearner, 3);
        cluster.Boot(3);
        cluster.Until(() => cluster[3].Figure("part") == "learner", "a learner");
        cluster.Settle();
        Assert.Equal(TestCluster.State(cluster.Leader), TestCluster.State(cluster[3]));
        var asked = false;
        cluster.Sees = (from, to, m) =>
            asked |= (from == 3 || to == 3) && m.Kind is (RaftMessageKind.PreVote or RaftMessageKind.Vote);
        var leader = cluster.LeaderNode;
        foreach (var node in (int[])[.. Enumerable.Range(0, 3).Where(n => n != leader)])
        {
            cluster.Kill(node);
        }

        cluster.Leader.Request(9, 1, KvKind.Put, "k", "v");
        var commit = cluster.Leader.Raft.Commit;
        cluster.Deliver();
        Assert.Equal(commit + 1, cluster[3].Raft.Log.LastIndex);
        Assert.Equal(commit, cluster[leader].Raft.Commit);
        cluster.Run(10_000_000);
        Assert.Null(cluster.LeaderOrNull);
        Assert.False(asked);
        Assert.Equal(0, cluster[3].Raft.PreVotes);
    }

    [Fact]
    public void S6_a_learner_that_does_not_know_yet_that_it_votes_answers_who_knows()
    {
        // Else a cluster whose voters are there could be without a leader.
        var node = new TestNode(0, 3);
        Assert.Equal(ChangeError.None, ConfigurationChanger.Simple(
            node.Raft.Roster, [new MemberChange(MemberChangeKind.Learner, Member(0))], out var learner));
        Assert.True(Roster.TryRestore(learner.ToRecord(), out var restored));
        Assert.True(node.Raft.Restore(1, 1, restored, new MemberBook(3)));
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 2, Index = 5, LogTerm = 1 });
        node.Sync();
        Assert.True(Assert.Single(node.TakeTo(1)).Yes);
    }

    [Fact]
    public void S6_servers_outside_the_configuration_do_not_disrupt_it()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        var removed = cluster.Alive.First(a => a.Node != cluster.LeaderNode).Node;
        cluster.Loses = (_, to, _) => to == removed;
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Remove, removed).Status);
        cluster.Until(() => TestCluster.Members(cluster.Leader).Length == 7, "two members");
        cluster.Loses = (_, _, _) => false;
        cluster.Reconnect(removed, cluster.LeaderNode);
        var (term, leader) = (cluster.Leader.Raft.Term, cluster.LeaderNode);
        cluster.Run(10_000_000);
        Assert.True(cluster[removed].Raft.PreVotes > 0);
        Assert.Equal((term, leader), (cluster.Leader.Raft.Term, cluster.LeaderNode));
    }

    [Fact]
    public void The_last_voter_cannot_be_removed_and_a_change_that_was_made_is_ok_again()
    {
        var cluster = new TestCluster(1, isVolatile: false).Ready();
        Assert.Equal(KvStatus.Rejected, cluster.Leader.Admin(RaftAdminKind.Remove, 0).Status);
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Remove, 2).Status);
        Assert.Equal(KvStatus.Rejected, cluster.Leader.Admin(RaftAdminKind.Promote, 2).Status);
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Promote, 0).Status);
        Assert.Equal(KvStatus.Rejected, cluster.Leader.Admin(RaftAdminKind.AddLearner, 0).Status);
        Assert.Equal(KvStatus.Rejected, cluster.Leader.Admin(RaftAdminKind.AddLearner, 200).Status);
    }

    [Fact]
    public void S6_a_new_leader_finishes_a_joint_change_that_its_predecessor_began()
    {
        var cluster = new TestCluster(5, isVolatile: false).Ready();
        var leader = cluster.LeaderNode;
        var slotless = (leader + 1) % 5;
        Assert.True(cluster.Leader.Raft.TryChangeMembers(new MembershipEntry(new ConfigurationChange(
            Transition.JointAutoLeave, new[] { new MemberChange(MemberChangeKind.Learner, Member(slotless)) }), null)));
        cluster.UntilStep(() => cluster.Alive.All(a => a.Process.Raft.Roster.Configuration.IsJoint
            || a.Process.Raft.Roster.Configuration.Learners.Count == 1), "joint somewhere");
        cluster.Kill(leader);
        cluster.Ready();
        cluster.Until(() => TestCluster.Members(cluster.Leader).EndsWith($"| {slotless}.1", StringComparison.Ordinal)
            && !cluster.Leader.Raft.Roster.Configuration.IsJoint, "left");
    }

    /// <summary>A leader in a joint configuration: outgoing n0 n1 n2, incoming n0 n3 n4; the entry committed.</summary>
    private static TestNode Joint(out PeerSet members)
    {
        var node = new TestNode(0, 3);
        node.Elect();
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.AppendReply, Term = 1, Yes = true, Index = 1 });
        Assert.True(node.Raft.TryChangeMembers(new MembershipEntry(
            new ConfigurationChange(Transition.JointExplicit, new[]
            {
                new MemberChange(MemberChangeKind.Remove, Member(1)),
                new MemberChange(MemberChangeKind.Remove, Member(2)),
                new MemberChange(MemberChangeKind.Voter, Member(3)),
                new MemberChange(MemberChangeKind.Voter, Member(4)),
            }), null)));
        node.Core.Flush(node);
        node.Sync();
        Acknowledge(node, 1, 2);
        Assert.True(node.Raft.Roster.Configuration.IsJoint);
        members = node.Raft.Roster.Configuration.Members;
        return node;
    }

    private static MemberId Member(int node) => new(new NodeId((byte)node), 1);

    /// <summary>The leader stays the only voter of three.</summary>
    private static bool Shrink(TestCluster cluster, Transition transition)
    {
        var leader = cluster.Leader;
        MemberChange[] changes =
        [
            .. Enumerable.Range(0, 3).Where(n => n != cluster.LeaderNode)
                .Select(n => new MemberChange(MemberChangeKind.Learner, Member(n))),
        ];
        var done = leader.Raft.TryChangeMembers(
            new MembershipEntry(new ConfigurationChange(transition, changes), null));
        leader.Core.Flush(leader);
        return done;
    }

    private static void Acknowledge(TestNode node, int from, ulong index) => node.Receive(
        from, new RaftMessage { Kind = RaftMessageKind.AppendReply, Term = node.Raft.Term, Yes = true, Index = index });
}
