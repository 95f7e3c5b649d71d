using CsCheck;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft.Membership;

/// <summary>Short forms for tests of configurations.</summary>
internal static class Rosters
{
    /// <summary>
    /// Changes of members 2 to 6; member 1 stays out of it, so that a voter is always left.
    /// </summary>
    public static Gen<MemberChange[]> SomeChanges { get; } =
        Gen.Select(Gen.Int[0, 3], Gen.Int[2, 6])
            .Select(c => new MemberChange((MemberChangeKind)c.Item1, Member(c.Item2))).Array[1, 8];

    public static MemberId Member(int number) => new(new NodeId((byte)number), 1);

    /// <summary>Reads <c>v1 l2 r3 u4</c>: voter, learner, remove, annotate.</summary>
    public static MemberChange[] Changes(string text) =>
    [
        .. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(t => new MemberChange(
            (MemberChangeKind)"vrul".IndexOf(t[0], StringComparison.Ordinal), Member(t[1] - '0'))),
    ];

    /// <summary>The roster that changes one by one lead to.</summary>
    public static Roster Build(params ReadOnlySpan<MemberChange> changes)
    {
        var roster = Roster.Empty;
        foreach (var change in changes)
        {
            Assert.Equal(ChangeError.None, ConfigurationChanger.Simple(roster, [change], out roster));
        }

        return roster;
    }

    public static Roster Build(string changes) => Build(Changes(changes));

    /// <summary>Puts the roster in force, all its members unknown, as a restart does.</summary>
    public static void Begin(MemberTracker tracker, string changes, ulong next)
    {
        Assert.True(Roster.TryRestore(Build(changes).ToRecord(), out var roster));
        tracker.Restore(roster, next);
    }

    public static Roster Join(Roster roster, string changes, bool autoLeave = false)
    {
        var error = ConfigurationChanger.EnterJoint(roster, autoLeave, Changes(changes), out var joint);
        Assert.Equal(ChangeError.None, error);
        return joint;
    }

    public static Roster Leave(Roster roster)
    {
        Assert.Equal(ChangeError.None, ConfigurationChanger.LeaveJoint(roster, out var next));
        return next;
    }

    /// <summary>Example: <c>1 2 &amp; 1 3, learners 4, next 3, auto</c>.</summary>
    public static string Show(Roster roster)
    {
        string Of(PeerSet slots) => string.Join(' ', roster.Of(slots).Select(m => m.Node.Index));
        var c = roster.Configuration;
        return Of(c.Incoming) + (c.IsJoint ? $" & {Of(c.Outgoing)}" : "")
            + (c.Learners.IsEmpty ? "" : $", learners {Of(c.Learners)}")
            + (c.LearnersNext.IsEmpty ? "" : $", next {Of(c.LearnersNext)}") + (c.AutoLeave ? ", auto" : "");
    }
}
