using System.Globalization;

namespace Testbed.Harness.Clusters.Links;

/// <summary>What the counters showed, in words.</summary>
internal static class LinkEvidence
{
    private const double Kilo = 1000;

    /// <summary>A cut that was seen to work.</summary>
    public static string Cut(int node, TimeSpan quiet, PairCounters towards, PairCounters from)
    {
        var parts = new List<string>();
        Add(parts, towards, $"towards {LinkPlan.NodeName(node)}");
        Add(parts, from, $"from {LinkPlan.NodeName(node)}");
        return string.Create(CultureInfo.InvariantCulture,
            $"nothing passed for {quiet.TotalMilliseconds:F0} ms; held back: {string.Join(", ", parts)}");
    }

    /// <summary>Links that were seen to work again.</summary>
    public static string Mended(int node, TimeSpan took, PairCounters waited, bool towards, bool from)
    {
        var direction = (towards, from) switch
        {
            (true, true) => "to and from",
            (true, false) => "to",
            _ => "from",
        };
        return string.Create(CultureInfo.InvariantCulture,
            $"bytes flow {direction} {LinkPlan.NodeName(node)} again {took.TotalMilliseconds:F0} ms after the links ")
            + $"were mended; {Size(waited.WaitingBytes)} had waited on {Connections(waited.Held)}";
    }

    /// <summary>A cut through which bytes passed.</summary>
    public static string StillPassing(int node, TimeSpan limit) => string.Create(CultureInfo.InvariantCulture,
        $"bytes still passed on the links of {LinkPlan.NodeName(node)} {limit.TotalSeconds} s after they were cut");

    /// <summary>A cut that nobody can have noticed.</summary>
    public static string NothingOffered(int node, TimeSpan limit) => string.Create(CultureInfo.InvariantCulture,
        $"nobody sent anything over the cut links of {LinkPlan.NodeName(node)} for {limit.TotalSeconds} s, ")
        + "so the cut had no effect";

    /// <summary>Mended links that stay silent.</summary>
    public static string StillSilent(int node, TimeSpan limit) => string.Create(CultureInfo.InvariantCulture,
        $"no bytes flowed over the links of {LinkPlan.NodeName(node)} for {limit.TotalSeconds} s after they were mended");

    private static void Add(List<string> parts, PairCounters counters, string direction)
    {
        if (counters.HoldsBack)
        {
            parts.Add($"{Size(counters.WaitingBytes)} on {Connections(counters.Held)} {direction}");
        }
    }

    private static string Connections(int count) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? "connection" : "connections")}");

    private static string Size(long bytes) => bytes < Kilo
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes} B")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / Kilo:F1} kB");
}
