using System.Numerics;
using Testbed.Erasure;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Put and delete: pre-write with votes, retag, width steps, finalise. Also the second half of a widening,
/// which writes a finalised value again under the next generation and needs no votes, since its tag is the
/// value's own.
/// </summary>
internal sealed class PutMachine(OperationEngine engine)
{
    private readonly ParityElements _parity = new(engine.Code);

    private EccCode Code => engine.Code;

    private PeerHealth Health => engine.Health;

    internal void Begin(OperationSlot slot)
    {
        slot.Hlc = Blind ? engine.Clock.NextBlind() : engine.Clock.Next();
        slot.ValueChecksum = Checksum.Of(slot.Value.Span);
        var live = Health.Live;
        var liveCount = BitOperations.PopCount(live);
        var width = slot.Kind == OperationKind.Delete ? 0
            : engine.Options.FixedWidth ? Code.DataElements
            : slot.Value.Length <= engine.Options.TinyValueBytes ? 1
            : Math.Clamp(liveCount - Code.Tolerated, 1, Code.DataElements);
        engine.BeginPhase(slot, OperationPhase.PreWrite);
        AddGeneration(slot, width);

        // With fewer unsuspected nodes than are needed suspicion is useless: ask everyone.
        var targets = liveCount < Code.Need(width)
            ? Health.Up
            : live | Health.TakeProbes(engine.NowMicros, slot.Id);
        SendNewest(slot, targets);
    }

    /// <summary>
    /// Writes the value of <paramref name="slot"/>'s target version again, at the given width.
    /// </summary>
    internal void BeginRewrite(OperationSlot slot, ReadOnlyMemory<byte> value, int repairer, int width)
    {
        var from = slot.Target;
        slot.Value = value;
        slot.ValueChecksum = Checksum.Of(value.Span);
        var renewed = engine.IsPlanted(EccMutants.RepairTakesNewTag);
        slot.Hlc = renewed ? engine.Clock.Next() : from.Hlc;
        engine.BeginPhase(slot, OperationPhase.PreWrite);
        slot.GenCount = 1;
        slot.Gens[0] = new Generation
        {
            Version = EccVersion.Of(slot.Hlc, from.Client, from.Gen + 1, repairer, width),
        };
        SendNewest(slot, Health.Up);
    }

    private bool Blind => engine.IsPlanted(EccMutants.BlindClockTags);

    private int NeededFinals => engine.IsPlanted(EccMutants.PutBeforeQuorumFinalised) ? 1 : Code.Quorum;

    private int Needed(int width) =>
        engine.IsPlanted(EccMutants.CompleteAtQuorumAtAnyWidth) ? Code.Quorum
        : engine.IsPlanted(EccMutants.CompleteOneAckShort) && width > 0 ? Code.Need(width) - 1
        : Code.Need(width);

    private void AddGeneration(OperationSlot slot, int width)
    {
        slot.Gens[slot.GenCount] = new Generation
        {
            Version = EccVersion.Of(slot.Hlc, engine.ClientId, slot.GenCount, 0, width),
        };
        slot.GenCount++;
    }

    private void SendNewest(OperationSlot slot, uint nodes, bool rename = false)
    {
        var width = slot.Gens[slot.GenCount - 1].Version.Width;
        if (!rename && BitOperations.PopCount(nodes) > width + 1)
        {
            _parity.Compute(slot.Value.Span, width);
        }

        for (var rest = nodes; rest != 0; rest &= rest - 1)
        {
            SendPreWrite(slot, BitOperations.TrailingZeroCount(rest), rename);
        }

        _parity.Clear();
    }

    private void SendPreWrite(OperationSlot slot, int node, bool rename)
    {
        ref var gen = ref slot.Gens[slot.GenCount - 1];
        gen.Sent |= 1u << node;
        var width = gen.Version.Width;
        var valueBytes = width == 0 ? 0 : slot.Value.Length;
        var blobBytes = rename ? 0 : EccCode.BlobBytes(width, valueBytes);
        var from = rename ? slot.Gens[slot.GenCount - 2].Version : EccVersion.None;
        var span = engine.Begin(slot, node, EccPreWrite.MaxBytes(slot.Key.Length, blobBytes));
        var offset = EccPreWrite.Write(
            span, slot.Id, slot.Key.Span, from, gen.Version, rename ? 0 : valueBytes, blobBytes);
        if (blobBytes > 0)
        {
            var blob = span.Slice(offset, blobBytes);
            var index = Code.ElementIndex(node, slot.KeyHash);
            var parity = _parity.Of(index, width);
            if (parity.IsEmpty)
            {
                Code.Encode(slot.Value.Span, slot.ValueChecksum, width, index, blob);
            }
            else
            {
                EccCode.Copy(parity, slot.ValueChecksum, blob);
            }

            EccPreWrite.Seal(span, offset, Checksum.Of(blob));
        }

        engine.End(offset + blobBytes);
    }

