using System.Numerics;

namespace Testbed.Store;

/// <summary>
/// How record sizes are rounded: to 8 bytes up to 1 KiB, to 16, 32 and 64 bytes up to 2, 4 and 8 KiB, to whole
/// units of 1 KiB up to 256 KiB, to 8 bytes above (such a record has memory of its own).
/// </summary>
internal static class SizeClasses
{
    /// <summary>Granularity of references and records.</summary>
    public const int Grain = 8;

    /// <summary>Granularity of spans within a segment.</summary>
    public const int UnitBytes = 1024;

    /// <summary>Bytes at the beginning of a slab that are not for records.</summary>
    public const int SlabHeaderBytes = 24;

    /// <summary>Largest record that shares a slab.</summary>
    public const int LargestSlabRecord = 8 * 1024;

    /// <summary>Largest record that shares a segment.</summary>
    public const int LargestSegmentRecord = 256 * 1024;

    /// <summary>Number of classes of slabs.</summary>
    public const int Count = FineClasses + (Octaves * OctaveClasses);

    // Steps of one grain up to here; then each doubling of the size doubles the step.
    private const int FineLimit = 1024;
    private const int FineClasses = FineLimit / Grain;
    private const int Octaves = 3;
    private const int OctaveClasses = FineClasses / 2;
    private const int MostSlabUnits = 72;

    private static readonly SlabShape[] Shapes = BuildShapes();

    /// <summary>The class of a record of at most <see cref="LargestSlabRecord"/> bytes.</summary>
    public static int Of(int bytes)
    {
        if (bytes <= FineLimit)
        {
            return (bytes + Grain - 1) / Grain - 1;
        }

        var octave = BitOperations.Log2((uint)(bytes - 1) / FineLimit);
        var limit = FineLimit << octave;
        var step = (Grain * 2) << octave;
        return FineClasses + (octave * OctaveClasses) + ((bytes - limit + step - 1) / step) - 1;
    }

    /// <summary>How slabs of a class are cut.</summary>
    public static SlabShape Shape(int sizeClass) => Shapes[sizeClass];

    /// <summary>The bytes that a record of this size occupies.</summary>
    public static int Rounded(int bytes) => bytes switch
    {
        <= LargestSlabRecord => Shapes[Of(bytes)].BlockBytes,
        <= LargestSegmentRecord => Units(bytes) * UnitBytes,
        _ => (bytes + Grain - 1) & -Grain,
    };

    /// <summary>Units that hold this many bytes.</summary>
    public static int Units(int bytes) => (bytes + UnitBytes - 1) / UnitBytes;

    private static SlabShape[] BuildShapes()
    {
        var shapes = new SlabShape[Count];
        for (var i = 0; i < FineClasses; i++)
        {
            shapes[i] = ShapeOf((i + 1) * Grain);
        }

        for (var i = FineClasses; i < Count; i++)
        {
            var octave = (i - FineClasses) / OctaveClasses;
            var place = (i - FineClasses) % OctaveClasses;
            shapes[i] = ShapeOf((FineLimit << octave) + ((place + 1) * ((Grain * 2) << octave)));
        }

        return shapes;
    }

    // The length of slab that puts most records into a whole segment; of equals the shortest.
    private static SlabShape ShapeOf(int blockBytes)
    {
        var best = default(SlabShape);
        var bestPerSegment = 0;
        for (var units = Math.Max(16, Units(4 * blockBytes)); units <= MostSlabUnits; units++)
        {
            var blocks = ((units * UnitBytes) - SlabHeaderBytes) / blockBytes;
            var perSegment = blocks * (Segment.Units / units);
            if (perSegment > bestPerSegment)
            {
                bestPerSegment = perSegment;
                best = new SlabShape(blockBytes, blocks, units);
            }
        }

        return best;
    }
}

/// <summary>Blocks of one size in a span of units.</summary>
internal readonly record struct SlabShape(int BlockBytes, int Blocks, int Units);
