namespace Testbed.Ecc;

/// <summary>
/// Bugs that tests plant to prove that they would be found; the table of docs/SIMULATION.md says what finds
/// each. None in any product path.
/// </summary>
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

    /// <summary>A put goes on to finalise with one store ack fewer than its width needs.</summary>
    CompleteOneAckShort = 128,

    /// <summary>A put ends when the first node has finalised it.</summary>
    PutBeforeQuorumFinalised = 256,

    /// <summary>A get decodes elements of any version of the right width, and does not compare checksums.</summary>
    MixedElementDecode = 512,

    /// <summary>A node forgets a tombstone at once: what came before may come back.</summary>
    DeleteResurrects = 1024,

    /// <summary>A widening writes under a new tag, as if the value were new.</summary>
    RepairTakesNewTag = 2048,

    /// <summary>Acks of the tag that was given up count for the one that replaces it.</summary>
    RetagCountsOldAcks = 4096,

    /// <summary>A recovering log does not look at the checksum of a group.</summary>
    TornTailAccepted = 8192,

    /// <summary>A get trusts the first node that answers.</summary>
    ReadTrustsFirstAnswer = 16384,

    /// <summary>A put ends once its elements are stored, and never finalises.</summary>
    PutSkipsFinalise = 32768,

    /// <summary>Clients and recovering nodes count acks of incarnations that are known to be over.</summary>
    CrashVectorIgnored = 1 << 16,

    /// <summary>A node that restarted empty votes at once.</summary>
    EmptyNodeVotes = 1 << 17,

    /// <summary>A recovering node copies finalised versions only.</summary>
    RecoveryCopiesFinalisedOnly = 1 << 18,

    /// <summary>A node that does not vote itself is taken as a source by recovering ones.</summary>
    RecoveryFromNotReady = 1 << 19,

    /// <summary>A node that is registered at or scanned does not show the new incarnation in its acks.</summary>
    ScanForgetsIncarnation = 1 << 20,

    /// <summary>A node acknowledges before its incarnation is registered.</summary>
    AcksWhileStarting = 1 << 21,

    /// <summary>A recovering node votes before it has recovered.</summary>
    RecoveringNodeVotes = 1 << 22,

    /// <summary>Orphans are dropped once q nodes, not all, know the fence and have not finalised.</summary>
    OrphansDroppedAtQuorum = 1 << 23,

    /// <summary>A node finalises for a writer that is fenced.</summary>
    FencedWriterFinalises = 1 << 24,

    /// <summary>A node that registers does not learn the fences.</summary>
    FencesForgotten = 1 << 25,
}

/// <summary>Names of planted bugs.</summary>
public static class EccPlants
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetNames<EccMutants>().Skip(1)];

    /// <summary>Null: none. Throws <see cref="ArgumentException"/> for a name that is none.</summary>
    internal static EccMutants Parse(string? name) => name is null ? EccMutants.None
        : Names.Contains(name) ? Enum.Parse<EccMutants>(name)
        : throw new ArgumentException($"'{name}' is not a planted bug of ecc: {string.Join(", ", Names)}");
}
