using System.Runtime.CompilerServices;

namespace Testbed.Store;

/// <summary>
/// A B+-tree of references in byte order of the records' keys. It stores no key: a comparison reads the
/// record. Every reference in it, also in the nodes above the leaves, is that of a live record.
/// </summary>
internal sealed class OrderedIndex(RecordMemory records)
{
    // 16 levels of at least 8 entries hold more than the 2^32 references that exist.
    private const int MostLevels = 16;

    private readonly NodePool _nodes = new();
    private uint _root;

    /// <summary>Bytes of all nodes.</summary>
    public long AllocatedBytes => _nodes.AllocatedBytes;

    /// <summary>Adds the reference of a key that is not there yet.</summary>
    public void Add(ReadOnlySpan<byte> key, uint reference)
    {
        if (_root == 0)
        {
            _root = _nodes.Allocate(level: 0);
        }
        else if (IsFull(_root))
        {
            var root = _nodes.Allocate(_nodes.Level(_root) + 1);
            InsertEntry(root, 0, _root, _nodes.Lowest(_root)[0]);
            Split(root, 0, key, isLast: true);
            _root = root;
        }

        // Full nodes are split on the way down, so there is always room for one more entry above.
        var node = _root;
        var isLast = true;
        while (_nodes.Level(node) > 0)
        {
            var place = ChildFor(node, key);
            if (IsFull(_nodes.Entries(node)[place]))
            {
                Split(node, place, key, isLast && place == _nodes.Count(node) - 1);
                place = ChildFor(node, key);
            }

            if (place == 0 && records.Key(_nodes.Lowest(node)[0]).SequenceCompareTo(key) > 0)
            {
                _nodes.Lowest(node)[0] = reference;
            }

            isLast &= place == _nodes.Count(node) - 1;
            node = _nodes.Entries(node)[place];
        }

        InsertEntry(node, LowerBound(node, key), reference, reference);
    }

    /// <summary>Removes the reference of a key that is there; its record must still be readable.</summary>
    public void Remove(ReadOnlySpan<byte> key, uint reference)
    {
        var path = default(Path);
        var leaf = Descend(key, ref path, out var level);
        RemoveEntry(leaf, PlaceInLeaf(leaf, reference));
        var node = leaf;
        while (--level >= 0)
        {
            var parent = path[level].Node;
            var place = path[level].Place;
            if (_nodes.Count(node) == 0)
            {
                RemoveEntry(parent, place);
                _nodes.Free(node);
            }
            else
            {
                _nodes.Lowest(parent)[place] = _nodes.Lowest(node)[0];
                MergeIfSmall(parent, place);
            }

            node = parent;
        }

        ShrinkRoot();
    }

    /// <summary>
    /// Exchanges the reference of a key that is there; the old record must still be readable.
    /// </summary>
    public void Replace(ReadOnlySpan<byte> key, uint old, uint reference)
    {
        var path = default(Path);
        var leaf = Descend(key, ref path, out var level);
        _nodes.Entries(leaf)[PlaceInLeaf(leaf, old)] = reference;
        while (--level >= 0)
        {
            ref var lowest = ref _nodes.Lowest(path[level].Node)[path[level].Place];
            lowest = lowest == old ? reference : lowest;
        }
    }

    /// <summary>
    /// Visits records in byte order from the first whose key is not below <paramref name="start"/>.
    /// </summary>
    public void Scan(ReadOnlySpan<byte> start, ScanVisitor visitor)
    {
        if (_root == 0)
        {
            return;
        }

        var path = default(Path);
        var leaf = Descend(start, ref path, out var level);
        var place = LowerBound(leaf, start);
        while (true)
        {
            var entries = _nodes.Entries(leaf)[.._nodes.Count(leaf)];
            for (; place < entries.Length; place++)
            {
                var key = records.Read(entries[place], out var header, out var payload);
                if (!visitor(key, in header, payload))
                {
                    return;
                }
            }

            if (!NextLeaf(ref path, level, out leaf))
            {
                return;
            }

            place = 0;
        }
    }

    /// <summary>
    /// Checks order, levels and lowest references; returns the number of references. For tests.
    /// </summary>
    public long Verify() => _root == 0 ? 0 : Verify(_root);

    private long Verify(uint node)
    {
        var count = _nodes.Count(node);
        if (count == 0 || count > _nodes.Capacity(node))
        {
            throw new InvalidOperationException("a node has no entries or too many");
        }

        var references = 0L;
        for (var i = 0; i < count; i++)
        {
            var lowest = _nodes.Lowest(node);
            if (i > 0 && records.Key(lowest[i - 1]).SequenceCompareTo(records.Key(lowest[i])) >= 0)
            {
                throw new InvalidOperationException("keys are not in order");
            }

            if (_nodes.Level(node) > 0)
            {
                var child = _nodes.Entries(node)[i];
                if (_nodes.Level(child) != _nodes.Level(node) - 1 || _nodes.Lowest(child)[0] != lowest[i])
                {
                    throw new InvalidOperationException("a child does not fit");
                }

                references += Verify(child);
            }
        }

        return _nodes.Level(node) == 0 ? count : references;
    }

    private bool IsFull(uint node) => _nodes.Count(node) == _nodes.Capacity(node);

