namespace Testbed.Store;

/// <summary>
/// How record sizes are rounded. Small records share slabs of 128 KiB in equal blocks: a class is one number of
/// blocks, as long as fit, so what a slab loses is at most one block and seldom more than a grain per record.
/// Larger ones are rounded to whole units of 1 KiB up to 256 KiB, to 8 bytes above (such a record has memory of
/// its own).
/// </summary>
internal static class SizeClasses
{
    /// <summary>Granularity of references and records.</summary>
    public const int Grain = 8;

    /// <summary>Granularity of spans within a segment.</summary>
    public const int UnitBytes = 1024;

    /// <summary>Bytes of a slab.</summary>
    public const int SlabBytes = 128 * 1024;

    /// <summary>Bytes at the beginning of a slab that are not for records.</summary>
    public const int SlabHeaderBytes = 24;

    /// <summary>Largest record that shares a slab: sixteen of them fill it.</summary>
    public const int LargestSlabRecord = (SlabBytes - SlabHeaderBytes) / 16 / Grain * Grain;

    /// <summary>Largest record that shares a segment.</summary>
    public const int LargestSegmentRecord = 256 * 1024;

    private static readonly byte[] ClassOfGrains = new byte[(LargestSlabRecord / Grain) + 1];
    private static readonly SlabShape[] Shapes = BuildShapes();

    /// <summary>Number of classes of slabs.</summary>
    public static int Count => Shapes.Length;

    /// <summary>The class of a record of at most <see cref="LargestSlabRecord"/> bytes.</summary>
    public static int Of(int bytes) => ClassOfGrains[(bytes + Grain - 1) / Grain];

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
        var shapes = new List<SlabShape>();
        for (var grains = 1; grains < ClassOfGrains.Length; grains++)
        {
            var blocks = (SlabBytes - SlabHeaderBytes) / (grains * Grain);
            if (shapes.Count == 0 || shapes[^1].BlockBytes < grains * Grain)
            {
                shapes.Add(new SlabShape((SlabBytes - SlabHeaderBytes) / blocks / Grain * Grain, blocks));
            }

            ClassOfGrains[grains] = (byte)(shapes.Count - 1);
        }

        return [.. shapes];
    }
}

/// <summary>Blocks of one size in a slab.</summary>
internal readonly record struct SlabShape(int BlockBytes, int Blocks);
