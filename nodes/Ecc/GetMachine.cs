using System.Numerics;
using Testbed.Erasure;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Get: one round when q nodes agree and show enough elements; else it finalises the highest finalised
/// version it saw at q nodes before it returns that version's value.
/// </summary>
internal sealed class GetMachine(OperationEngine engine)
{
    private const int RestartsUntilPin = 3;
    private const int MaxDecodeFailures = 3;

    private EccCode Code => engine.Code;

    private PeerHealth Health => engine.Health;

    /// <summary>Bit of this node when the operation serves a node that lacks its own element.</summary>
    internal uint NotPreferred { get; set; }

    /// <summary>Repairer id (node number + 1) and width of widenings.</summary>
    internal int RepairerId { get; set; }

    internal void Begin(OperationSlot slot)
    {
        engine.BeginPhase(slot, OperationPhase.Read);
        var avoid = slot.Kind == OperationKind.Fill ? NotPreferred : 0;
        var chosen = Choose(slot.KeyHash, Health.Live & ~avoid, 0);
        chosen = Choose(slot.KeyHash, Health.Live, chosen);
        chosen = Choose(slot.KeyHash, Health.Up, chosen);
        for (var rest = chosen; rest != 0; rest &= rest - 1)
        {
            SendRead(slot, BitOperations.TrailingZeroCount(rest), chosen);
        }

        for (var rest = Health.TakeProbes(engine.NowMicros, slot.Id) & ~chosen; rest != 0; rest &= rest - 1)
        {
            SendRead(slot, BitOperations.TrailingZeroCount(rest), 0);
        }
    }

    /// <summary>
    /// Adds candidates in the order of element indices, data elements first, until q are chosen.
    /// </summary>
    private uint Choose(ulong hash, uint candidates, uint chosen)
    {
        for (var element = 0; element < Code.Nodes
            && BitOperations.PopCount(chosen) < Code.Quorum; element++)
        {
            chosen |= candidates & (1u << Code.NodeOf(element, hash));
        }

        return chosen;
    }

    private void SendRead(OperationSlot slot, int node, uint nodeMask) =>
        Send(slot, node, EccVersion.None, nodeMask);

    private void Send(OperationSlot slot, int node, EccVersion version, uint nodeMask)
    {
        var span = engine.Begin(slot, node, EccFetch.MaxBytes(slot.Key.Length));
        var evidence = version.IsNone ? default : EvidenceOf(slot);
        engine.End(EccFetch.Write(span, slot.Id, slot.Key.Span, version, nodeMask, slot.Pin, evidence));
    }

    /// <summary>A node that showed the target as finalised and stands by it.</summary>
    private EccEvidence EvidenceOf(OperationSlot slot)
    {
        slot.EvidenceNode = Array.IndexOf(slot.Fins, slot.Target);
        return engine.EvidenceOf(slot.EvidenceNode, isWriters: false);
    }

    /// <summary>
    /// What nodes showed turned out void. True when that was all that spoke for the target: then the get begins again.
    /// </summary>
    internal bool BeginsAgain(OperationSlot slot)
    {
        if (slot.Phase != OperationPhase.ReadFinalize || Array.IndexOf(slot.Fins, slot.Target) >= 0)
        {
            return false;
        }

        engine.Counters.Restarts++;
        slot.Target = EccVersion.None;
        ReadAll(slot);
        return true;
    }

    private void ReadAll(OperationSlot slot)
    {
        engine.BeginPhase(slot, OperationPhase.Read);
        for (var rest = Health.Up; rest != 0; rest &= rest - 1)
        {
            SendTo(slot, BitOperations.TrailingZeroCount(rest));
        }
    }

    /// <summary>Asks one more node, or one node again; it shall send its element.</summary>
    internal void SendTo(OperationSlot slot, int node) =>
        Send(slot, node, slot.Phase == OperationPhase.Read ? EccVersion.None : slot.Target, 1u << node);

    /// <summary>
    /// Nodes that have not shown the target version's finalisation and, where needed, its element.
    /// </summary>
    internal static uint Unsettled(OperationSlot slot)
    {
        var mask = 0u;
        for (var node = 0; node < slot.Fins.Length; node++)
        {
            var settled = slot.Fins[node] >= slot.Target
                && (slot.Target.IsTombstone || slot.Elements[node].Version == slot.Target);
            mask |= settled ? 0 : 1u << node;
        }

        return mask;
    }

    internal void OnHedge(OperationSlot slot)
    {
        var more = slot.Phase == OperationPhase.Read ? Health.Up & ~slot.Targets : 0;
        engine.Counters.Hedges += more != 0 ? 1 : 0;
        for (var rest = more; rest != 0; rest &= rest - 1)
        {
            SendTo(slot, BitOperations.TrailingZeroCount(rest));
        }
    }

    internal void OnReply(OperationSlot slot, int node, in EccElement element)
    {
        if (element.Exists && element.Version.Width <= Code.DataElements
            && element.Version >= slot.Elements[node].Version)
        {
            if (Checksum.Of(element.Blob.Span) == element.Checksum)
            {
                slot.Elements[node] = element;
            }
            else
            {
                engine.Counters.CorruptElements++;
            }
        }

        if (slot.Phase == OperationPhase.Read)
        {
            EvaluateRead(slot);
        }
        else
        {
            EvaluateFinalize(slot);
        }
    }

    private int Needed => engine.IsPlanted(EccMutants.ReadTrustsFirstAnswer) ? 1 : Code.Quorum;

