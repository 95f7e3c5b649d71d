namespace Testbed.Checker;

/// <summary>What a check found.</summary>
public enum Verdict : byte
{
    /// <summary>Some order of the operations explains every answer.</summary>
    Valid = 0,

    /// <summary>The search ran out of its limit before it knew.</summary>
    Unknown = 1,

    /// <summary>No order explains the answers.</summary>
    Invalid = 2,
}

/// <summary>Counts over a history or one key of it.</summary>
public struct CheckCounts
{
    /// <summary>Operations looked at.</summary>
    public long Operations { get; set; }

    /// <summary>Keys looked at.</summary>
    public long Keys { get; set; }

    /// <summary>Writes and deletes that ended ok.</summary>
    public long AcknowledgedWrites { get; set; }

    /// <summary>Writes and deletes that ended info.</summary>
    public long IndefiniteWrites { get; set; }

    /// <summary>Those of the indefinite ones whose effect some read needs.</summary>
    public long IndefiniteSeen { get; set; }

    /// <summary>
    /// Acknowledged writes and deletes that later reads contradict and that were not seen again.
    /// </summary>
    public long LostWrites { get; set; }

    /// <summary>
    /// Reads that began after their answer had provably been overwritten; those that show a lost write too.
    /// </summary>
    public long StaleReads { get; set; }

    /// <summary>Violations found, also those beyond the described ones.</summary>
    public long Violations { get; set; }

    /// <summary>Keys whose verdict is invalid.</summary>
    public long InvalidKeys { get; set; }

    /// <summary>Keys whose verdict is unknown.</summary>
    public long UnknownKeys { get; set; }

    /// <summary>Adds another's counts.</summary>
    public void Add(in CheckCounts other)
    {
        Operations += other.Operations;
        Keys += other.Keys;
        AcknowledgedWrites += other.AcknowledgedWrites;
        IndefiniteWrites += other.IndefiniteWrites;
        IndefiniteSeen += other.IndefiniteSeen;
        LostWrites += other.LostWrites;
        StaleReads += other.StaleReads;
        Violations += other.Violations;
        InvalidKeys += other.InvalidKeys;
        UnknownKeys += other.UnknownKeys;
    }
}

/// <summary>
/// The verdict on one key. Keys are independent: a history is linearizable iff each of its keys is.
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Verdict">What was found.</param>
/// <param name="Counts">Counts of this key.</param>
/// <param name="Violations">The first of its violations; empty unless invalid.</param>
public sealed record KeyResult(
    long Key, Verdict Verdict, CheckCounts Counts, IReadOnlyList<Violation> Violations);

/// <summary>The verdict on a history.</summary>
/// <param name="Verdict">Invalid when one key is, else unknown when one key is, else valid.</param>
/// <param name="Counts">Summed counts.</param>
/// <param name="Violations">Violations of all keys, by key.</param>
public sealed record CheckResult(Verdict Verdict, CheckCounts Counts, IReadOnlyList<Violation> Violations);
