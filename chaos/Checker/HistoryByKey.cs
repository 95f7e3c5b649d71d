namespace Testbed.Checker;

/// <summary>
/// A history cut into its keys, in order of first appearance. Immutable: many threads may read it.
/// </summary>
public sealed class HistoryByKey
{
    private readonly long[] _keys;
    private readonly int[] _starts;
    private readonly HistoryOperation[] _operations;

    private HistoryByKey(long[] keys, int[] starts, HistoryOperation[] operations)
    {
        _keys = keys;
        _starts = starts;
        _operations = operations;
    }

    /// <summary>Number of keys.</summary>
    public int Count => _keys.Length;

    /// <summary>Number of operations.</summary>
    public int OperationCount => _operations.Length;

    /// <summary>The key at a place.</summary>
    public long Key(int index) => _keys[index];

    /// <summary>Its operations, in the order given.</summary>
    public ReadOnlySpan<HistoryOperation> Operations(int index) =>
        _operations.AsSpan(_starts[index], _starts[index + 1] - _starts[index]);

    /// <summary>Cuts a history; a counting sort, O(n).</summary>
    public static HistoryByKey Group(ReadOnlySpan<HistoryOperation> history)
    {
        var indexOf = new Dictionary<long, int>();
        var slots = new int[history.Length];
        var counts = new List<int>();
        var keys = new List<long>();
        for (var i = 0; i < history.Length; i++)
        {
            var key = history[i].Key;
            if (!indexOf.TryGetValue(key, out var slot))
            {
                slot = keys.Count;
                indexOf.Add(key, slot);
                keys.Add(key);
                counts.Add(0);
            }

            slots[i] = slot;
            counts[slot]++;
        }

        var starts = new int[keys.Count + 1];
        for (var i = 0; i < keys.Count; i++)
        {
            starts[i + 1] = starts[i] + counts[i];
        }

        var next = starts.AsSpan(0, keys.Count).ToArray();
        var operations = new HistoryOperation[history.Length];
        for (var i = 0; i < history.Length; i++)
        {
            operations[next[slots[i]]++] = history[i];
        }

        return new HistoryByKey([.. keys], starts, operations);
    }
}