    private void EvaluateRead(OperationSlot slot)
    {
        if (BitOperations.PopCount(slot.Votes) < Needed)
        {
            return;
        }

        slot.Target = MaxFin(slot);
        if (slot.Target.IsNone)
        {
            engine.Finish(slot, new ClientResult { Outcome = KvOutcome.NotFound, Rounds = slot.Rounds });
        }
        else if (!TryComplete(slot))
        {
            FinalizeTarget(slot);
        }
    }

    private void EvaluateFinalize(OperationSlot slot)
    {
        if (TryComplete(slot))
        {
            return;
        }

        var max = MaxFin(slot);
        if (max <= slot.Target)
        {
            return;
        }

        // Someone finalised a newer version, and the elements of the old one are being dropped: follow.
        engine.Counters.Restarts++;
        slot.Target = max;
        if (++slot.Restarts % RestartsUntilPin != 0)
        {
            FinalizeTarget(slot);
            return;
        }

        engine.Counters.Pins++;
        slot.Pin = true;
        slot.Votes = slot.Acks = 0;
        Array.Clear(slot.Fins);
        ReadAll(slot);
    }

    private void FinalizeTarget(OperationSlot slot)
    {
        engine.BeginPhase(slot, OperationPhase.ReadFinalize);
        for (var rest = Health.Up & Unsettled(slot); rest != 0; rest &= rest - 1)
        {
            SendTo(slot, BitOperations.TrailingZeroCount(rest));
        }
    }

    private static EccVersion MaxFin(OperationSlot slot)
    {
        var max = EccVersion.None;
        foreach (var fin in slot.Fins)
        {
            max = fin > max ? fin : max;
        }

        return max;
    }

    /// <summary>
    /// Ends the get when q nodes have fin at least the target and the target can be decoded. True also when
    /// the decoded value was wrong and the get failed for good.
    /// </summary>
    private bool TryComplete(OperationSlot slot)
    {
        var finalised = 0;
        foreach (var fin in slot.Fins)
        {
            finalised += fin >= slot.Target ? 1 : 0;
        }

        if (finalised < Needed && !engine.IsPlanted(EccMutants.ReadBeforeQuorumFinalised))
        {
            return false;
        }

        if (slot.Target.IsTombstone)
        {
            engine.Finish(slot, new ClientResult { Outcome = KvOutcome.NotFound, Rounds = slot.Rounds });
            return true;
        }

        if (!TryDecode(slot, out var value, out var degraded))
        {
            if (slot.DecodeFailures < MaxDecodeFailures)
            {
                return false;
            }

            engine.Finish(slot, new ClientResult
            {
                Outcome = KvOutcome.Failed,
                Reason = "the value does not match its checksum",
            });
            return true;
        }

        if (slot.Kind == OperationKind.Widen)
        {
            Rewrite(slot, value);
            return true;
        }

        engine.Finish(slot, new ClientResult
        {
            Outcome = KvOutcome.Ok,
            Value = value,
            Rounds = slot.Rounds,
            Degraded = degraded,
        });
        return true;
    }

    private void Rewrite(OperationSlot slot, ReadOnlyMemory<byte> value)
    {
        if (slot.Target.Width >= Code.DataElements || slot.Target.Gen >= EccVersion.MaxGen - 1)
        {
            engine.Finish(slot, new ClientResult { Outcome = KvOutcome.Ok, Rounds = slot.Rounds });
            return;
        }

        engine.Puts.BeginRewrite(slot, value, RepairerId, Code.DataElements);
    }

    private bool TryDecode(OperationSlot slot, out ReadOnlyMemory<byte> value, out bool degraded)
    {
        value = default;
        var width = slot.Target.Width;
        var found = Gather(slot, width, out degraded, out var valueBytes, out var valueChecksum);
        if (found < width)
        {
            return false;
        }

        var decoded = Code.Decode(
            slot.DecodeIndices.AsSpan(0, width), slot.DecodeElements.AsSpan(0, width), valueBytes,
                valueChecksum, engine.IsPlanted(EccMutants.MixedElementDecode));
        if (decoded is null)
        {
            // One of them lies about what it is: none is trusted, all are asked for again.
            engine.Counters.CorruptElements++;
            slot.DecodeFailures++;
            Array.Clear(slot.Elements);
            return false;
        }

        value = decoded;
        return true;
    }

    private bool Mixes(OperationSlot slot, in EccElement element) =>
        engine.IsPlanted(EccMutants.MixedElementDecode) && element.Version.Width == slot.Target.Width;

    /// <summary>
    /// Collects elements of the target version by element index, so that data elements come first.
    /// </summary>
    private int Gather(OperationSlot slot, int width, out bool degraded, out int valueBytes,
        out ulong valueChecksum)
    {
        degraded = false;
        valueBytes = 0;
        valueChecksum = 0;
        var found = 0;
        for (var index = 0; index < Code.Nodes && found < width; index++)
        {
            ref var element = ref slot.Elements[Code.NodeOf(index, slot.KeyHash)];
            if (element.Version != slot.Target && !Mixes(slot, element))
            {
                continue;
            }

            if (found > 0 && element.ValueBytes != valueBytes)
            {
                continue;
            }

            valueBytes = element.ValueBytes;
            valueChecksum = element.ValueChecksum;
            slot.DecodeIndices[found] = (byte)index;
            slot.DecodeElements[found] = element.Bytes;
            degraded |= index >= width;
            found++;
        }

        return found;
    }
}
