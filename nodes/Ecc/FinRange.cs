using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Lists and sums up the keys and fins of a stretch of the key order, a bounded number at a time.
/// </summary>
internal sealed class FinRange
{
    private readonly KvStore _store;
    private readonly ScanVisitor _visitor;
    private byte[] _entries = new byte[8 * 1024];
    private EccKeyRange _range;
    private int _limit;

    internal FinRange(KvStore store)
    {
        _store = store;
        _visitor = Visit;
    }

    internal uint Count { get; private set; }

    /// <summary>Sum over the keys of a mix of key and fin: equal sets give equal sums.</summary>
    internal ulong Sum { get; private set; }

    /// <summary>True when the limit ended the list before the range did.</summary>
    internal bool Truncated { get; private set; }

    internal int EntriesBytes { get; private set; }

    internal ReadOnlyMemory<byte> Entries => _entries.AsMemory(0, EntriesBytes);

    /// <summary>The last key listed; empty when none.</summary>
    internal byte[] LastKey { get; private set; } = [];

    private int _lastOffset;

    internal void Collect(in EccKeyRange range, int limit)
    {
        _range = range;
        _limit = limit;
        Count = 0;
        Sum = 0;
        Truncated = false;
        EntriesBytes = 0;
        _lastOffset = -1;
        _store.Scan(range.After.Span, _visitor);
        _range = default;
        LastKey = [];
        if (_lastOffset >= 0)
        {
            var rest = (ReadOnlyMemory<byte>)_entries.AsMemory(_lastOffset, EntriesBytes - _lastOffset);
            EccFinList.TryRead(ref rest, out var key, out _);
            LastKey = key.ToArray();
        }
    }

    private bool Visit(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        if (!_range.After.IsEmpty && key.SequenceEqual(_range.After.Span))
        {
            return true;
        }

        if (!_range.Last.IsEmpty && key.SequenceCompareTo(_range.Last.Span) > 0)
        {
            return false;
        }

        if (Count >= _limit)
        {
            Truncated = true;
            return false;
        }

        var bytes = EccFinList.Bytes(key.Length);
        if (EntriesBytes + bytes > _entries.Length)
        {
            Array.Resize(ref _entries, _entries.Length * 2);
        }

        _lastOffset = EntriesBytes;
        EntriesBytes += EccFinList.Write(_entries.AsSpan(EntriesBytes), key, Replica.VersionOf(header));
        Count++;
        Sum += Mix(EccCode.HashOf(key) ^ (ulong)header.Version, (ulong)(header.Version >> 64));
        return true;
    }

    private static ulong Mix(ulong low, ulong high)
    {
        var z = low + (high * 0x9E3779B97F4A7C15UL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
