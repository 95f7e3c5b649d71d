using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>Reads by lease (thesis, 6.4.1): what a leader may answer, and what voters promise.</summary>
public sealed class ReadLeaseTests
{
    private const long Timeout = 500_000;

    [Fact]
    public void A_lease_counts_from_the_departure_of_what_was_confirmed_less_the_drift()
    {
        var lease = new ReadLease(Timeout, 25);
        lease.Follow(3, leads: true);
        lease.Sent(7, 1_000);
        lease.Sent(8, 2_000);
        Assert.False(lease.Holds(2_000));
        lease.Confirmed(7);
        Assert.True(lease.Holds(400_999));
        Assert.False(lease.Holds(401_000));
        lease.Confirmed(8);
        Assert.True(lease.Holds(401_999));
        Assert.False(lease.Holds(402_000));
    }

    [Fact]
    public void Nothing_of_another_term_counts_and_a_lease_that_was_ended_stays_so_for_its_term()
    {
        var lease = new ReadLease(Timeout, 10);
        lease.Follow(3, leads: true);
        lease.Sent(7, 1_000);
        lease.Follow(3, leads: false);
        lease.Follow(4, leads: true);
        lease.Confirmed(9);
        Assert.False(lease.Holds(1_001));
        lease.Sent(10, 2_000);
        lease.Confirmed(10);
        Assert.True(lease.Holds(2_001));
        lease.End();
        lease.Sent(11, 3_000);
        lease.Confirmed(11);
        Assert.False(lease.Holds(3_001) || lease.IsDue(1_000_000_000, 1));
        lease.Follow(5, leads: true);
        Assert.True(lease.IsDue(3_002, 1));
    }

    [Fact]
    public void A_leader_answers_without_a_round_while_a_quorum_has_heard_it_lately()
    {
        var node = Leader();
        Confirm(node);
        var rounds = node.Raft.ReadRound;
        node.Request(9, 1, KvKind.Get, "k");
        Assert.Equal(KvStatus.NotFound, node.TakeAnswers(9).Single().Status);
        Assert.Equal(rounds, node.Raft.ReadRound);

        // Nobody answers any more: reads wait for a round again.
        node.Advance(Timeout * 10 / 11);
        node.TakeAnswers(9);
        node.Request(9, 2, KvKind.Get, "k");
        Assert.Empty(node.TakeAnswers(9));
        Confirm(node);
        Assert.Single(node.TakeAnswers(9));
    }

    [Fact]
    public void Before_leadership_is_given_away_the_lease_ends()
    {
        var node = Leader();
        Confirm(node);
        node.Core.EndLease();
        node.Request(9, 1, KvKind.Get, "k");
        Assert.Empty(node.TakeAnswers(9));
        Confirm(node);
        Assert.Single(node.TakeAnswers(9));
    }

    [Fact]
    public void A_lease_ends_with_a_transfer_in_the_very_batch_that_made_the_leader()
    {
        var node = Node(leases: true);
        node.Advance(Timeout);
        while (node.Raft.Role != RaftRole.PreCandidate)
        {
            node.Advance(10_000);
        }

        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.PreVoteReply, Term = 1, Yes = true });
        node.Sync();
        var vote = new RaftMessage { Kind = RaftMessageKind.VoteReply, Term = 1, Yes = true };
        Assert.True(node.Core.Receive(Endpoint.Peer(new NodeId(1)), TestNode.Encode(vote), node));
        Assert.Equal(KvStatus.Ok, node.Admin(RaftAdminKind.Transfer, 1).Status);
        node.Sync();
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.AppendReply, Term = 1, Yes = true, Index = 1 });
        Assert.Single(node.TakeTo(1), m => m.Kind == RaftMessageKind.TimeoutNow);
        Confirm(node);
        node.Request(9, 1, KvKind.Get, "k");
        Assert.Empty(node.TakeAnswers(9));
        Confirm(node);
        Assert.Single(node.TakeAnswers(9));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_broken_link_to_the_leader_frees_the_vote_only_without_leases(bool leases)
    {
        var node = Node(leases);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        node.Jump(1_000);
        node.Core.LinkDown(Endpoint.Peer(new NodeId(1)), node);
        Assert.Equal(!leases, Grants(node));
        node.Advance(Timeout / 2);
        Assert.Equal(leases ? RaftRole.Follower : RaftRole.PreCandidate, node.Raft.Role);
        node.Advance(Timeout / 2);
        Assert.True(Grants(node));
    }

    [Fact]
    public void A_promise_counts_from_the_first_time_read_after_the_leader_was_heard()
    {
        var node = Node(leases: true);
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });

        // The process may have stood still before it took the message in.
        node.Jump(300_000);
        node.Core.LinkDown(Endpoint.Peer(new NodeId(1)), node);
        node.Advance(Timeout - 1_000);
        Assert.False(Grants(node));
        node.Advance(1_000);
        Assert.True(Grants(node));
    }

    [Fact]
    public void A_node_that_starts_again_gives_no_vote_for_an_election_timeout()
    {
        var node = new TestNode(0, 3, TestNode.Log(4, 1), Options(leases: true));
        Assert.False(Grants(node));
        node.Advance(Timeout - 1_000);
        Assert.Equal(RaftRole.Follower, node.Raft.Role);
        Assert.False(Grants(node));
        node.Advance(1_000);
        Assert.True(Grants(node));
    }

    private static bool Grants(TestNode node)
    {
        node.TakeTo(2);
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.PreVote, Term = node.Raft.Term + 1, Index = 9, LogTerm = 1 });
        return node.TakeTo(2).Single(m => m.Kind == RaftMessageKind.PreVoteReply).Yes;
    }

    private static RaftOptions Options(bool leases) => new()
    {
        Self = new NodeId(0), Nodes = 3, Seed = 3, LeaseReads = leases, ElectionTimeoutMicros = Timeout,
    };

    private static TestNode Node(bool leases) => new(0, 3, options: Options(leases));

    private static TestNode Leader()
    {
        var node = Node(leases: true);
        node.Elect();
        node.Receive(
            1, new RaftMessage { Kind = RaftMessageKind.AppendReply, Term = node.Raft.Term, Yes = true, Index = 1 });
        Assert.True(node.Raft.CanServeReads);
        return node;
    }

    private static void Confirm(TestNode node) => node.Receive(
        1,
        new RaftMessage { Kind = RaftMessageKind.HeartbeatReply, Term = node.Raft.Term, Round = node.Raft.ReadRound });
}
