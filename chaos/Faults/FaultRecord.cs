namespace Testbed.Faults;

/// <summary>How far a fault has come.</summary>
public enum FaultState : byte
{
    /// <summary>Its time has come, it is being applied.</summary>
    Requested = 0,

    /// <summary>It is in force, with evidence.</summary>
    Applied = 1,

    /// <summary>It was in force and has been undone, with evidence.</summary>
    Healed = 2,

    /// <summary>It could not be applied; the run proves nothing about it.</summary>
    NotApplied = 3,

    /// <summary>It was in force and could not be undone.</summary>
    NotHealed = 4,
}

/// <summary>What became of one planned fault. Times are nanoseconds on the run's clock.</summary>
public sealed record FaultRecord
{
    /// <summary>The fault as planned.</summary>
    public required PlannedFault Fault { get; init; }

    /// <summary>The node it met; null while none is known.</summary>
    public int? Node { get; init; }

    /// <summary>How far it has come.</summary>
    public required FaultState State { get; init; }

    /// <summary>When the plan wanted it.</summary>
    public required long RequestedNanos { get; init; }

    /// <summary>When the signal was sent.</summary>
    public long? AppliedNanos { get; init; }

    /// <summary>When its effect was seen.</summary>
    public long? ObservedNanos { get; init; }

    /// <summary>When the plan, or the end of the run, wanted it undone.</summary>
    public long? HealRequestedNanos { get; init; }

    /// <summary>When the node answered again.</summary>
    public long? HealedNanos { get; init; }

    /// <summary>What was seen of the effect: exit code, process state; or why it was not applied.</summary>
    public string Evidence { get; init; } = "";

    /// <summary>What was seen of the undoing; or why it failed.</summary>
    public string HealEvidence { get; init; } = "";

    /// <summary>True when the fault did what the plan says.</summary>
    public bool TookEffect => State is FaultState.Applied or FaultState.Healed or FaultState.NotHealed;
}
