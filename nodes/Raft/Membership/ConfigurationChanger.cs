namespace Testbed.Raft.Membership;

/// <summary>
/// Makes the next roster of a change, or says why there is none. Pure: nothing is in force before the
/// caller adopts it. A refused change leaves the roster as it was.
/// </summary>
internal static class ConfigurationChanger
{
    /// <summary>Takes a change the way its transition and its size demand.</summary>
    public static ChangeError Apply(Roster now, in ConfigurationChange change, out Roster next)
    {
        if (change.LeavesJoint)
        {
            return LeaveJoint(now, out next);
        }

        return change.EntersJoint
            ? EnterJoint(now, change.AutoLeave, change.Changes.Span, out next)
            : Simple(now, change.Changes.Span, out next);
    }

    /// <summary>
    /// Changes the configuration in one step: at most one voter comes or goes (thesis, 4.1), learners as they
    /// like.
    /// </summary>
    public static ChangeError Simple(Roster now, ReadOnlySpan<MemberChange> changes, out Roster next)
    {
        next = now;
        if (now.Configuration.IsJoint)
        {
            return ChangeError.SimpleInJoint;
        }

        var draft = new RosterDraft(now, stackalloc MemberId[PeerSet.Slots]);
        var error = draft.Apply(changes);
        if (error != ChangeError.None)
        {
            return error;
        }

        var made = draft.Seal(autoLeave: false);
        if ((now.Configuration.Incoming ^ made.Configuration.Incoming).Count > 1)
        {
            return ChangeError.NeedsJoint;
        }

        next = made;
        return ChangeError.None;
    }

    /// <summary>
    /// Enters a joint configuration (section 6): the changes make its incoming half, its outgoing half are
    /// the voters of before.
    /// </summary>
    public static ChangeError EnterJoint(
        Roster now, bool autoLeave, ReadOnlySpan<MemberChange> changes, out Roster next)
    {
        next = now;
        if (now.Configuration.IsJoint)
        {
            return ChangeError.AlreadyJoint;
        }

        if (now.Configuration.Incoming.IsEmpty)
        {
            return ChangeError.NothingToJoin;
        }

        var draft = new RosterDraft(now, stackalloc MemberId[PeerSet.Slots]);
        draft.Join();
        var error = draft.Apply(changes);
        next = error == ChangeError.None ? draft.Seal(autoLeave) : now;
        return error;
    }

    /// <summary>
    /// Leaves a joint configuration: its incoming half decides alone, demoted voters become learners.
    /// </summary>
    public static ChangeError LeaveJoint(Roster now, out Roster next)
    {
        next = now;
        if (!now.Configuration.IsJoint)
        {
            return ChangeError.NotJoint;
        }

        var draft = new RosterDraft(now, stackalloc MemberId[PeerSet.Slots]);
        draft.Leave();
        next = draft.Seal(autoLeave: false);
        return ChangeError.None;
    }
}
