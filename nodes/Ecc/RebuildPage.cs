using System.Numerics;
using Testbed.Erasure;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// One stretch of the hash order as q READY nodes show it: which versions this node must hold, the elements it
/// rebuilds its own from, and the fins it adopts.
/// </summary>
internal sealed class RebuildPage(EccCode code, EccOptions options, Replica replica)
{
    private readonly EccSlotScanReply?[] _answers = new EccSlotScanReply?[code.Nodes];
    private readonly List<Seen> _seen = [];
    private readonly List<Want> _wants = [];
    private readonly List<(ReadOnlyMemory<byte> Key, ulong Hash, EccVersion Fin)> _fins = [];
    private readonly byte[][] _wanted = [.. Enumerable.Range(0, code.Nodes).Select(_ => new byte[1024])];
    private readonly int[] _wantedBytes = new int[code.Nodes];
    private readonly ReadOnlyMemory<byte>[] _elements = new ReadOnlyMemory<byte>[code.Nodes];
    private readonly byte[] _indices = new byte[code.Nodes];
    private readonly ReadOnlyMemory<byte>[] _decode = new ReadOnlyMemory<byte>[code.Nodes];
    private int _chunkFirst;
    private int _chunkEnd;

    private readonly record struct Seen(
        ReadOnlyMemory<byte> Key, ulong Hash, EccVersion Version, int ValueBytes, bool IsFin, bool Holds, int Node);

    private readonly record struct Want(
        ReadOnlyMemory<byte> Key, ulong Hash, EccVersion Version, int ValueBytes, uint Sources);

    /// <summary>The page is complete below this group.</summary>
    internal uint Covered { get; private set; }

    internal long RebuiltBytes { get; private set; }

    internal long RebuiltKeys { get; private set; }

    /// <summary>Elements are still to be fetched.</summary>
    internal bool HasMore => _chunkEnd < _wants.Count;

    internal bool HasAnswer(int node) => _answers[node] is not null;

    internal uint IncarnationOf(int node) => _answers[node]!.Value.Head.Incarnation;

    internal void Clear()
    {
        Array.Clear(_answers);
        _seen.Clear();
        _wants.Clear();
        _fins.Clear();
        _chunkFirst = _chunkEnd = 0;
    }

    internal void Take(int node, in EccSlotScanReply reply) => _answers[node] = reply;

    /// <summary>Compares the valid answers: all from the first group on, as far as all of them reach.</summary>
    internal void Merge(uint first, Func<int, uint, bool> isVoid)
    {
        Covered = uint.MaxValue;
        for (var node = 0; node < _answers.Length; node++)
        {
            if (_answers[node] is { } answer)
            {
                if (isVoid(node, answer.Head.Incarnation))
                {
                    _answers[node] = null;
                    continue;
                }

                Covered = Math.Min(Covered, answer.Next);
            }
        }

        for (var node = 0; node < _answers.Length; node++)
        {
            var rest = _answers[node]?.Entries ?? default;
            while (EccSlotEntry.TryRead(ref rest, out var entry))
            {
                var hash = EccCode.HashOf(entry.Key.Span);
                if (EccSlotScan.GroupOf(hash) is var group && group >= first && group < Covered
                    && entry.Version.Width <= code.DataElements)
                {
                    _seen.Add(new Seen(
                        entry.Key, hash, entry.Version, entry.ValueBytes, entry.IsFin, entry.Holds, node));
                }
            }
        }

        _seen.Sort(static (a, b) =>
            a.Key.Span.SequenceCompareTo(b.Key.Span) is var byKey && byKey != 0 ? byKey
            : a.Version != b.Version ? a.Version.CompareTo(b.Version)
            : a.Node - b.Node);
        for (var begin = 0; begin < _seen.Count;)
        {
            var end = begin + 1;
            while (end < _seen.Count && _seen[end].Key.Span.SequenceEqual(_seen[begin].Key.Span))
            {
                end++;
            }

            MergeKey(begin, end);
            begin = end;
        }
    }

    /// <summary>
    /// Every version from the highest fin on of which the sources hold enough elements may have completed with
    /// an acknowledgement of this node's earlier incarnation; those below are over, the others never counted on it.
    /// </summary>
    private void MergeKey(int begin, int end)
    {
        var (key, hash) = (_seen[begin].Key, _seen[begin].Hash);
        var own = replica.FinOf(key.Span);
        var fin = own;
        for (var i = begin; i < end; i++)
        {
            fin = _seen[i].IsFin && _seen[i].Version > fin ? _seen[i].Version : fin;
        }

        for (var i = begin; i < end;)
        {
            var version = _seen[i].Version;
            var (holders, valueBytes) = (0u, _seen[i].ValueBytes);
            for (; i < end && _seen[i].Version == version; i++)
            {
                holders |= _seen[i].Holds ? 1u << _seen[i].Node : 0;
                valueBytes = _seen[i].Holds ? _seen[i].ValueBytes : valueBytes;
            }

            var isWanted = version == fin
                || (version > fin && (options.Mutants & EccMutants.RecoveryCopiesFinalisedOnly) == 0);
            if (isWanted && BitOperations.PopCount(holders) >= Math.Max(1, version.Width)
                && !replica.HasElement(key.Span, hash, version))
            {
                Add(new Want(key, hash, version, valueBytes, Sources(holders, version.Width, hash)));
            }
        }

        if (fin > own)
        {
            _fins.Add((key, hash, fin));
        }
    }

