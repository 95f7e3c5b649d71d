using CsCheck;
using Testbed.Raft.Membership;
using Testbed.Tests.Unit.Support;

namespace Testbed.Tests.Unit.Raft.Membership;

/// <summary>What majorities and joint quorums decide, against the definition.</summary>
public sealed class QuorumTests
{
    private const int Slots = 9;

    private static readonly Gen<PeerSet> Sets =
        Gen.ULong[0, (1UL << Slots) - 1].Select(bits => new PeerSet(bits));

    [Fact]
    public void A_majority_has_committed_the_highest_index_that_more_than_half_have_reached() =>
        Gen.Select(Sets, Gen.ULong[0, 6].Array[Slots]).Sample((voters, indexes) =>
        {
            var counted = Enumerable.Range(0, 7).Select(i => (ulong)i).Last(
                index => index == 0 || 2 * Reached(voters, indexes, index) > voters.Count);
            var expected = voters.IsEmpty ? ulong.MaxValue : counted;
            Assert.Equal(expected, new MajorityQuorum(voters).CommittedIndex(indexes));
        });

    [Fact]
    public void A_joint_quorum_has_committed_what_both_halves_have() =>
        Gen.Select(Sets, Sets, Gen.ULong[0, 6].Array[Slots]).Sample((one, other, indexes) =>
        {
            var (first, second) = (new MajorityQuorum(one), new MajorityQuorum(other));
            var joint = new JointQuorum(first, second).CommittedIndex(indexes);
            Assert.Equal(ulong.Min(first.CommittedIndex(indexes), second.CommittedIndex(indexes)), joint);
            Assert.Equal(joint, new JointQuorum(second, first).CommittedIndex(indexes));
        });

    [Fact]
    public void A_vote_is_decided_once_no_missing_answer_can_change_it() =>
        Gen.Select(Sets, Sets, Sets, Sets).Sample((one, other, granted, rest) =>
        {
            var refused = rest & ~granted;
            bool Majority(PeerSet voters, PeerSet yes) =>
                voters.IsEmpty || 2 * (voters & yes).Count > voters.Count;
            bool Wins(PeerSet yes) => Majority(one, yes) && Majority(other, yes);
            var possible = Wins(~refused) ? VoteResult.Pending : VoteResult.Lost;
            var expected = Wins(granted) ? VoteResult.Won : possible;
            var quorum = new JointQuorum(new MajorityQuorum(one), new MajorityQuorum(other));
            Assert.Equal(expected, quorum.Result(granted, refused));
        });

    [Fact]
    public void Slots_are_visited_in_ascending_order_from_the_first_to_the_last()
    {
        var set = PeerSet.Of(63) | PeerSet.Of(0) | PeerSet.Of(31);
        var seen = new List<int>();
        foreach (var slot in set)
        {
            seen.Add(slot);
        }

        Assert.Equal([0, 31, 63], seen);
        Assert.Equal((3, 0, 64), (set.Count, set.First, default(PeerSet).First));
        Assert.True(set.Contains(63) && !set.Contains(62) && set.Contains(PeerSet.Of(31)));
        Assert.False(set.Contains(PeerSet.Of(31) | PeerSet.Of(30)));
    }

    [Fact]
    public void An_acknowledgement_and_a_vote_allocate_nothing()
    {
        var tracker = new MemberTracker(8, 1024);
        Rosters.Begin(tracker, "v1 v2 v3 v4 v5 l6", 1);
        tracker.Adopt(Rosters.Join(tracker.Roster, "r1 v7"), 1);
        var sum = 0UL;
        Assert.Equal(0, Allocation.Least(() =>
        {
            for (var index = 1UL; index < 1000; index++)
            {
                foreach (var slot in tracker.Roster.Configuration.Members)
                {
                    tracker[slot].Acknowledge(index);
                    tracker.RecordVote(slot, true);
                    sum += tracker.CommittedIndex() + (ulong)tracker.TallyVotes(out _, out _);
                }
            }
        }));
        Assert.True(sum > 0);
    }

    private static int Reached(PeerSet voters, ulong[] indexes, ulong index)
    {
        var reached = 0;
        foreach (var slot in voters)
        {
            reached += indexes[slot] >= index ? 1 : 0;
        }

        return reached;
    }
}