    private uint Descend(ReadOnlySpan<byte> key, ref Path path, out int level)
    {
        var node = _root;
        level = 0;
        while (_nodes.Level(node) > 0)
        {
            var place = ChildFor(node, key);
            path[level++] = new Step(node, place);
            node = _nodes.Entries(node)[place];
        }

        return node;
    }

    private bool NextLeaf(ref Path path, int levels, out uint leaf)
    {
        leaf = 0;
        var level = levels - 1;
        while (level >= 0 && path[level].Place == _nodes.Count(path[level].Node) - 1)
        {
            level--;
        }

        if (level < 0)
        {
            return false;
        }

        path[level].Place++;
        leaf = _nodes.Entries(path[level].Node)[path[level].Place];
        while (++level < levels)
        {
            path[level] = new Step(leaf, 0);
            leaf = _nodes.Entries(leaf)[0];
        }

        return true;
    }

    // The last child whose lowest key is not above the key; the first when there is none.
    private int ChildFor(uint node, ReadOnlySpan<byte> key)
    {
        var place = LowerBound(node, key);
        return place < _nodes.Count(node) && records.Key(_nodes.Lowest(node)[place]).SequenceEqual(key)
            ? place
            : Math.Max(0, place - 1);
    }

    // Reads no record.
    private int PlaceInLeaf(uint leaf, uint reference) =>
        _nodes.Entries(leaf)[.._nodes.Count(leaf)].IndexOf(reference);

    // The first entry whose (lowest) key is not below the key.
    private int LowerBound(uint node, ReadOnlySpan<byte> key)
    {
        var lowest = _nodes.Lowest(node);
        var low = 0;
        var high = _nodes.Count(node);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (records.Key(lowest[middle]).SequenceCompareTo(key) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    // Keys that come in ascending order leave full nodes behind, others half full ones.
    private void Split(uint parent, int place, ReadOnlySpan<byte> key, bool isLast)
    {
        var left = _nodes.Entries(parent)[place];
        var count = _nodes.Count(left);
        var isAppend = isLast && records.Key(_nodes.Lowest(left)[count - 1]).SequenceCompareTo(key) < 0;
        var kept = isAppend ? count - 1 : count / 2;
        var right = _nodes.Allocate(_nodes.Level(left));
        MoveEntries(left, kept, count - kept, right, 0);
        _nodes.SetCount(left, kept);
        _nodes.SetCount(right, count - kept);
        InsertEntry(parent, place + 1, right, _nodes.Lowest(right)[0]);
    }

    private void MergeIfSmall(uint parent, int place)
    {
        var capacity = _nodes.Capacity(_nodes.Entries(parent)[place]);
        if (_nodes.Count(_nodes.Entries(parent)[place]) > capacity / 4 || _nodes.Count(parent) == 1)
        {
            return;
        }

        var leftPlace = place == 0 ? 0 : place - 1;
        var left = _nodes.Entries(parent)[leftPlace];
        var right = _nodes.Entries(parent)[leftPlace + 1];
        var leftCount = _nodes.Count(left);
        var sum = leftCount + _nodes.Count(right);
        if (sum > capacity * 3 / 4)
        {
            return;
        }

        MoveEntries(right, 0, sum - leftCount, left, leftCount);
        _nodes.SetCount(left, sum);
        RemoveEntry(parent, leftPlace + 1);
        _nodes.Free(right);
    }

    private void ShrinkRoot()
    {
        while (_nodes.Level(_root) > 0 && _nodes.Count(_root) == 1)
        {
            var child = _nodes.Entries(_root)[0];
            _nodes.Free(_root);
            _root = child;
        }

        if (_nodes.Count(_root) == 0)
        {
            _nodes.Free(_root);
            _root = 0;
        }
    }

    private void MoveEntries(uint from, int fromPlace, int count, uint to, int toPlace)
    {
        _nodes.Entries(from).Slice(fromPlace, count).CopyTo(_nodes.Entries(to)[toPlace..]);
        if (_nodes.Level(from) > 0)
        {
            _nodes.Lowest(from).Slice(fromPlace, count).CopyTo(_nodes.Lowest(to)[toPlace..]);
        }
    }

    private void InsertEntry(uint node, int place, uint entry, uint lowest)
    {
        var count = _nodes.Count(node);
        var entries = _nodes.Entries(node);
        entries[place..count].CopyTo(entries[(place + 1)..]);
        entries[place] = entry;
        if (_nodes.Level(node) > 0)
        {
            var lows = _nodes.Lowest(node);
            lows[place..count].CopyTo(lows[(place + 1)..]);
            lows[place] = lowest;
        }

        _nodes.SetCount(node, count + 1);
    }

    private void RemoveEntry(uint node, int place)
    {
        var count = _nodes.Count(node);
        var entries = _nodes.Entries(node);
        entries[(place + 1)..count].CopyTo(entries[place..]);
        if (_nodes.Level(node) > 0)
        {
            var lows = _nodes.Lowest(node);
            lows[(place + 1)..count].CopyTo(lows[place..]);
        }

        _nodes.SetCount(node, count - 1);
    }

    private struct Step(uint node, int place)
    {
        public readonly uint Node = node;
        public int Place = place;
    }

    [InlineArray(MostLevels)]
    private struct Path
    {
        private Step _first;
    }
}
