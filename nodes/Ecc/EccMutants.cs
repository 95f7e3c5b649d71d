namespace Testbed.Ecc;

/// <summary>Bugs that tests plant to prove that they would be found. None in any product path.</summary>
[Flags]
internal enum EccMutants
{
    /// <summary>The protocol as designed.</summary>
    None = 0,

    /// <summary>
    /// A get returns the highest finalised version it saw without waiting for q nodes to have it.
    /// </summary>
    ReadBeforeQuorumFinalised = 1,

    /// <summary>A put goes on to finalise with q store acks whatever the width.</summary>
    CompleteAtQuorumAtAnyWidth = 2,

    /// <summary>A put trusts its clock and ignores the votes.</summary>
    BlindClockTags = 4,

    /// <summary>Nodes show un-finalised versions to readers, who finalise them.</summary>
    ReadersFinaliseUnfinalised = 8,

    /// <summary>A width step replaces the element of the earlier width.</summary>
    WidthStepReplaces = 16,

    /// <summary>A pre-write drops the finalised element at once.</summary>
    PreWriteDropsOld = 32,

    /// <summary>Acks leave before the record is durable.</summary>
    AckBeforeDurable = 64,
}
