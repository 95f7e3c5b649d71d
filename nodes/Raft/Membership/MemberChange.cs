namespace Testbed.Raft.Membership;

/// <summary>What shall become of a member. Values travel in log entries.</summary>
internal enum MemberChangeKind : byte
{
    /// <summary>It votes; a learner is promoted.</summary>
    Voter = 0,

    /// <summary>It leaves.</summary>
    Remove = 1,

    /// <summary>Nothing; the entry carries something for the layers above.</summary>
    Annotate = 2,

    /// <summary>It receives the log but has no vote; a voter is demoted.</summary>
    Learner = 3,
}

/// <summary>One member's part of a configuration change.</summary>
internal readonly record struct MemberChange(MemberChangeKind Kind, MemberId Member);

/// <summary>How a configuration change goes from the old configuration to the new one.</summary>
internal enum Transition : byte
{
    /// <summary>In one step where one member is named, otherwise as <see cref="JointAutoLeave"/>.</summary>
    Automatic = 0,

    /// <summary>Through a joint configuration that the leader leaves by itself.</summary>
    JointAutoLeave = 1,

    /// <summary>Through a joint configuration that lasts until somebody proposes to leave it.</summary>
    JointExplicit = 2,
}

/// <summary>
/// A configuration change as it is proposed. Without changes, and automatic, it asks to leave the joint
/// configuration.
/// </summary>
internal readonly record struct ConfigurationChange(
    Transition Transition, ReadOnlyMemory<MemberChange> Changes)
{
    /// <summary>The change that ends a joint configuration.</summary>
    public static ConfigurationChange LeaveJoint => default;

    public bool LeavesJoint => Transition == Transition.Automatic && Changes.IsEmpty;

    public bool EntersJoint => Transition != Transition.Automatic || Changes.Length > 1;

    /// <summary>Whether the joint configuration it enters is left without a further proposal.</summary>
    public bool AutoLeave => EntersJoint && Transition != Transition.JointExplicit;
}

/// <summary>Why a configuration change is refused.</summary>
internal enum ChangeError : byte
{
    /// <summary>It is not refused.</summary>
    None,

    /// <summary>A joint configuration must be left before the next one is entered.</summary>
    AlreadyJoint,

    /// <summary>There is no joint configuration to leave.</summary>
    NotJoint,

    /// <summary>In a joint configuration nothing changes but its end.</summary>
    SimpleInJoint,

    /// <summary>An empty configuration has no majority that could be joint with another.</summary>
    NothingToJoin,

    /// <summary>Nobody could ever decide again.</summary>
    NoVotersLeft,

    /// <summary>Old and new majorities might not meet: this needs a joint configuration.</summary>
    NeedsJoint,

    /// <summary>The kind of change is not one this node knows.</summary>
    UnknownKind,

    /// <summary>More members than slots.</summary>
    TooManyMembers,
}
