using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>What a slot is busy with.</summary>
internal enum OperationKind : byte
{
    Get,
    Put,
    Delete,
    Scan,

    /// <summary>A get on behalf of a scan.</summary>
    ScanGet,

    /// <summary>A get on behalf of this node, which lacks its element.</summary>
    Fill,

    /// <summary>A get whose value is then written again under a wider encoding.</summary>
    Widen,
}

/// <summary>Where an operation stands.</summary>
internal enum OperationPhase : byte
{
    Idle,
    PreWrite,
    Finalize,
    Read,
    ReadFinalize,
    Scan,
    ScanGets,
}

/// <summary>One encoding of the value that is being written.</summary>
internal struct Generation
{
    internal EccVersion Version;

    /// <summary>Nodes it was sent to over a link that still stands.</summary>
    internal uint Sent;

    /// <summary>Nodes whose valid ack says stored or superseded.</summary>
    internal uint Acked;
}

/// <summary>
/// One operation under way. Slots are made once and used again; every field is written by the machine of the
/// operation's kind only.
/// </summary>
internal sealed class OperationSlot
{
    internal OperationSlot(int index, int nodes, int dataElements)
    {
        Index = index;
        Fins = new EccVersion[nodes];
        Elements = new EccElement[nodes];
        Gens = new Generation[dataElements + 8];
        DecodeIndices = new byte[nodes];
        DecodeElements = new ReadOnlyMemory<byte>[nodes];
    }

    internal int Index { get; }

    /// <summary>
    /// Sequence number and slot index: tells the replies of this operation from those of earlier ones.
    /// </summary>
    internal ulong Id;

    /// <summary>Place in the engine's list of active slots.</summary>
    internal int ActiveIndex = -1;

    internal OperationKind Kind;
    internal OperationPhase Phase;
    internal ReadOnlyMemory<byte> Key;
    internal ReadOnlyMemory<byte> Value;
    internal ulong KeyHash;
    internal ulong ValueChecksum;
    internal long DeadlineMicros;
    internal long SentAtMicros;
    internal long HedgeAtMicros;
    internal long ResendAtMicros;
    internal int Resends;
    internal byte Rounds;
    internal bool Degraded;
    internal bool AnythingSent;

    /// <summary>Nodes this phase was sent to.</summary>
    internal uint Targets;

    /// <summary>Nodes that answered in this phase.</summary>
    internal uint Answered;

    /// <summary>Nodes that let the hedge timer pass and have not answered since.</summary>
    internal uint GaveUp;

    /// <summary>Nodes whose READY valid reply to this operation is in <see cref="Fins"/>: votes.</summary>
    internal uint Votes;

    /// <summary>Nodes that refused the operation: too many are empty.</summary>
    internal uint Refused;

    /// <summary>Nodes whose valid reply, READY or not, is in <see cref="Fins"/>.</summary>
    internal uint Acks;

    /// <summary>Highest fin each node showed to this operation.</summary>
    internal readonly EccVersion[] Fins;

    /// <summary>The node whose acknowledgement the Finalize sent last rested on; -1: none.</summary>
    internal int EvidenceNode = -1;

    // Put.
    internal ulong Hlc;
    internal readonly Generation[] Gens;
    internal int GenCount;

    /// <summary>Generations before this one carry an abandoned tag.</summary>
    internal int FirstLiveGen;

    /// <summary>True once q votes were compared with the tag.</summary>
    internal bool VotesCounted;
    internal EccVersion Chosen;
    internal uint FinalizeAcks;

    /// <summary>Nodes that do not finalise for this writer.</summary>
    internal uint Fenced;

    // Get.
    internal EccVersion Target;
    internal readonly EccElement[] Elements;
    internal readonly byte[] DecodeIndices;
    internal readonly ReadOnlyMemory<byte>[] DecodeElements;
    internal int Restarts;
    internal int DecodeFailures;
    internal bool Pin;

    // Scan, and a scan's gets.
    internal ScanState? Scan;
    internal int ScanLimit;
    internal OperationSlot? Parent;
    internal ulong ParentId;
    internal int ParentPosition;

    internal bool IsWrite => Kind is OperationKind.Put or OperationKind.Delete;

    internal bool IsPutPhase => Phase is OperationPhase.PreWrite or OperationPhase.Finalize;

    /// <summary>Prepares for a new operation and lets go of the frames of the last one.</summary>
    internal void Reset()
    {
        Phase = OperationPhase.Idle;
        Key = default;
        Value = default;
        Rounds = 0;
        Degraded = false;
        AnythingSent = false;
        Resends = 0;
        Targets = Answered = GaveUp = Refused = Votes = Acks = FinalizeAcks = Fenced = 0;
        Array.Clear(Fins);
        Array.Clear(Elements);
        Array.Clear(DecodeElements);
        GenCount = FirstLiveGen = 0;
        VotesCounted = false;
        Chosen = Target = EccVersion.None;
        Restarts = DecodeFailures = 0;
        EvidenceNode = -1;
        Pin = false;
        Parent = null;
        Scan?.Clear();
    }

    /// <summary>
    /// Forgets what a node answered: its ack turned out void (rule CV). Elements are facts and stay.
    /// </summary>
    internal void Void(int node)
    {
        var bit = 1u << node;
        Votes &= ~bit;
        Acks &= ~bit;
        Answered &= ~bit;
        FinalizeAcks &= ~bit;
        Fins[node] = EccVersion.None;
        VotesCounted = VotesCounted && Phase != OperationPhase.PreWrite;
        for (var i = 0; i < GenCount; i++)
        {
            Gens[i].Acked &= ~bit;
        }
    }
}