    private void SendFinalize(OperationSlot slot, int node)
    {
        var span = engine.Begin(slot, node, EccFetch.MaxBytes(slot.Key.Length));
        engine.End(EccFetch.Write(
            span, slot.Id, slot.Key.Span, slot.Chosen, nodeMask: 0, pin: false, EvidenceOf(slot)));
    }

    /// <summary>
    /// Any node that still stands by what it acknowledged. Without one the Finalize goes out resting on what is void:
    /// it asks what the nodes know, no more.
    /// </summary>
    private EccEvidence EvidenceOf(OperationSlot slot)
    {
        var standing = slot.FinalizeAcks;
        for (var i = 0; i < slot.GenCount; i++)
        {
            standing |= slot.Gens[i].Version == slot.Chosen ? slot.Gens[i].Acked : 0;
        }

        slot.EvidenceNode = standing != 0 ? BitOperations.TrailingZeroCount(standing) : -1;
        return engine.EvidenceOf(slot.EvidenceNode, isWriters: true);
    }

    /// <summary>Sends the current phase's message to one node, again or for the first time.</summary>
    internal void SendTo(OperationSlot slot, int node)
    {
        if (slot.Phase == OperationPhase.PreWrite)
        {
            SendPreWrite(slot, node, rename: false);
        }
        else
        {
            SendFinalize(slot, node);
        }
    }

    internal void OnPreWriteAck(OperationSlot slot, int node, in EccPreWriteAck ack)
    {
        if (ack.Status == EccStoreStatus.NeedData)
        {
            if (slot.Gens[slot.GenCount - 1].Version == ack.Version)
            {
                SendPreWrite(slot, node, rename: false);
            }
        }
        else if (ack.Status != EccStoreStatus.Refused)
        {
            for (var i = 0; i < slot.GenCount; i++)
            {
                if (slot.Gens[i].Version == ack.Version)
                {
                    slot.Gens[i].Acked |= 1u << node;
                }
            }
        }

        Evaluate(slot);
    }