    private void Add(in Want want)
    {
        if (want.Version.Width > 0)
        {
            _wants.Add(want);
        }
        else
        {
            replica.PreWrite(
                want.Key.Span, want.Hash, EccVersion.None, new EccElement(want.Version, 0, 0, default));
        }
    }

    // As many as decode; data elements first.
    private uint Sources(uint holders, int width, ulong hash)
    {
        var chosen = 0u;
        for (var index = 0; index < code.Nodes && BitOperations.PopCount(chosen) < width; index++)
        {
            chosen |= holders & (1u << code.NodeOf(index, hash));
        }

        return chosen;
    }

    /// <summary>Prepares the next fetch, bounded in bytes; returns the nodes to ask.</summary>
    internal uint NextChunk()
    {
        Array.Clear(_wantedBytes);
        _chunkFirst = _chunkEnd;
        var (nodes, bytes) = (0u, 0L);
        while (_chunkEnd < _wants.Count)
        {
            var want = _wants[_chunkEnd];
            bytes += EccPullEntry.Bytes(EccCode.BlobBytes(want.Version.Width, want.ValueBytes));
            if (_chunkEnd > _chunkFirst && bytes > RebuildSource.PullBytes)
            {
                break;
            }

            nodes |= want.Sources;
            for (var rest = want.Sources; rest != 0; rest &= rest - 1)
            {
                AddWanted(BitOperations.TrailingZeroCount(rest), want);
            }

            _chunkEnd++;
        }

        return nodes;
    }

    private void AddWanted(int node, in Want want)
    {
        var needed = _wantedBytes[node] + EccFinList.Bytes(want.Key.Length);
        if (needed > _wanted[node].Length)
        {
            Array.Resize(ref _wanted[node], 2 * needed);
        }

        _wantedBytes[node] += EccFinList.Write(
            _wanted[node].AsSpan(_wantedBytes[node]), want.Key.Span, want.Version);
    }

    internal ReadOnlyMemory<byte> WantedOf(int node) => _wanted[node].AsMemory(0, _wantedBytes[node]);

    internal void TakeElements(int node, ReadOnlyMemory<byte> entries) => _elements[node] = entries;

    /// <summary>
    /// Rebuilds this node's elements from those fetched. False when some are damaged or do not arrive: then the
    /// page must be looked at again, unless it is told to leave such gaps to the ordinary fills.
    /// </summary>
    internal bool ApplyChunk(bool giveUp)
    {
        for (var i = _chunkFirst; i < _chunkEnd; i++)
        {
            if (!Apply(_wants[i]) && !giveUp)
            {
                return false;
            }
        }

        Array.Clear(_elements);
        return true;
    }

    private bool Apply(in Want want)
    {
        var (width, found, over, whole) = (want.Version.Width, 0, false, true);
        var last = default(EccElement);
        for (var index = 0; index < code.Nodes; index++)
        {
            var node = code.NodeOf(index, want.Hash);
            if ((want.Sources & (1u << node)) == 0)
            {
                continue;
            }

            if (!EccPullEntry.TryRead(ref _elements[node], out var entry))
            {
                whole = false;
                continue;
            }

            var element = entry.Element;
            if (element.Version == want.Version && Checksum.Of(element.Blob.Span) == element.Checksum
                && (found == 0 || element.ValueBytes == last.ValueBytes))
            {
                last = element;
                _indices[found] = (byte)index;
                _decode[found++] = element.Bytes;
            }
            else if (!element.Exists && entry.Fin != want.Version)
            {
                // Given up by its writer, or superseded meanwhile; either way no longer needed.
                over = true;
                if (entry.Fin > want.Version && entry.Fin.Width <= code.DataElements)
                {
                    replica.Finalize(want.Key.Span, want.Hash, entry.Fin);
                }
            }
        }

        return over || (whole && found >= width && Store(want, last));
    }

    private bool Store(in Want want, in EccElement any)
    {
        var width = want.Version.Width;
        if (code.Decode(_indices.AsSpan(0, width), _decode.AsSpan(0, width), any.ValueBytes, any.ValueChecksum)
            is not { } value)
        {
            return false;
        }

        var blob = new byte[EccCode.BlobBytes(width, value.Length)];
        code.Encode(value, any.ValueChecksum, width, code.ElementIndex(options.Self.Index, want.Hash), blob);
        var element = new EccElement(want.Version, value.Length, Checksum.Of(blob), blob);
        var status = replica.PreWrite(want.Key.Span, want.Hash, EccVersion.None, element);
        if (status == EccStoreStatus.Stored)
        {
            RebuiltBytes += blob.Length;
            RebuiltKeys++;
        }

        return status is EccStoreStatus.Stored or EccStoreStatus.Superseded;
    }

    /// <summary>Adopts the fins of the page; their elements are held by then.</summary>
    internal void FinaliseAll()
    {
        foreach (var (key, hash, fin) in _fins)
        {
            replica.Finalize(key.Span, hash, fin);
        }

        _fins.Clear();
    }
}
