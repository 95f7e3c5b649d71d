namespace Testbed.Checker;

/// <summary>What a check may assume and how much it may spend.</summary>
public sealed record CheckOptions
{
    /// <summary>The defaults.</summary>
    public static CheckOptions Default { get; } = new();

    /// <summary>
    /// Values present before the history began, by key; keys not named had <see cref="InitialForAll"/>.
    /// </summary>
    public IReadOnlyDictionary<long, ulong>? InitialValues { get; init; }

    /// <summary>The value a key not named in <see cref="InitialValues"/> began with; 0 when absent.</summary>
    public ulong InitialForAll { get; init; }

    /// <summary>
    /// Texts of values that are no identities; appends need them. Null when there are none.
    /// </summary>
    public HistoryTexts? Texts { get; init; }

    /// <summary>Most violations described per key; the counts still cover all.</summary>
    public int MaxViolationsPerKey { get; init; } = 4;

    /// <summary>
    /// Steps the search may take on a key whose written values are not unique; then its verdict is unknown.
    /// </summary>
    public long SearchSteps { get; init; } = 2_000_000;

    /// <summary>Bytes that search may remember; then the verdict is unknown.</summary>
    public long SearchBytes { get; init; } = 256L << 20;

    /// <summary>The value a key began with; 0 when absent.</summary>
    public ulong InitialValue(long key) =>
        InitialValues is not null && InitialValues.TryGetValue(key, out var value)
            ? value
            : InitialForAll;
}
