namespace Testbed.Checker;

/// <summary>
/// The sets of taken operations, each with the value that was left, that a search has been in. Exact: sets
/// are compared, not hashes; kept trimmed to the words that are neither all taken nor all open.
/// </summary>
internal sealed class SeenStates(int operations)
{
    private readonly ulong[] _taken = new ulong[(operations + 63) / 64];
    private readonly HashSet<Entry> _entries = new(new SameSet());

    private readonly record struct Entry(int From, ulong[] Words, ulong State);

    /// <summary>Bytes held, about.</summary>
    public long Bytes { get; private set; }

    /// <summary>Takes an operation; false, and nothing changes, when set and state have been seen.</summary>
    public bool Add(int operation, ulong state)
    {
        _taken[operation >> 6] |= 1ul << operation;
        var entry = Trimmed(state);
        if (_entries.Add(entry))
        {
            Bytes += 72 + (8L * entry.Words.Length);
            return true;
        }

        Remove(operation);
        return false;
    }

    /// <summary>Gives an operation back.</summary>
    public void Remove(int operation) => _taken[operation >> 6] &= ~(1ul << operation);

    private Entry Trimmed(ulong state)
    {
        var from = 0;
        while (from < _taken.Length && _taken[from] == ulong.MaxValue)
        {
            from++;
        }

        var to = _taken.Length;
        while (to > from && _taken[to - 1] == 0)
        {
            to--;
        }

        return new Entry(from, _taken[from..to], state);
    }

    private sealed class SameSet : IEqualityComparer<Entry>
    {
        public bool Equals(Entry x, Entry y) =>
            x.From == y.From && x.State == y.State && x.Words.AsSpan().SequenceEqual(y.Words);

        public int GetHashCode(Entry entry)
        {
            var hash = (entry.State ^ (ulong)entry.From) * 0x9E3779B97F4A7C15ul;
            foreach (var word in entry.Words)
            {
                hash = (hash ^ word) * 0xBF58476D1CE4E5B9ul;
                hash ^= hash >> 29;
            }

            return (int)(hash ^ (hash >> 32));
        }
    }
}
