namespace Testbed.Reports;

/// <summary>
/// Names of operations and outcomes in the run folder, and what they are called in a sentence.
/// </summary>
internal static class OperationWords
{
    /// <summary>The order tables and panels take.</summary>
    private static readonly string[] Order =
        ["read", "scan", "update", "insert", "readmodifywrite", "delete"];

    /// <summary>
    /// Lower case letters only, so that <c>ReadModifyWrite</c> and <c>read_modify_write</c> are one.
    /// </summary>
    public static string Normalise(string name)
    {
        string letters = string.Concat(name.Where(char.IsAsciiLetter)).ToLowerInvariant();
        return letters is "rmw" ? "readmodifywrite" : letters is "get" ? "read" : letters is "put" ? "update"
            : letters;
    }

    /// <summary>Reads and scans.</summary>
    public static bool IsRead(string name) => Normalise(name) is "read" or "scan";

    /// <summary>Everything that changes a value.</summary>
    public static bool IsWrite(string name) =>
        Normalise(name) is "update" or "insert" or "readmodifywrite" or "delete";

    /// <summary>Names in the order of tables; unknown ones last, by name.</summary>
    public static IReadOnlyList<string> Sorted(IEnumerable<string> names) =>
        [.. names.Distinct(StringComparer.Ordinal).OrderBy(Rank).ThenBy(n => n, StringComparer.Ordinal)];

    /// <summary>Plural for a sentence: reads, read-modify-writes.</summary>
    public static string Plural(string name) => Normalise(name) switch
    {
        "read" => "reads",
        "scan" => "scans",
        "update" => "updates",
        "insert" => "inserts",
        "readmodifywrite" => "read-modify-writes",
        "delete" => "deletes",
        _ => name,
    };

    /// <summary>Ok and not found are answers: both are goodput.</summary>
    public static bool IsGood(string outcome) => Normalise(outcome) is "ok" or "notfound";

    private static int Rank(string name)
    {
        int index = Array.IndexOf(Order, Normalise(name));
        return index < 0 ? Order.Length : index;
    }
}