    /// <summary>
    /// The loop body of "put": first the votes, once; then the newest generation with enough acks.
    /// </summary>
    private void Evaluate(OperationSlot slot)
    {
        if (!slot.VotesCounted && slot.Kind != OperationKind.Widen)
        {
            if (BitOperations.PopCount(slot.Votes) < Code.Quorum)
            {
                return;
            }

            slot.VotesCounted = true;
            var max = MaxFin(slot);
            if (!Blind && max.Tag >= slot.Gens[slot.GenCount - 1].Version.Tag)
            {
                Retag(slot);
                return;
            }
        }

        for (var i = slot.GenCount - 1; i >= slot.FirstLiveGen; i--)
        {
            if (BitOperations.PopCount(slot.Gens[i].Acked) >= Needed(slot.Gens[i].Version.Width))
            {
                FinalizeGeneration(slot, i);
                return;
            }
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
    /// A finalised version may be newer than this tag. The votes came after the invocation, so one new tag
    /// above all of them is enough; holders only rename. The clock makes it distinct from every other tag of
    /// this client.
    /// </summary>
    private void Retag(OperationSlot slot)
    {
        if (slot.GenCount == slot.Gens.Length)
        {
            engine.Finish(slot, new ClientResult
            {
                Outcome = KvOutcome.Unknown,
                Reason = "nodes kept restarting",
            });
            return;
        }

        engine.Counters.Retags++;
        var width = slot.Gens[slot.GenCount - 1].Version.Width;
        var previous = slot.Gens[slot.GenCount - 1];
        slot.Hlc = engine.Clock.Next();
        slot.FirstLiveGen = slot.GenCount;
        var targets = slot.Targets & Health.Up;
        engine.BeginPhase(slot, OperationPhase.PreWrite);
        AddGeneration(slot, width);
        if (engine.IsPlanted(EccMutants.RetagCountsOldAcks))
        {
            slot.Gens[slot.GenCount - 1].Acked = previous.Acked;
        }

        SendNewest(slot, targets & previous.Sent, rename: true);
        SendNewest(slot, targets & ~previous.Sent);
    }

    private void FinalizeGeneration(OperationSlot slot, int index)
    {
        slot.Chosen = slot.Gens[index].Version;
        slot.Degraded = slot.Chosen.Width > 0 && slot.Chosen.Width < Code.DataElements
            && slot.Value.Length > engine.Options.TinyValueBytes;
        if (engine.IsPlanted(EccMutants.PutSkipsFinalise))
        {
            engine.Finish(slot, new ClientResult { Outcome = KvOutcome.Ok, Rounds = slot.Rounds });
            return;
        }

        var targets = slot.Targets & Health.Up;
        engine.BeginPhase(slot, OperationPhase.Finalize);
        for (var rest = targets; rest != 0; rest &= rest - 1)
        {
            SendFinalize(slot, BitOperations.TrailingZeroCount(rest));
        }
    }

    internal void OnFinalizeAck(OperationSlot slot, int node, EccVersion fin)
    {
        if (fin < slot.Chosen)
        {
            Refused(slot, node);
            return;
        }

        slot.FinalizeAcks |= 1u << node;
        if (BitOperations.PopCount(slot.FinalizeAcks) >= NeededFinals)
        {
            engine.Finish(slot, new ClientResult
            {
                Outcome = KvOutcome.Ok,
                Rounds = slot.Rounds,
                Degraded = slot.Degraded,
            });
        }
    }

    /// <summary>
    /// What a node acknowledged speaks for the version, and yet it is not finalised there: this writer is fenced. When
    /// that leaves fewer than q nodes, nothing is to be waited for.
    /// </summary>
    private void Refused(OperationSlot slot, int node)
    {
        slot.Fenced |= slot.EvidenceNode >= 0 ? 1u << node : 0;
        if (BitOperations.PopCount(slot.Fenced) > Code.Nodes - Code.Quorum)
        {
            engine.Finish(slot, new ClientResult
            {
                Outcome = KvOutcome.Unknown,
                Reason = "the write took so long that the nodes gave it up",
            });
        }
    }

    internal void OnHedge(OperationSlot slot)
    {
        engine.Counters.Hedges++;
        for (var rest = Health.Up & ~slot.Targets; rest != 0; rest &= rest - 1)
        {
            SendTo(slot, BitOperations.TrailingZeroCount(rest));
        }

        if (slot.Phase == OperationPhase.PreWrite)
        {
            StepWidth(slot);
        }
    }

    internal void OnLinkDown(OperationSlot slot, int node)
    {
        for (var i = 0; i < slot.GenCount; i++)
        {
            slot.Gens[i].Sent &= ~(1u << node);
        }

        StepWidth(slot);
    }

    /// <summary>
    /// When no generation can still get its acks from the nodes that answer, encodes narrower for those.
    /// Earlier elements stay where they are: an earlier generation may yet complete. With fixed widths the put
    /// goes on waiting instead, until its deadline.
    /// </summary>
    private void StepWidth(OperationSlot slot)
    {
        // A widening is in no hurry and never steps: it waits for slow nodes and gives up only when one is
        // gone.
        var live = slot.Kind == OperationKind.Widen ? Health.Up : Health.Up & ~slot.GaveUp;
        for (var i = slot.FirstLiveGen; i < slot.GenCount; i++)
        {
            ref var gen = ref slot.Gens[i];
            if (BitOperations.PopCount(gen.Acked | (gen.Sent & live)) >= Code.Need(gen.Version.Width))
            {
                return;
            }
        }

        if (slot.Kind == OperationKind.Widen)
        {
            engine.Finish(slot, new ClientResult
            {
                Outcome = KvOutcome.Unknown,
                Reason = "a node went away",
            });
            return;
        }

        var newest = slot.Gens[slot.GenCount - 1].Version.Width;
        var width = BitOperations.PopCount(live) - Code.Tolerated;
        if (engine.Options.FixedWidth || width < 1 || width >= newest || slot.GenCount == slot.Gens.Length)
        {
            return;
        }

        engine.Counters.WidthSteps++;
        slot.Rounds++;
        AddGeneration(slot, width);
        SendNewest(slot, live);
    }

    /// <summary>
    /// Gives up before finalise: no reader can have seen any generation and none ever will, so the nodes may
    /// drop them. Best effort; a pre-write that is not taken back is an orphan, nothing worse. A widening's
    /// version may be tried again, so it is left to that.
    /// </summary>
    internal void Retract(OperationSlot slot)
    {
        if (!slot.IsWrite)
        {
            return;
        }

        for (var i = 0; i < slot.GenCount; i++)
        {
            if (i > 0 && slot.Gens[i].Version.Tag == slot.Gens[i - 1].Version.Tag)
            {
                continue;
            }

            var retract = new EccRetract(slot.Key, slot.Gens[i].Version);
            for (var rest = Health.Up; rest != 0; rest &= rest - 1)
            {
                var span = engine.BeginAside(BitOperations.TrailingZeroCount(rest), retract.MaxBytes);
                engine.End(retract.Write(span));
            }
        }
    }
}
