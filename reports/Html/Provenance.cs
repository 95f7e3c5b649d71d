using System.Globalization;
using Testbed.Results;

namespace Testbed.Reports;

/// <summary>Where the figures come from, how to read them, and what they do not show.</summary>
internal static class Provenance
{
    /// <summary>The section of one run.</summary>
    public static void Run(HtmlText html, RunData run)
    {
        Manifest m = run.Manifest;
        html.Raw("<h2>Provenance</h2>\n<p>Run it again: ").Element("code", RunCommand.Of(m)).Raw("</p>\n");
        html.Table(["what", "value"], Rows(m), 1);
        Details(html, "All resolved options", m.Options);
        Details(html, "Workload properties", m.WorkloadProperties);
        if (!string.IsNullOrWhiteSpace(m.FaultPlan))
        {
            html.Raw("<details><summary>Fault plan, as saved before the run</summary>")
                .Element("pre", m.FaultPlan).Raw("</details>\n");
        }
    }

    /// <summary>What was not tested, for a list.</summary>
    public static IEnumerable<string> NotTested(IReadOnlyList<RunData> runs)
    {
        bool killed = runs.Any(r => r.Faults.Any(f => f.Kind is "kill" or "stop"));
        string[] levels = [.. runs.Select(r => r.Manifest.Durability).Distinct(StringComparer.Ordinal)];
        foreach (string level in levels)
        {
            yield return level switch
            {
                "memory" => "Durability memory: nothing is written to disk. A restarted node starts empty; a power failure of "
                    + "all nodes loses everything.",
                "os" => "Durability os: a write is acknowledged once the operating system has it. It survives a killed "
                    + "process, not a power failure.",
                "fsync" => "Durability fsync: a write is acknowledged once it is flushed. Whether the disk obeyed was not tested.",
                _ => $"Durability {level}.",
            };
        }

        if (killed)
        {
            yield return "kill -9 keeps the operating system's page cache: it never tests fsync.";
        }

        if (runs.Any(r => r.Faults.Any(f => f.Kind is "partition" or "partition-in" or "partition-out" or "isolate")))
        {
            yield return "Links are cut by a proxy that keeps TCP connections and their bytes: no packet is lost, sent twice or "
                + "out of order, and names and addresses stay reachable.";
        }

        if (runs.All(r => r.Faults.Count == 0))
        {
            yield return "No fault was applied: nothing is said about availability under failures.";
        }

        if (runs.Any(r => r.Manifest.Cluster == "process"))
        {
            yield return "Nodes and load generator share one machine and its loopback: no real network, no independent clocks "
                + "or disks, and the generator takes CPU from the nodes.";
        }

        if (runs.Any(r => r.Manifest.Cluster == "docker"))
        {
            yield return "Nodes are containers of one engine: networks of their own, but virtual ones, one kernel, one clock and "
                + "one disk.";
        }

        if (runs.Any(r => r.Manifest.Options.GetValueOrDefault("node_disk_bytes") is { Length: > 0 }))
        {
            yield return "Volumes of a limited size lie in memory: what is written there costs no disk, and an fsync nothing.";
        }

        yield return "Linearizability is checked per key. Nothing is claimed about scans across keys.";
    }

    /// <summary>How to read the charts of a run.</summary>
    public static IReadOnlyList<string> HowToRead(RunClock clock) =>
    [
        "0 s is where the measured time begins, "
            + string.Create(CultureInfo.InvariantCulture,
                $"{clock.OriginSeconds:0.0} s after the run's start; warm-up is negative. ")
            + "Files of the run folder count from the run's start.",
        "Latency counts from the intended start of an operation, so an outage shows as latency and not as fewer samples; "
            + "service time counts from the actual start.",
        "Goodput counts operations that were answered (ok or not found). Failed ones certainly had no effect; the effect of "
            + "unknown ones was not known to the client, and the checker says how many took effect; shed ones were never sent.",
        "Windows are 100 ms wide, by intended start. Red strips mark windows in which operations were wanted and none succeeded.",
        "Shaded times run from the moment a fault was applied to the moment it was healed, as observed.",
        "A stall is the longest time a client got no answer, from the first fault to five seconds after the last was healed: the "
            + "longer of the slowest success and the longest stretch of windows without one. Noticed, first success and full "
            + "service (five calm seconds) count from the fault, to a window of 100 ms.",
        "Stored payload is values (or their elements) alone, which theory speaks of; the total adds keys and metadata.",
        "The percentile axis gives each nine the same room; a curve ends where its samples end.",
    ];

    /// <summary>A bulleted list.</summary>
    public static void List(HtmlText html, string title, IEnumerable<string> items)
    {
        html.Element("h2", title).Raw("<ul>");
        foreach (string item in items)
        {
            html.Element("li", item);
        }

        html.Raw("</ul>\n");
    }

    private static IEnumerable<IReadOnlyList<string>> Rows(Manifest m)
    {
        yield return ["run", m.RunId];
        yield return ["started", m.StartedUtc];
        yield return ["commit", m.Commit + (m.Dirty ? " with uncommitted changes" : "")];
        yield return ["seed", m.Seed.ToString(CultureInfo.InvariantCulture)];
        yield return ["strategy",
            $"{m.Strategy}, {m.Nodes} nodes, {m.DataElements} data elements, tolerates {m.Tolerance}"];
        yield return ["durability", m.Durability];
        yield return ["cluster, node build", $"{m.Cluster}, {m.NodeBuild}"];
        foreach (KeyValuePair<string, string> pair in m.ClusterFacts.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            yield return ["cluster " + pair.Key, Readable(pair.Key, pair.Value)];
        }

        foreach (KeyValuePair<string, string> pair in m.Machine.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            yield return ["machine " + pair.Key, Readable(pair.Key, pair.Value)];
        }

        foreach (KeyValuePair<string, string> pair in m.Versions.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            yield return ["version " + pair.Key, pair.Value];
        }
    }

    private static string Readable(string key, string value) =>
        key.EndsWith("_bytes", StringComparison.Ordinal)
            && long.TryParse(value, CultureInfo.InvariantCulture, out long bytes)
            ? $"{Units.Bytes(bytes)} ({value})"
            : value;

    private static void Details(HtmlText html, string title, IReadOnlyDictionary<string, string> pairs)
    {
        if (pairs.Count > 0)
        {
            html.Raw("<details>").Element("summary", title);
            html.Table(["name", "value"],
                pairs.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => new[] { p.Key, p.Value }), 1);
            html.Raw("</details>\n");
        }
    }
}
