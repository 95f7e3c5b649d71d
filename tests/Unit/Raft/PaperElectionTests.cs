using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>
/// Claims of the Raft paper (extended version) on terms, votes and elections; each test names its section.
/// </summary>
public sealed class PaperElectionTests
{
    [Fact]
    public void S5_1_a_request_with_a_stale_term_is_rejected_and_told_the_current_one()
    {
        var node = new TestNode(0, 3, TestNode.Log(5, 1, 2));
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Append, Term = 4, Index = 2, LogTerm = 2 });
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 4, Index = 9, LogTerm = 4 });
        var answers = node.TakeTo(1);
        Assert.Equal([RaftMessageKind.HeartbeatReply, RaftMessageKind.VoteReply], answers.Select(a => a.Kind));
        Assert.All(answers, a => Assert.True(a.Term == 5 && !a.Yes));
        Assert.Equal(RaftProtocol.None, node.Raft.Leader);
    }

    [Fact]
    public void S5_1_a_leader_that_sees_a_higher_term_becomes_follower()
    {
        var node = new TestNode(0, 3);
        node.Elect();
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.HeartbeatReply, Term = node.Raft.Term + 3 });
        Assert.Equal((RaftRole.Follower, 4UL), (node.Raft.Role, node.Raft.Term));
    }

    [Fact]
    public void S5_1_term_and_vote_are_durable_before_the_vote_leaves()
    {
        var node = new TestNode(0, 3);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 7 });
        Assert.Empty(node.TakeTo(1));
        node.Sync();
        Assert.True(Assert.Single(node.TakeTo(1)) is { Kind: RaftMessageKind.VoteReply, Yes: true, Term: 7 });
    }

    [Fact]
    public void S5_2_a_server_votes_once_per_term_even_across_a_restart()
    {
        var node = new TestNode(0, 3);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 7 });
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 7 });
        node.Sync();
        Assert.False(Assert.Single(node.TakeTo(2)).Yes);

        var again = new TestNode(0, 3, node.Records);
        again.Receive(2, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 7 });
        again.Receive(1, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 7 });
        again.Sync();
        Assert.False(again.TakeTo(2).Single(m => m.Kind == RaftMessageKind.VoteReply).Yes);
        Assert.True(again.TakeTo(1).Single(m => m.Kind == RaftMessageKind.VoteReply).Yes);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 1)]
    [InlineData(5, 2)]
    [InlineData(7, 3)]
    public void S5_2_a_candidate_wins_with_a_majority_and_its_own_vote_counts_when_durable(int nodes, int needed)
    {
        var node = new TestNode(0, nodes);
        while (node.Raft.Role == RaftRole.Follower)
        {
            node.Advance(1_000);
        }

        for (var i = 1; i <= needed; i++)
        {
            node.Receive(i, new RaftMessage { Kind = RaftMessageKind.PreVoteReply, Term = 1, Yes = true });
        }

        Assert.Equal((RaftRole.Candidate, 1UL), (node.Raft.Role, node.Raft.Term));
        for (var i = 1; i <= needed; i++)
        {
            node.Receive(i, new RaftMessage { Kind = RaftMessageKind.VoteReply, Term = 1, Yes = true });
        }

        Assert.Equal(RaftRole.Candidate, node.Raft.Role);
        node.Sync();
        Assert.Equal(RaftRole.Leader, node.Raft.Role);
    }

    [Fact]
    public void S5_2_vote_requests_leave_only_when_the_term_and_the_log_they_claim_are_durable()
    {
        var node = new TestNode(0, 3);
        node.Advance(60_000);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.PreVoteReply, Term = 1, Yes = true });
        Assert.DoesNotContain(node.TakeTo(1), m => m.Kind == RaftMessageKind.Vote);
        node.Sync();
        Assert.Contains(node.TakeTo(1), m => m.Kind == RaftMessageKind.Vote);
    }

    [Fact]
    public void S5_2_a_candidate_that_hears_the_leader_of_its_term_follows_it()
    {
        var node = new TestNode(0, 3);
        node.Advance(60_000);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.PreVoteReply, Term = 1, Yes = true });
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        Assert.Equal((RaftRole.Follower, 2), (node.Raft.Role, node.Raft.Leader));
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.VoteReply, Term = 1, Yes = true });
        node.Sync();
        Assert.Equal(RaftRole.Follower, node.Raft.Role);
    }

    [Fact]
    public void S5_2_a_second_leader_in_one_term_stops_the_process()
    {
        var node = new TestNode(0, 3);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        var found = Assert.Throws<InvariantViolation>(
            () => node.Receive(2, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 }));
        Assert.Contains("R1", found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void S5_2_a_new_leader_tells_everybody_at_once()
    {
        var node = new TestNode(0, 5);
        node.Elect();
        for (var peer = 1; peer < 5; peer++)
        {
            Assert.Contains(node.TakeTo(peer), m => m is { Kind: RaftMessageKind.Heartbeat, Term: 1 });
        }
    }

    [Fact]
    public void S5_2_election_timeouts_are_spread_over_a_whole_timeout()
    {
        var waits = new SortedSet<long>();
        for (var self = 0; self < 20; self++)
        {
            var node = new TestNode(self, 21);
            node.Receive(20, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
            var start = node.Now;
            while (node.Raft.Role == RaftRole.Follower)
            {
                node.Advance(1_000);
            }

            waits.Add(node.Now - start);
        }

        Assert.InRange(waits.Min, 500_000, 700_000);
        Assert.InRange(waits.Max, 800_000, 1_001_000);
        Assert.True(waits.Count > 15);
    }

    [Theory]
    [InlineData(3, 3, 5, true)] // longer, same term
    [InlineData(3, 3, 3, true)] // equal
    [InlineData(3, 3, 2, false)] // shorter, same term
    [InlineData(3, 4, 1, true)] // later term, however short
    [InlineData(3, 2, 9, false)] // earlier term, however long
    public void S5_4_1_a_voter_refuses_a_candidate_whose_log_is_behind(
        ulong own, ulong lastTerm, ulong lastIndex, bool granted)
    {
        foreach (var kind in (RaftMessageKind[])[RaftMessageKind.PreVote, RaftMessageKind.Vote])
        {
            var node = new TestNode(0, 3, TestNode.Log(4, 1, own, own));
            node.Receive(1, new RaftMessage { Kind = kind, Term = 6, Index = lastIndex, LogTerm = lastTerm });
            node.Sync();
            Assert.Equal(granted, Assert.Single(node.TakeTo(1)).Yes);
        }
    }

    [Fact]
    public void Thesis_9_6_a_pre_vote_changes_no_term_and_a_refused_candidate_keeps_its_own()
    {
        var node = new TestNode(0, 3);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.PreVote, Term = 9 });
        Assert.True(Assert.Single(node.TakeTo(1)) is { Yes: true, Term: 9 });
        Assert.Equal(0UL, node.Raft.Term);
        node.Advance(60_000);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.PreVoteReply, Term = 0 + 1 });
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.PreVoteReply, Term = 0 + 1 });
        Assert.Equal(0, node.Raft.Elections);
    }

    [Fact]
    public void Thesis_4_2_3_nobody_is_helped_while_the_leader_is_heard()
    {
        var node = new TestNode(0, 3);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.PreVote, Term = 2 });
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 5 });
        Assert.Equal(1UL, node.Raft.Term);
        Assert.False(Assert.Single(node.TakeTo(2)).Yes);

        node.Core.LinkDown(Endpoint.Peer(new NodeId(1)), node);
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.PreVote, Term = 2 });
        Assert.True(Assert.Single(node.TakeTo(2)).Yes);
    }

    [Fact]
    public void Thesis_6_2_a_leader_that_hears_no_quorum_for_an_election_timeout_steps_down()
    {
        var node = new TestNode(0, 5);
        node.Elect();
        for (var i = 0; i < 4; i++)
        {
            node.Advance(300_000);
            node.Receive(1, new RaftMessage { Kind = RaftMessageKind.HeartbeatReply, Term = 1 });
            node.Receive(2, new RaftMessage { Kind = RaftMessageKind.HeartbeatReply, Term = 1 });
        }

        Assert.Equal(RaftRole.Leader, node.Raft.Role);
        node.Advance(300_000);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.HeartbeatReply, Term = 1 });
        node.Advance(300_000);
        Assert.Equal((RaftRole.Follower, 1UL), (node.Raft.Role, node.Raft.Term));
    }

    [Fact]
    public void A_broken_stream_to_the_leader_starts_a_pre_vote_within_50_ms()
    {
        var node = new TestNode(0, 3);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        node.Core.LinkDown(Endpoint.Peer(new NodeId(2)), node);
        node.Advance(60_000);
        Assert.Equal(RaftRole.Follower, node.Raft.Role);
        node.Core.LinkDown(Endpoint.Peer(new NodeId(1)), node);
        node.Advance(9_000);
        Assert.Equal(RaftRole.Follower, node.Raft.Role);
        node.Advance(41_001);
        Assert.Equal(RaftRole.PreCandidate, node.Raft.Role);
    }

    [Fact]
    public void Time_in_which_the_process_stood_still_is_not_held_against_others()
    {
        var follower = new TestNode(0, 3);
        follower.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        follower.Jump(5_000_000);
        Assert.Equal((RaftRole.Follower, 1), (follower.Raft.Role, follower.Raft.Leader));
        follower.Receive(2, new RaftMessage { Kind = RaftMessageKind.PreVote, Term = 2 });
        Assert.False(Assert.Single(follower.TakeTo(2)).Yes);
        follower.Advance(1_000_000);
        Assert.Equal(RaftRole.PreCandidate, follower.Raft.Role);

        var leader = new TestNode(0, 3);
        leader.Elect();
        leader.Jump(5_000_000);
        Assert.Equal(RaftRole.Leader, leader.Raft.Role);
        leader.Advance(510_000);
        Assert.Equal(RaftRole.Follower, leader.Raft.Role);
    }
}
