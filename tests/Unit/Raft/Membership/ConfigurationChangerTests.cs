using CsCheck;
using Testbed.Raft.Membership;
using Testbed.Wire;
using static Testbed.Tests.Unit.Raft.Membership.Rosters;

namespace Testbed.Tests.Unit.Raft.Membership;

/// <summary>Configuration changes, section 6 and the thesis, chapter 4.</summary>
public sealed class ConfigurationChangerTests
{
    [Fact]
    public void Changes_one_by_one_and_in_one_joint_step_arrive_at_the_same_configuration() =>
        Gen.Select(SomeChanges, SomeChanges, Gen.Bool).Sample((before, changes, autoLeave) =>
        {
            var start = Build([new(MemberChangeKind.Voter, Member(1)), .. before]);
            var singly = start;
            foreach (var change in changes)
            {
                Assert.Equal(ChangeError.None, ConfigurationChanger.Simple(singly, [change], out singly));
            }

            var error = ConfigurationChanger.EnterJoint(start, autoLeave, changes, out var joint);
            Assert.Equal(ChangeError.None, error);
            Assert.Equal((true, autoLeave), (joint.Configuration.IsJoint, joint.Configuration.AutoLeave));
            Assert.Equal(Show(singly), Show(Leave(joint)));
        });

    [Fact]
    public void S6_any_quorum_of_a_configuration_meets_any_quorum_of_the_next() =>
        Gen.Select(SomeChanges, SomeChanges).Sample(
            (before, changes) =>
            {
                var roster = Build([new(MemberChangeKind.Voter, Member(1)), .. before]);
                foreach (var change in changes)
                {
                    var from = roster;
                    Assert.Equal(ChangeError.None, ConfigurationChanger.Simple(from, [change], out roster));
                    Meet(from, roster);
                }

                Assert.Equal(
                    ChangeError.None, ConfigurationChanger.EnterJoint(roster, false, changes, out var joint));
                Meet(roster, joint);
                Meet(joint, Leave(joint));
            },
            iter: 50);

    [Fact]
    public void S6_a_change_of_two_voters_at_once_is_refused_outside_a_joint_configuration()
    {
        var roster = Build("v1 v2 v3");
        foreach (var change in (string[])["v4 v5", "r1 r2", "r1 v4", "l1 l2", "r1 l2 v4"])
        {
            var error = ConfigurationChanger.Simple(roster, Changes(change), out var next);
            Assert.Equal(ChangeError.NeedsJoint, error);
            Assert.Same(roster, next);
        }

        Assert.Equal(ChangeError.None, ConfigurationChanger.Simple(roster, Changes("l4 l5 r6 v7"), out _));
        Assert.Equal(ChangeError.None, ConfigurationChanger.Simple(roster, Changes("r2 v2 l3 v3"), out _));
    }

    [Theory]
    [InlineData(Transition.Automatic, "v4", "1 2 3 4")]
    [InlineData(Transition.Automatic, "v4 r1", "2 3 4 & 1 2 3, auto")]
    [InlineData(Transition.JointAutoLeave, "v4", "1 2 3 4 & 1 2 3, auto")]
    [InlineData(Transition.JointExplicit, "l3", "1 2 & 1 2 3, next 3")]
    [InlineData(Transition.JointExplicit, "", "1 2 3 & 1 2 3")]
    public void A_change_is_joint_where_its_transition_or_its_size_demands_it(
        object transition, string changes, string expected)
    {
        var roster = Build("v1 v2 v3");
        var change = new ConfigurationChange((Transition)transition, Changes(changes));
        Assert.Equal(ChangeError.None, ConfigurationChanger.Apply(roster, change, out var next));
        Assert.Equal(expected, Show(next));
        var left = ConfigurationChanger.Apply(next, ConfigurationChange.LeaveJoint, out var after);
        Assert.Equal(next.Configuration.IsJoint ? ChangeError.None : ChangeError.NotJoint, left);
        Assert.Equal(expected.Split(" & ")[0], Show(after).Split(',')[0]);
    }

    [Fact]
    public void A_member_keeps_its_slot_and_nobody_takes_one_that_was_left_in_the_same_change()
    {
        var before = Build("v1 v2 v3");
        var slots = Enumerable.Range(1, 3).Select(m => before.SlotOf(Member(m))).ToArray();
        Assert.Equal(ChangeError.None, ConfigurationChanger.Simple(before, Changes("r2 l9"), out var after));
        Assert.Equal(slots[2], after.SlotOf(Member(3)));
        Assert.Equal(-1, after.SlotOf(Member(2)));
        Assert.DoesNotContain(after.SlotOf(Member(9)), slots);
        Assert.Equal([Member(9)], after.Of(after.Entered));

        Assert.Equal(ChangeError.None, ConfigurationChanger.Simple(before, Changes("r2 v2"), out var again));
        Assert.Equal(slots[1], again.SlotOf(Member(2)));
        Assert.Equal([Member(2)], again.Of(again.Entered));
    }

