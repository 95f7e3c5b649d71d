using Testbed.Raft.Membership;
using Testbed.Wire;
using static Testbed.Tests.Unit.Raft.Membership.Rosters;

namespace Testbed.Tests.Unit.Raft.Membership;

/// <summary>What a leader and a candidate count, while members come and go.</summary>
public sealed class MemberTrackerTests
{
    private readonly MemberTracker _tracker = new(4, long.MaxValue);

    [Fact]
    public void S6_new_servers_receive_the_log_without_a_vote_until_they_are_promoted()
    {
        Begin(_tracker, "v1 v2 v3 l4 l5", 7);
        Acknowledge((1, 9), (4, 9), (5, 9));
        Assert.Equal(0UL, _tracker.CommittedIndex());
        Vote(true, 1, 4, 5);
        Assert.Equal(VoteResult.Pending, _tracker.TallyVotes(out var granted, out _));
        Assert.Equal(1, granted);

        Adopt("v4");
        Assert.Equal(0UL, _tracker.CommittedIndex());
        Acknowledge((2, 8));
        Assert.Equal(8UL, _tracker.CommittedIndex());
        Assert.Equal(9UL, Of(4).Match);
    }

    [Fact]
    public void S6_agreement_in_a_joint_configuration_needs_both_majorities()
    {
        Begin(_tracker, "v1 v2 v3", 1);
        _tracker.Adopt(Join(_tracker.Roster, "r1 r2 v4 v5"), 1);
        Acknowledge((1, 10), (2, 10), (3, 10));
        Assert.Equal(0UL, _tracker.CommittedIndex());
        Acknowledge((4, 6));
        Assert.Equal(6UL, _tracker.CommittedIndex());

        Vote(true, 3, 4, 5);
        Assert.Equal(VoteResult.Pending, _tracker.TallyVotes(out _, out _));
        Vote(false, 1, 2);
        Assert.Equal(VoteResult.Lost, _tracker.TallyVotes(out var granted, out var refused));
        Assert.Equal((3, 2), (granted, refused));

        _tracker.Adopt(Leave(_tracker.Roster), 1);
        Assert.Equal(6UL, _tracker.CommittedIndex());
        Assert.Equal(VoteResult.Won, _tracker.TallyVotes(out _, out refused));
        Assert.Equal(0, refused);
    }

    [Fact]
    public void The_first_answer_of_a_member_counts_until_votes_are_asked_anew()
    {
        Begin(_tracker, "v1 v2 v3", 1);
        Vote(true, 1, 2);
        Vote(false, 1, 2);
        Assert.Equal(VoteResult.Won, _tracker.TallyVotes(out _, out _));
        _tracker.ResetVotes();
        Assert.Equal(VoteResult.Pending, _tracker.TallyVotes(out _, out _));
        Vote(false, 1, 2);
        Assert.Equal(VoteResult.Lost, _tracker.TallyVotes(out _, out _));
    }

    [Fact]
    public void A_member_that_leaves_and_comes_back_is_a_new_one_but_a_demoted_one_is_not()
    {
        Begin(_tracker, "v1 v2 v3", 1);
        Acknowledge((3, 9));
        Adopt("l3");
        Assert.Equal(9UL, Of(3).Match);
        Adopt("v3");
        Vote(true, 3);
        Adopt("r3 v3");
        Assert.Equal((0UL, 42UL, true), (Of(3).Match, Of(3).Next, Of(3).RecentlyActive));
        _tracker.TallyVotes(out var granted, out _);
        Assert.Equal(0, granted);
    }

    [Fact]
    public void A_slots_next_holder_inherits_nothing()
    {
        Begin(_tracker, "v1 v2 v3", 1);
        var slot = _tracker.Roster.SlotOf(Member(3));
        Acknowledge((3, 9));
        Of(3).BecomeReplicate();
        Of(3).Window.Add(12, 100);
        Vote(true, 3);
        Adopt("r3");
        Adopt("v4");
        Assert.Equal(slot, _tracker.Roster.SlotOf(Member(4)));
        Assert.Equal((0UL, 42UL, 0), (Of(4).Match, Of(4).Next, Of(4).Window.Count));
        Assert.Equal(ReplicationState.Probe, Of(4).State);
        _tracker.TallyVotes(out var granted, out _);
        Assert.Equal(0, granted);
    }

