using Testbed.Workloads;

namespace Testbed.Harness.Load;

/// <summary>
/// Key names and their hashes, made once for the first records: looking one up costs a fifth of making it.
/// </summary>
internal sealed class KeyTable
{
    /// <summary>Most names kept (24 MB of the usual ones).</summary>
    private const long MostKept = 512 * 1024;

    private readonly KeyFormat _format;
    private readonly byte[] _names;
    private readonly Entry[] _entries;

    public KeyTable(KeyFormat format, long records)
    {
        _format = format;
        _entries = new Entry[Math.Min(records, MostKept * 32 / Math.Max(32, format.MaxKeyBytes))];
        _names = new byte[_entries.Length * format.MaxKeyBytes];
        var at = 0;
        for (var i = 0; i < _entries.Length; i++)
        {
            var length = format.Write(i, _names.AsSpan(at));
            _entries[i] = new Entry(at, length, RecordValue.HashKey(_names.AsSpan(at, length)));
            at += length;
        }
    }

    /// <summary>The key's name, in the table or in <paramref name="buffer"/>, and its hash.</summary>
    public ReadOnlyMemory<byte> Name(long key, byte[] buffer, out ulong hash)
    {
        if ((ulong)key < (ulong)_entries.Length)
        {
            ref readonly var entry = ref _entries[key];
            hash = entry.Hash;
            return new ReadOnlyMemory<byte>(_names, entry.Offset, entry.Length);
        }

        var length = _format.Write(key, buffer);
        hash = RecordValue.HashKey(buffer.AsSpan(0, length));
        return new ReadOnlyMemory<byte>(buffer, 0, length);
    }

    private readonly record struct Entry(int Offset, int Length, ulong Hash);
}
