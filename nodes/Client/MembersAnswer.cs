namespace Testbed.Client;

/// <summary>What an operator asks of the members of a Raft cluster.</summary>
public enum MembersChange : byte
{
    /// <summary>A node that is no member may join as a learner.</summary>
    AddLearner = 1,

    /// <summary>A learner that has caught up votes.</summary>
    Promote = 2,

    /// <summary>A node leaves.</summary>
    Remove = 3,

    /// <summary>A voter is asked to lead.</summary>
    Transfer = 4,
}

/// <summary>How a node took what was asked of it.</summary>
public enum MembersOutcome : byte
{
    /// <summary>The change is under way, or there is nothing left to change.</summary>
    Agreed,

    /// <summary>The node does not lead, or is not there.</summary>
    AskAnother,

    /// <summary>Not now: another change is under way, or no answer came. Asking again is safe.</summary>
    AskLater,

    /// <summary>It cannot be done.</summary>
    Refused,
}

/// <summary>A node's answer to a change of the members.</summary>
/// <param name="Outcome">How it was taken.</param>
/// <param name="Text">One line for people.</param>
public readonly record struct MembersAnswer(MembersOutcome Outcome, string Text);
