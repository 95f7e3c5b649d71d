using System.Numerics;

namespace Testbed.Store;

/// <summary>
/// One array of memory: 1 MiB that is handed out in spans of units, or exactly one record that is too large
/// for that.
/// </summary>
internal sealed class Segment
{
    /// <summary>Units of a shared segment.</summary>
    public const int Units = 1024;

    /// <summary>Bytes of a shared segment.</summary>
    public const int Bytes = Units * SizeClasses.UnitBytes;

    // Bit set: the unit is in use.
    private readonly ulong[] _used;

    // For each unit in use the first unit of its span.
    private readonly ushort[] _owners;

    // No run of free units is longer than this.
    private int _longestFree;

    private Segment(byte[] memory, int units)
    {
        Memory = memory;
        _used = new ulong[units / 64];
        _owners = new ushort[units];
        _longestFree = units;
        FreeUnits = units;
    }

    /// <summary>The memory.</summary>
    public byte[] Memory { get; }

    /// <summary>Units not in use.</summary>
    public int FreeUnits { get; private set; }

    /// <summary>Whether spans are taken from it.</summary>
    public bool IsShared => _owners.Length > 0;

    /// <summary>Bytes of the memory and of what describes it.</summary>
    public int AllocatedBytes =>
        Memory.Length + (_used.Length * sizeof(ulong)) + (_owners.Length * sizeof(ushort));

    /// <summary>A segment for many records.</summary>
    public static Segment Shared() => new(GC.AllocateUninitializedArray<byte>(Bytes), Units);

    /// <summary>A segment for one record.</summary>
    public static Segment Single(int bytes) => new(GC.AllocateUninitializedArray<byte>(bytes), 0);

    /// <summary>The first unit of the span that the unit belongs to.</summary>
    public int Owner(int unit) => _owners[unit];

    /// <summary>Takes a run of units, first fit; -1 when there is none.</summary>
    public int Take(int units)
    {
        if (units > _longestFree)
        {
            return -1;
        }

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

        _longestFree = longest;
        return -1;
    }

    /// <summary>Gives a run of units back.</summary>
    public void Release(int firstUnit, int units)
    {
        Mark(firstUnit, units, used: false);
        _longestFree = FreeUnits;
    }

    private void Mark(int firstUnit, int units, bool used)
    {
        for (var unit = firstUnit; unit < firstUnit + units; unit++)
        {
            _used[unit >> 6] ^= 1UL << (unit & 63);
        }

        _owners.AsSpan(firstUnit, units).Fill((ushort)firstUnit);
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