    [Fact]
    public void A_quorum_is_active_when_both_halves_were_heard_and_learners_do_not_help()
    {
        Begin(_tracker, "v1 v2 v3 l4", 1);
        Assert.True(_tracker.QuorumIsActive());
        Of(2).RecentlyActive = Of(3).RecentlyActive = false;
        Assert.False(_tracker.QuorumIsActive());
        Of(2).RecentlyActive = true;
        Assert.True(_tracker.QuorumIsActive());
        _tracker.Adopt(Join(_tracker.Roster, "r2 v5"), 1);
        Assert.True(_tracker.QuorumIsActive());
        Of(5).RecentlyActive = false;
        Assert.False(_tracker.QuorumIsActive());
    }

    [Fact]
    public void A_member_alone_decides_alone_unless_it_is_joint()
    {
        Assert.False(_tracker.IsSingleton);
        Begin(_tracker, "v1 l2", 1);
        Assert.True(_tracker.IsSingleton);
        _tracker.Adopt(Join(_tracker.Roster, "r1 v2"), 1);
        Assert.False(_tracker.IsSingleton);
    }

    [Fact]
    public void A_configuration_that_does_not_follow_from_the_one_in_force_stops_the_process()
    {
        Begin(_tracker, "v1 v2 v3", 1);
        Roster[] wrong =
        [
            Build("v1 v2 v3 v4 v5"),
            Build("v1"),
            Join(Build("v1 v2"), "v3"),
            Build("v2 v1 v3"),
            Build("v1 v2 v3 v9 r9 v4"),
            Roster.Empty,
        ];
        foreach (var next in wrong[..4].Append(wrong[5]))
        {
            Refuses(next);
        }

        _tracker.Adopt(wrong[4], 1);
        var joint = Join(_tracker.Roster, "r1 v5");
        _tracker.Adopt(joint, 1);
        Refuses(Join(Build("v1 v2 v3 v4"), "r1 v6"));
        Refuses(Build("v1 v2 v3 v4"));
        _tracker.Adopt(Leave(joint), 1);
    }

    [Fact]
    public void A_snapshot_replaces_everything_whatever_was_in_force()
    {
        Begin(_tracker, "v1 v2 v3", 1);
        Acknowledge((1, 9), (2, 9));
        Vote(true, 1, 2);
        Assert.True(Roster.TryRestore(Join(Build("v2 v3 v4"), "r2 v5 l4").ToRecord(), out var restored));
        _tracker.Restore(restored, 100);
        Assert.Equal("3 5 & 2 3 4, next 4", Show(_tracker.Roster));
        Assert.Equal(0UL, _tracker.CommittedIndex());
        Assert.Equal(VoteResult.Pending, _tracker.TallyVotes(out _, out _));
        Assert.Equal((0UL, 100UL), (Of(2).Match, Of(2).Next));
    }

    private ref ReplicaProgress Of(int member) => ref _tracker[_tracker.Roster.SlotOf(Member(member))];

    private void Adopt(string changes)
    {
        var error = ConfigurationChanger.Simple(_tracker.Roster, Changes(changes), out var next);
        Assert.Equal(ChangeError.None, error);
        _tracker.Adopt(next, 42);
    }

    private void Refuses(Roster next) => Assert.Contains(
        "R11", Assert.Throws<InvariantViolation>(() => _tracker.Adopt(next, 1)).Message,
        StringComparison.Ordinal);

    private void Acknowledge(params (int Member, ulong Index)[] all)
    {
        foreach (var (member, index) in all)
        {
            Of(member).Acknowledge(index);
        }
    }

    private void Vote(bool granted, params ReadOnlySpan<int> members)
    {
        foreach (var member in members)
        {
            _tracker.RecordVote(_tracker.Roster.SlotOf(Member(member)), granted);
        }
    }
}
