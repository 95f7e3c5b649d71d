using System.Numerics;

namespace Testbed.Store;

/// <summary>Which units of a segment of 1 MiB are in use, for records that take whole units.</summary>
internal sealed class SpanMap
{
    /// <summary>Units of a segment.</summary>
    public const int Units = 1024;

    /// <summary>Bytes of the map.</summary>
    public const int Bytes = Units / 8;

    // Bit set: the unit is in use.
    private readonly ulong[] _used = new ulong[Units / 64];

    /// <summary>Units not in use.</summary>
    public int FreeUnits { get; private set; } = Units;

    /// <summary>No run of free units is longer than this.</summary>
    public int LongestRun { get; private set; } = Units;

    /// <summary>Takes a run of units, first fit; -1 when there is none.</summary>
    public int Take(int units)
    {
        var longest = 0;
        for (var at = Next(0, used: false); at < Units;)
        {
            var end = Next(at, used: true);
            if (end - at >= units)
            {
                Mark(at, units, used: true);
                return at;
            }

            longest = Math.Max(longest, end - at);
            at = Next(end, used: false);
        }

        LongestRun = longest;
        return -1;
    }

    /// <summary>Gives a run of units back.</summary>
    public void Release(int firstUnit, int units)
    {
        Mark(firstUnit, units, used: false);
        LongestRun = FreeUnits;
    }

    private void Mark(int firstUnit, int units, bool used)
    {
        for (var unit = firstUnit; unit < firstUnit + units; unit++)
        {
            _used[unit >> 6] ^= 1UL << (unit & 63);
        }

        FreeUnits += used ? -units : units;
    }

    // The first unit from there on that is used or free as asked; Units when there is none.
    private int Next(int from, bool used)
    {
        while (from < Units)
        {
            var word = used ? _used[from >> 6] : ~_used[from >> 6];
            word &= ulong.MaxValue << (from & 63);
            if (word != 0)
            {
                return (from & ~63) + BitOperations.TrailingZeroCount(word);
            }

            from = (from & ~63) + 64;
        }

        return Units;
    }
}
