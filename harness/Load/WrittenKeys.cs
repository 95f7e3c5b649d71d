using System.Numerics;

namespace Testbed.Harness.Load;

/// <summary>Which keys the generator ever tried to write: a bit per record number.</summary>
internal sealed class WrittenKeys
{
    private ulong[] _bits = new ulong[1024];

    public long Count { get; private set; }

    public void Mark(long key)
    {
        var word = key >> 6;
        if (word >= _bits.Length)
        {
            Array.Resize(ref _bits, (int)Math.Min(Math.Max(word + 1, _bits.Length * 2L), Array.MaxLength));
        }

        var bit = 1UL << (int)(key & 63);
        if ((_bits[word] & bit) == 0)
        {
            _bits[word] |= bit;
            Count++;
        }
    }

    /// <summary>The first marked key from <paramref name="key"/> on; -1 when there is none.</summary>
    public long From(long key)
    {
        var word = key >> 6;
        if (word >= _bits.Length)
        {
            return -1;
        }

        var bits = _bits[word] & (ulong.MaxValue << (int)(key & 63));
        while (bits == 0)
        {
            if (++word == _bits.Length)
            {
                return -1;
            }

            bits = _bits[word];
        }

        return (word << 6) + BitOperations.TrailingZeroCount(bits);
    }
}
