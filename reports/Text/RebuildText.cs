using Testbed.Results;

namespace Testbed.Reports;

/// <summary>What became of nodes that came back empty, in sentences.</summary>
internal static class RebuildText
{
    private const int MaxNodes = 6;

    /// <summary>Appends the sentences; nothing when no node came back empty.</summary>
    public static void Append(TextLines lines, Summary summary)
    {
        string head = "rebuilds  ";
        foreach (RebuildFigures rebuild in summary.Rebuilds.Take(MaxNodes))
        {
            lines.Wrap(head + Sentence(rebuild), 12);
            head = new string(' ', head.Length);
        }

        if (summary.Rebuilds.Count > MaxNodes)
        {
            lines.Wrap($"{head}and {summary.Rebuilds.Count - MaxNodes} more in summary.json");
        }
    }

    /// <summary>One node: how long it took, and what it read for it.</summary>
    public static string Sentence(RebuildFigures rebuild)
    {
        string text = $"{rebuild.Node} came back empty";
        text += rebuild.FullRedundancyNs is long took
            ? $", full redundancy after {Units.Nanos(took)}"
            : $", {(rebuild.Standing == "lost" ? "LOST" : rebuild.Standing)} at the end, "
                + $"votes in {rebuild.SlotsReady} of {rebuild.Slots} slots";
        if (rebuild.ReadBytes > 0)
        {
            text += $": read {Units.Bytes(rebuild.ReadBytes)} for {Units.Bytes(rebuild.RebuiltBytes)} of elements";
        }

        return rebuild.ReadPerRebuilt is double perByte ? text + $", {Units.Times(perByte)}" : text;
    }
}
