using System.Numerics;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// What this node's replies are worth: its incarnation, and the slots whose votes count. A node with memory is
/// READY; one without is STARTING, then RECOVERING, then READY slot by slot.
/// </summary>
internal sealed class Readiness
{
    internal const int Slots = EccSlotScan.Slots;
    private readonly CrashVector _known;
    private readonly int _self;
    private readonly EccMutants _mutants;
    private readonly ulong[] _ready = new ulong[Slots / 64];

    internal Readiness(CrashVector known, int self, EccMutants mutants) =>
        (_known, _self, _mutants) = (known, self, mutants);

    internal EccStanding Standing { get; private set; }

    /// <summary>How often this node number began without its memory; tentative while STARTING.</summary>
    internal uint Incarnation { get; private set; }

    /// <summary>Random, one per process.</summary>
    internal ulong Nonce { get; private set; }

    internal int ReadySlots { get; private set; }

    internal bool IsStarting => Standing == EccStanding.Starting;

    internal bool IsReady => Standing == EccStanding.Ready;

    /// <summary>True when a vote about a key with that hash counts.</summary>
    internal bool Votes(ulong hash) => IsSlotReady(EccSlotScan.SlotOf(hash))
        || ((_mutants & EccMutants.RecoveringNodeVotes) != 0 && !IsStarting);

    internal bool IsSlotReady(int slot) => IsReady || (_ready[slot >> 6] & (1UL << (slot & 63))) != 0;

    internal ReadOnlySpan<ulong> SlotBits => _ready;

    /// <summary>The memory is empty: nothing is acknowledged from here on.</summary>
    internal void Begin(uint incarnation, ulong nonce)
    {
        Standing = EccStanding.Starting;
        Nonce = nonce;
        Array.Clear(_ready);
        ReadySlots = 0;
        Retry(incarnation);
    }

    /// <summary>Another process had that incarnation.</summary>
    internal void Retry(uint incarnation)
    {
        Invariant.Holds(IsStarting, "E6 an incarnation is fixed once it acknowledges");
        Incarnation = incarnation;
    }

    /// <summary>Q nodes know of the incarnation.</summary>
    internal void Registered(uint incarnation, ulong nonce)
    {
        Incarnation = incarnation;
        Nonce = nonce;
        Invariant.Holds(_known[_self] <= incarnation, "E7 nobody knows of a later incarnation of this node");
        _known.Learn(_self, incarnation, nonce);
        Standing = EccStanding.Recovering;
        Array.Clear(_ready);
        ReadySlots = 0;
    }

    /// <summary>Everything that counts on this node about these keys is here.</summary>
    internal void SlotRecovered(int slot)
    {
        Invariant.Holds(!IsStarting, "E6 a node recovers after it has registered");
        ReadySlots += IsSlotReady(slot) ? 0 : 1;
        _ready[slot >> 6] |= 1UL << (slot & 63);
        Standing = ReadySlots == Slots ? EccStanding.Ready : Standing;
    }

    /// <summary>Slots recovered in an earlier life; the log has kept what they hold.</summary>
    internal void Restore(ReadOnlySpan<ulong> slots)
    {
        slots.CopyTo(_ready);
        ReadySlots = 0;
        foreach (var word in _ready)
        {
            ReadySlots += BitOperations.PopCount(word);
        }

        Standing = ReadySlots == Slots ? EccStanding.Ready : Standing;
    }

    /// <summary>There is nothing to recover: the cluster begins here, or the log is complete.</summary>
    internal void AllReady()
    {
        Array.Fill(_ready, ulong.MaxValue);
        ReadySlots = Slots;
        Standing = EccStanding.Ready;
    }

    /// <summary>The head of an acknowledgement about a key.</summary>
    internal EccReplyHead HeadOf(ulong operationId, ulong hash, EccVersion fin) =>
        Head(operationId, Votes(hash), fin);

    /// <summary>The head of an acknowledgement about many keys.</summary>
    internal EccReplyHead HeadOfAll(ulong operationId) => Head(operationId, IsReady, EccVersion.None);

    /// <summary>The head of an answer that acknowledges nothing.</summary>
    internal EccReplyHead HeadOfNothing(ulong operationId) =>
        new(operationId, Incarnation, false, Shown, EccVersion.None);

    private EccReplyHead Head(ulong operationId, bool votes, EccVersion fin)
    {
        Invariant.Holds(!IsStarting, "E6 an incarnation acknowledges nothing before it is registered");
        return new EccReplyHead(operationId, Incarnation, votes, Shown, fin);
    }

    private ReadOnlyMemory<byte> Shown =>
        (_mutants & EccMutants.ScanForgetsIncarnation) != 0 ? default : _known.Wire;
}