    [Fact]
    public void The_next_life_of_a_node_is_another_member_beside_the_one_it_replaces()
    {
        var before = Build("v1 v2 v3");
        var reborn = Member(3) with { Incarnation = 2 };
        MemberChange[] changes =
            [new(MemberChangeKind.Remove, Member(3)), new(MemberChangeKind.Voter, reborn)];
        Assert.Equal(ChangeError.None, ConfigurationChanger.EnterJoint(before, true, changes, out var joint));
        Assert.NotEqual(joint.SlotOf(Member(3)), joint.SlotOf(reborn));
        Assert.Equal([Member(1), Member(2), reborn], joint.Of(joint.Configuration.Incoming));
        Assert.Equal([Member(1), Member(2), Member(3)], joint.Of(joint.Configuration.Outgoing));
        Assert.Equal([reborn], joint.Of(joint.Entered));
        Assert.Equal(-1, Leave(joint).SlotOf(Member(3)));
    }

    [Fact]
    public void What_cannot_be_taken_is_refused_whole()
    {
        var full = Build("v1");
        for (var number = 1; number < PeerSet.Slots; number++)
        {
            MemberChange[] one = [new(MemberChangeKind.Learner, new MemberId(new NodeId(0), (uint)number))];
            Assert.Equal(ChangeError.None, ConfigurationChanger.Simple(full, one, out full));
        }

        var refused = ConfigurationChanger.Simple(full, Changes("v2"), out var next);
        Assert.Equal(ChangeError.TooManyMembers, refused);
        Assert.Same(full, next);

        MemberChange[] unknown =
            [new(MemberChangeKind.Voter, Member(2)), new((MemberChangeKind)9, Member(3))];
        Assert.Equal(ChangeError.UnknownKind, ConfigurationChanger.Simple(Build("v1"), unknown, out _));
        unknown[1] = new((MemberChangeKind)9, MemberId.None);
        Assert.Equal(ChangeError.None, ConfigurationChanger.Simple(Build("v1"), unknown, out next));
        Assert.Equal("1 2", Show(next));
    }

    [Fact]
    public void A_roster_comes_back_from_its_record() =>
        Gen.Select(SomeChanges, SomeChanges, Gen.Bool).Sample((before, changes, autoLeave) =>
        {
            var roster = Build([new(MemberChangeKind.Voter, Member(1)), .. before]);
            ConfigurationChanger.EnterJoint(roster, autoLeave, changes, out var joint);
            foreach (var each in (Roster[])[Roster.Empty, roster, joint, Leave(joint)])
            {
                Assert.True(Roster.TryRestore(each.ToRecord(), out var restored));
                Assert.Equal(Show(each), Show(restored));
                Assert.Equal(restored.Configuration.Members, restored.Entered);
            }
        });

    [Fact]
    public void A_record_that_contradicts_itself_is_refused()
    {
        MemberId[] one = [Member(1)];
        MemberId[] two = [Member(2)];
        RosterRecord[] wrong =
        [
            new() { Voters = one, Learners = one },
            new() { Voters = [.. one, .. one] },
            new() { Voters = [.. one, MemberId.None] },
            new() { Voters = one, VotersOutgoing = two, Learners = two },
            new() { Voters = one, VotersOutgoing = one, LearnersNext = one },
            new() { Voters = one, VotersOutgoing = one, LearnersNext = two },
            new() { Voters = one, LearnersNext = two },
            new() { Voters = one, AutoLeave = true },
            new() { Learners = one },
            new() { VotersOutgoing = one },
            new() { Voters = [.. Enumerable.Range(1, 65).Select(Member)] },
        ];
        Assert.All(wrong, record => Assert.False(Roster.TryRestore(record, out _)));
    }

    [Fact]
    public void A_configuration_that_gives_a_member_two_parts_stops_the_process()
    {
        var (one, two) = (PeerSet.Of(1), PeerSet.Of(2));
        Configuration[] wrong =
        [
            new() { Incoming = one, Learners = one },
            new() { Incoming = one, Outgoing = two, Learners = two },
            new() { Incoming = one, Outgoing = one, LearnersNext = one },
            new() { Incoming = one, LearnersNext = two },
            new() { Incoming = one, AutoLeave = true },
        ];
        Assert.All(wrong, c => Stops("R10", c.Check));

        var members = new MemberId[PeerSet.Slots];
        Stops("R10", () => _ = new Roster(new Configuration { Incoming = one }, members, default));
        members[1] = Member(1);
        members[2] = Member(1);
        Stops("R10", () => _ = new Roster(new Configuration { Incoming = one | two }, members, default));
    }

    private static void Stops(string id, Action action) =>
        Assert.Contains(id, Assert.Throws<InvariantViolation>(action).Message, StringComparison.Ordinal);

    /// <summary>By brute force over all sets of the few slots these tests fill.</summary>
    private static void Meet(Roster one, Roster other)
    {
        var (first, second) = (Winning(one), Winning(other));
        Assert.True(first.All(a => second.All(b => (a & b) != 0)), $"{Show(one)} and {Show(other)}");
    }

    private static List<ulong> Winning(Roster roster)
    {
        // Smallest winning sets suffice, but all of them are few enough.
        var winning = new List<ulong>();
        for (var bits = 0UL; bits < 1 << 8; bits++)
        {
            var set = new PeerSet(bits);
            if (roster.Configuration.Quorum.Result(set, ~set) == VoteResult.Won)
            {
                winning.Add(bits);
            }
        }

        Assert.NotEmpty(winning);
        return winning;
    }
}
