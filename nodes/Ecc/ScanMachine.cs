using System.Numerics;
using Testbed.Erasure;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Scan: q nodes list their present keys with elements; what they agree on and can be decoded is taken,
/// every other key goes through an ordinary get. Linearizable per key; keys written during the scan may or
/// may not be seen.
/// </summary>
internal sealed class ScanMachine(OperationEngine engine)
{
    private const byte Waiting = 0;
    private const byte UnderWay = 1;
    private const byte Present = 2;
    private const byte Absent = 3;
    private readonly byte[] _indices = new byte[Limits.Nodes];
    private readonly ReadOnlyMemory<byte>[] _elements = new ReadOnlyMemory<byte>[Limits.Nodes];

    private EccCode Code => engine.Code;

    private PeerHealth Health => engine.Health;

    internal void Begin(OperationSlot slot)
    {
        slot.Scan ??= new ScanState(Code.Nodes);
        slot.Scan.Start = slot.Key;
        slot.ScanLimit = Math.Min(slot.ScanLimit, Limits.ScanKeys);
        BeginPage(slot);
    }

    private void BeginPage(OperationSlot slot)
    {
        var scan = slot.Scan!;
        scan.ClearPage();

        // Each page has an id of its own: a late answer to an earlier page must not count for this one.
        engine.Renew(slot);
        engine.BeginPhase(slot, OperationPhase.Scan);

        // Start at another node for each operation: elements are spread over all, so should be the listing's
        // work.
        var first = (int)((slot.Id >> 20) % (uint)Code.Nodes);
        var chosen = Choose(first, Health.Live, 0);
        chosen = Choose(first, Health.Up, chosen);
        scan.NodeMask = chosen;
        for (var rest = chosen; rest != 0; rest &= rest - 1)
        {
            Send(slot, BitOperations.TrailingZeroCount(rest), chosen);
        }
    }

    private uint Choose(int first, uint candidates, uint chosen)
    {
        for (var i = 0; i < Code.Nodes && BitOperations.PopCount(chosen) < Code.Quorum; i++)
        {
            chosen |= candidates & (1u << ((first + i) % Code.Nodes));
        }

        return chosen;
    }

    private void Send(OperationSlot slot, int node, uint nodeMask)
    {
        var scan = slot.Scan!;
        var message = new EccScan(
            slot.Id, scan.Start, scan.AfterStart, slot.ScanLimit - scan.Result.Count, nodeMask);
        var span = engine.Begin(slot, node, message.MaxBytes);
        engine.End(message.Write(span));
    }

    internal void SendTo(OperationSlot slot, int node) => Send(slot, node, 1u << node);

    internal void OnHedge(OperationSlot slot)
    {
        var more = Health.Up & ~slot.Targets;
        engine.Counters.Hedges += more != 0 ? 1 : 0;
        for (var rest = more; rest != 0; rest &= rest - 1)
        {
            SendTo(slot, BitOperations.TrailingZeroCount(rest));
        }
    }

    internal void OnReply(OperationSlot slot, int node, in EccScanReply reply)
    {
        var scan = slot.Scan!;
        var bit = 1u << node;
        scan.Rest[node] = reply.Entries;
        scan.Replied |= bit;
        scan.Truncated |= reply.Truncated && !reply.Entries.IsEmpty ? bit : 0;
        if (BitOperations.PopCount(scan.Replied) >= Code.Quorum)
        {
            Merge(slot);
        }
    }

    /// <summary>Walks the answers side by side, up to the smallest last key of a truncated one.</summary>
    private void Merge(OperationSlot slot)
    {
        var scan = slot.Scan!;
        slot.Phase = OperationPhase.ScanGets;
        for (var rest = scan.Replied; rest != 0; rest &= rest - 1)
        {
            Advance(scan, BitOperations.TrailingZeroCount(rest));
        }

        var wanted = slot.ScanLimit - scan.Result.Count;
        var exhausted = false;
        while (!exhausted && scan.HasFront != 0 && scan.Page.Count < wanted)
        {
            // A truncated answer that is used up says nothing about further keys: the page ends here.
            exhausted = !TakeSmallest(scan);
        }

        scan.AtEnd = !exhausted && scan.HasFront == 0 && scan.Truncated == 0;
        Pump(slot);
    }

    private static void Advance(ScanState scan, int node)
    {
        if (!scan.Rest[node].IsEmpty && EccScanEntry.TryRead(ref scan.Rest[node], out scan.Front[node]))
        {
            scan.HasFront |= 1u << node;
        }
        else
        {
            scan.HasFront &= ~(1u << node);
        }
    }

