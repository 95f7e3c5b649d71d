using System.Globalization;

namespace Testbed.Harness.Clusters;

/// <summary>
/// How far an ECC node is with rebuilding what an earlier process of it held, as it says itself.
/// </summary>
/// <param name="Standing">starting, recovering, ready or lost.</param>
/// <param name="CameBackEmpty">This process began without what the node held; else the rest says nothing.</param>
/// <param name="SlotsReady">Slots in which it votes.</param>
/// <param name="Slots">All slots.</param>
/// <param name="RebuiltBytes">Bytes of its own elements that it has again.</param>
/// <param name="ReadBytes">Bytes it received for that.</param>
/// <param name="TookMillis">Since the process began, until all slots voted.</param>
/// <param name="LeftMillis">What is left at the rate so far; 0 when that is not known, or nothing is left.</param>
internal sealed record RebuildStatus(
    string Standing, bool CameBackEmpty, long SlotsReady, long Slots, long RebuiltBytes, long ReadBytes,
    long TookMillis, long LeftMillis)
{
    /// <summary>True when the node says that more nodes are empty than the cluster survives.</summary>
    public bool IsLost => Standing == Lost;

    /// <summary>The standing of a node of a cluster that has lost its data.</summary>
    public const string Lost = "lost";

    /// <summary>Of a node's status; null when it is no ECC node's, or none.</summary>
    public static RebuildStatus? Of(IReadOnlyDictionary<string, string>? status)
    {
        long Number(string name) => NodeStatus.Number(status, name) ?? 0;
        return NodeStatus.Text(status, "standing") is { Length: > 0 } standing
            ? new RebuildStatus(
                standing, Number("came_back_empty") == 1, Number("slots_ready"), Number("slots"),
                Number("rebuilt_bytes"), Number("rebuild_read_bytes"), Number("rebuild_ms"), Number("rebuild_left_ms"))
            : null;
    }

    /// <summary>Cells of a table: standing, slots, bytes rebuilt, bytes read, and the time.</summary>
    public static string[] Cells(RebuildStatus? of) => of switch
    {
        null => ["", "", "", "", ""],
        { CameBackEmpty: false } => [of.Standing, of.SlotsText, "", "", ""],
        _ => [of.Standing, of.SlotsText, Text(of.RebuiltBytes), Text(of.ReadBytes), of.TimeText],
    };

    private string SlotsText => string.Create(CultureInfo.InvariantCulture, $"{SlotsReady}/{Slots}");

    private string TimeText => Standing switch
    {
        "ready" => "took " + Seconds(TookMillis),
        "recovering" when LeftMillis > 0 => Seconds(LeftMillis) + " left",
        _ => "",
    };

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Seconds(long millis) => string.Create(CultureInfo.InvariantCulture, $"{millis / 1e3:F1} s");
}
