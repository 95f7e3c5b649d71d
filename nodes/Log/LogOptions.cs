namespace Testbed.Log;

/// <summary>How a log uses its disk.</summary>
public sealed record LogOptions
{
    /// <summary>
    /// A new segment is begun when the next group would make the current one longer than this.
    /// </summary>
    public int SegmentBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>
    /// True where a group counts as durable once it is written (level <c>os</c>: it survives the process, not
    /// the machine). False where only <see cref="WriteAheadLog.Sync"/> makes it so (level <c>fsync</c>).
    /// Recovery tells a torn tail from corruption by it: what a later group knew to be durable must still be
    /// there.
    /// </summary>
    public bool WriteIsDurable { get; init; }

    /// <summary>
    /// Zeros are written ahead of the groups in steps of this many bytes, so that most syncs find the file's
    /// length and blocks unchanged. 0: none.
    /// </summary>
    public int PrefillBytes { get; init; }

    /// <summary>
    /// Most files of released segments that are kept for coming ones: their blocks are written already, so that
    /// a sync need not make new ones durable. The others are deleted.
    /// </summary>
    public int SpareSegments { get; init; }

    /// <summary>Test only, a planted bug: recovery does not look at the checksum of a group.</summary>
    public bool TestAcceptTornTail { get; init; }

    /// <summary>Throws when a value is out of range.</summary>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(SegmentBytes, 4096);
        ArgumentOutOfRangeException.ThrowIfNegative(PrefillBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(PrefillBytes, SegmentBytes);
        ArgumentOutOfRangeException.ThrowIfNegative(SpareSegments);
    }
}