    /// <summary>Takes the smallest key of all fronts. False when a truncated answer ended with it.</summary>
    private bool TakeSmallest(ScanState scan)
    {
        var key = default(ReadOnlyMemory<byte>);
        var holders = 0u;
        for (var rest = scan.HasFront; rest != 0; rest &= rest - 1)
        {
            var node = BitOperations.TrailingZeroCount(rest);
            var candidate = scan.Front[node].Key;
            var order = holders == 0 ? -1 : candidate.Span.SequenceCompareTo(key.Span);
            if (order < 0)
            {
                key = candidate;
                holders = 0;
            }

            holders |= order <= 0 ? 1u << node : 0;
        }

        if (TryTake(scan, key, holders, out var entry))
        {
            scan.Page.Add(entry);
            scan.PageStates.Add(Present);
        }
        else
        {
            scan.Page.Add(new KvEntry(key.ToArray(), default));
            scan.PageStates.Add(Waiting);
            scan.Unresolved++;
        }

        for (var rest = holders; rest != 0; rest &= rest - 1)
        {
            Advance(scan, BitOperations.TrailingZeroCount(rest));
        }

        return (scan.Truncated & holders & ~scan.HasFront) == 0;
    }

    /// <summary>
    /// Decodes a key at once when q nodes show the same fin, none a higher one, and elements suffice.
    /// </summary>
    private bool TryTake(ScanState scan, ReadOnlyMemory<byte> key, uint holders, out KvEntry entry)
    {
        entry = default;
        var fin = EccVersion.None;
        var agreeing = 0;
        for (var rest = holders; rest != 0; rest &= rest - 1)
        {
            var shown = scan.Front[BitOperations.TrailingZeroCount(rest)].Fin;
            agreeing = shown > fin ? 1 : agreeing + (shown == fin ? 1 : 0);
            fin = shown > fin ? shown : fin;
        }

        var width = fin.Width;
        if (agreeing < Code.Quorum || width == 0 || width > Code.DataElements)
        {
            return false;
        }

        var hash = EccCode.HashOf(key.Span);
        var found = 0;
        var last = default(EccElement);
        for (var index = 0; index < Code.Nodes && found < width; index++)
        {
            var node = Code.NodeOf(index, hash);
            if ((holders & (1u << node)) == 0 || scan.Front[node].Element is not { Exists: true } element
                || element.Version != fin || !IsSound(element)
                || (found > 0 && element.ValueBytes != last.ValueBytes))
            {
                continue;
            }

            last = element;
            _indices[found] = (byte)index;
            _elements[found++] = element.Bytes;
            scan.Degraded |= index >= width;
        }

        if (found < width
            || Code.Decode(_indices.AsSpan(0, width), _elements.AsSpan(0, width), last.ValueBytes,
                last.ValueChecksum)
                is not { } value)
        {
            return false;
        }

        entry = new KvEntry(key.ToArray(), value);
        return true;
    }

    private bool IsSound(in EccElement element)
    {
        if (Checksum.Of(element.Blob.Span) == element.Checksum)
        {
            return true;
        }

        engine.Counters.CorruptElements++;
        return false;
    }

    /// <summary>Begins the gets that the page still needs; ends the page when there are none.</summary>
    internal void Pump(OperationSlot slot)
    {
        var scan = slot.Scan!;
        while (scan.NextGet < scan.Page.Count)
        {
            var position = scan.NextGet;
            if (scan.PageStates[position] == Waiting)
            {
                if (!engine.TrySubmitScanGet(slot, position, scan.Page[position].Key))
                {
                    return;
                }

                scan.PageStates[position] = UnderWay;
            }

            scan.NextGet++;
        }

        if (scan.Unresolved == 0)
        {
            EndPage(slot);
        }
    }

    internal void OnGet(OperationSlot slot, int position, in ClientResult result)
    {
        var scan = slot.Scan!;
        if (result.Outcome is not (KvOutcome.Ok or KvOutcome.NotFound))
        {
            engine.Finish(slot, new ClientResult { Outcome = KvOutcome.Failed, Reason = result.Reason });
            return;
        }

        scan.Unresolved--;
        scan.Page[position] = scan.Page[position] with { Value = result.Value };
        scan.PageStates[position] = result.Outcome == KvOutcome.Ok ? Present : Absent;
        slot.Rounds = (byte)Math.Min(255, Math.Max(slot.Rounds, result.Rounds + 1));
        scan.Degraded |= result.Degraded;
        Pump(slot);
    }

    private void EndPage(OperationSlot slot)
    {
        var scan = slot.Scan!;
        for (var i = 0; i < scan.Page.Count; i++)
        {
            if (scan.PageStates[i] == Present)
            {
                scan.Result.Add(scan.Page[i]);
            }
        }

        if (scan.AtEnd || scan.Result.Count >= slot.ScanLimit || scan.Page.Count == 0)
        {
            engine.Finish(slot, new ClientResult
            {
                Outcome = KvOutcome.Ok,
                Entries = scan.Result,
                Rounds = slot.Rounds,
                Degraded = scan.Degraded,
            });
            return;
        }

        scan.Start = scan.Page[^1].Key;
        scan.AfterStart = true;
        BeginPage(slot);
    }
}
