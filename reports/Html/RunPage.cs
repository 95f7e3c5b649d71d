using Testbed.Results;

namespace Testbed.Reports;

/// <summary>The page of one run.</summary>
internal static class RunPage
{
    /// <summary>Most rows of the fault tables; the rest is in faults.csv.</summary>
    private const int MaxFaultRows = 100;

    /// <summary>Columns that are left out when every cell is zero.</summary>
    private static readonly string[] Rare = ["not found", "corrupt", "shed", "degraded"];

    /// <summary>Renders the page.</summary>
    public static string Render(Findings findings, IReadOnlyList<Figure> figures)
    {
        Manifest m = findings.Run.Manifest;
        HtmlText html = PageStyle.Start(
            $"{ChartNames.Strategy(m.Strategy)}, workload {m.Workload}: {findings.Run.Summary.Verdict}");
        html.Element("h1", $"{ChartNames.Strategy(m.Strategy)}, workload {m.Workload}")
            .Element("p", ChartNames.RunLine(m) + " · " + m.StartedUtc, "muted");
        Banner(html, findings.Run.Summary);
        Cards(html, findings);
        foreach (Figure figure in figures)
        {
            html.Chart(figure);
        }

        Operations(html, findings);
        Faults(html, findings);
        Nodes(html, findings.Run.Summary);
        Check(html, findings.Run.Summary.Check, findings.Run.Folder);
        if (findings.Run.Summary.Notes.Count > 0)
        {
            Provenance.List(html, "Notes of this run", findings.Run.Summary.Notes);
        }

        Provenance.List(html, "How to read this page", Provenance.HowToRead(findings.Clock));
        Provenance.List(html, "What was not tested", Provenance.NotTested([findings.Run]));
        Provenance.Run(html, findings.Run);
        return PageStyle.End(html);
    }

    /// <summary>The verdict, first.</summary>
    internal static void Banner(HtmlText html, Summary summary)
    {
        string look = summary.Verdict switch { "valid" => "good", "invalid" => "bad", _ => "open" };
        html.Raw($"<div class=\"verdict {look}\">").Element("b", summary.Verdict.ToUpperInvariant());
        html.Element("p", summary.VerdictReason);
        if (!summary.Complete)
        {
            html.Element("p", "The run was interrupted: figures cover what was measured until then.");
        }

        html.Raw("</div>\n");
    }

    private static void Cards(HtmlText html, Findings findings)
    {
        Summary summary = findings.Run.Summary;
        html.Raw("<div class=\"cards\">");
        string offered = findings.Run.Manifest.OfferedRate is double r ? $"of {Units.Rate(r)} offered"
            : "closed loop";
        Card(html, "goodput", Units.Rate(findings.Goodput), offered);
        foreach (OperationFigures o in findings.Total)
        {
            Card(html, $"p99 of {OperationWords.Plural(o.Operation)}", Units.Micros(o.LatencyP99Us),
                $"median {Units.Micros(o.LatencyP50Us)}");
        }

        Card(html, "lost writes", Units.Count(summary.Check.LostWrites),
            $"of {Units.Count(summary.Check.AcknowledgedWrites)} acknowledged");
        if (findings.Deepest is DownSpan down)
        {
            string what = $"from the first fault on; {down.Nodes} of {findings.Run.Manifest.Nodes} nodes {Downtime.Word(findings.Faults)}";
            if (!findings.Writes.IsEmpty)
            {
                Card(html, "longest write stall", Units.Nanos(findings.WriteStallNs), what);
            }
            else
            {
                Card(html, "longest read stall", Units.Nanos(findings.ReadStallNs), what);
            }
        }

        double? stored = summary.Bytes.LogicalBytes > 0
            ? (double)summary.Bytes.StoredPayloadBytes / summary.Bytes.LogicalBytes : null;
        Card(html, "stored / logical", Units.Times(stored),
            $"theory {Units.Times(summary.Bytes.TheoryStoredPerLogical)}");
        Card(html, "CPU per operation", Units.Micros(summary.Bytes.CpuMicrosPerOperation), "all nodes");
        html.Raw("</div>\n");
    }

    private static void Card(HtmlText html, string name, string value, string context) =>
        html.Raw("<div class=\"card\">").Element("span", name).Element("b", value).Element("i", context)
            .Raw("</div>");

    private static void Operations(HtmlText html, Findings findings)
    {
        html.Element("h2", "Operations");
        string[] phases = [Findings.Measured, .. findings.Phases.Where(p => p != Findings.Measured)];
        List<string[]> rows = [.. phases.SelectMany(p => findings.Ordered(p).Select(o => Row(p, o)))];
        if (rows.Count == 0)
        {
            html.Element("p", "No operation was measured.");
            return;
        }

        string[] headers =
        [
            "phase", "operation", "ok", "not found", "failed", "unknown", "corrupt", "shed", "goodput",
                "p50", "p90", "p99",
            "p99.9", "max", "service p99", "degraded",
        ];
        int[] shown = [.. Enumerable.Range(0, headers.Length)
            .Where(c => !Rare.Contains(headers[c]) || rows.Exists(r => r[c] != "0"))];
        html.Table([.. shown.Select(c => headers[c])],
            rows.Select(r => (string[])[.. shown.Select(c => r[c])]), 1);
    }

    private static string[] Row(string phase, OperationFigures o) =>
    [
        phase, o.Operation, Units.Count(o.Ok), Units.Count(o.NotFound), Units.Count(o.Failed),
            Units.Count(o.Unknown),
        Units.Count(o.Corrupt), Units.Count(o.Shed), Units.Rate(o.GoodputPerSecond),
            Units.Micros(o.LatencyP50Us),
        Units.Micros(o.LatencyP90Us), Units.Micros(o.LatencyP99Us), Units.Micros(o.LatencyP999Us),
        Units.Micros(o.LatencyMaxUs), Units.Micros(o.ServiceP99Us), Units.Count(o.Degraded),
    ];

    private static void Faults(HtmlText html, Findings findings)
    {
        html.Element("h2", "Faults and availability");
        if (findings.Run.Faults.Count == 0)
        {
            html.Element("p", "No fault was planned.");
            return;
        }

        foreach (string sentence in FaultText.Around(findings))
        {
            html.Element("p", ChartNames.Sentence(sentence) + ".");
        }

        html.Table(
            ["fault", "applied", "healed", "noticed", "no reads for", "no writes for", "first success",
                "full service",
                "caught up after", "ok while down"],
            findings.Run.Faults.Take(MaxFaultRows).Select(f => FaultRow(f, findings)));
        html.Table(
            ["fault", "requested", "observed", "evidence", "evidence of healing"],
            findings.Run.Faults.Take(MaxFaultRows).Select(f => new[]
            {
                $"{f.Kind} {f.Node}", At(f.RequestedNs, findings.Clock), At(f.ObservedNs, findings.Clock),
                    f.Evidence, f.HealEvidence,
            }),
            3, 4);
        if (findings.Run.Faults.Count > MaxFaultRows)
        {
            html.Element("p", $"{findings.Run.Faults.Count - MaxFaultRows} more faults are in faults.csv.");
        }

        Rebuilds(html, findings.Run.Summary.Rebuilds);
    }

    /// <summary>Nodes that came back empty; nothing when none did.</summary>
    private static void Rebuilds(HtmlText html, IReadOnlyList<RebuildFigures> rebuilds)
    {
        if (rebuilds.Count == 0)
        {
            return;
        }

        html.Element("p", "Nodes that came back empty and had to rebuild what they held:");
        html.Table(
            ["node", "standing", "slots that vote", "full redundancy after", "rebuilt", "read", "read per byte lost"],
            rebuilds.Take(MaxFaultRows).Select(r => new[]
            {
                r.Node, r.Standing, $"{r.SlotsReady} of {r.Slots}", Units.Nanos(r.FullRedundancyNs),
                Units.Bytes(r.RebuiltBytes), Units.Bytes(r.ReadBytes), Units.Times(r.ReadPerRebuilt),
            }),
            1);
    }

    private static string[] FaultRow(FaultRow fault, Findings findings)
    {
        FaultFigures? f = findings.Run.Summary.Faults.FirstOrDefault(x => x.Id == fault.Id);
        return
        [
            $"{fault.Kind} {fault.Node}",
            fault.AppliedNs is null ? "NOT applied" : At(fault.AppliedNs, findings.Clock),
            At(fault.HealedNs, findings.Clock), FaultText.WithinWindow(f?.DetectNs),
                Units.Nanos(f?.UnavailableReadNs),
            Units.Nanos(f?.UnavailableWriteNs), FaultText.WithinWindow(f?.FirstSuccessNs),
                FaultText.WithinWindow(f?.FullRecoveryNs),
            Units.Nanos(FaultText.CatchUpNs(f)), f is null ? Units.None : Units.Count(f.OkWhileDown),
        ];
    }

    private static string At(long? nanos, RunClock clock) =>
        nanos is long ns ? Units.Seconds(clock.Seconds(ns)) : Units.None;

    private static void Nodes(HtmlText html, Summary summary)
    {
        html.Element("h2", "Nodes");
        if (summary.Nodes.Count == 0)
        {
            html.Element("p", "No node figures were kept.");
            return;
        }

        html.Table(
            ["node", "state", "restarts", "caught up", "CPU", "max RSS", "sent", "received", "disk written"],
            summary.Nodes.Select(n => new[]
            {
                n.Node, n.State, Units.Count(n.Restarts), n.Restarts == 0 ? "" : n.CaughtUp ? "yes" : "NO",
                n.CpuSeconds is double cpu ? Units.Seconds(cpu) : Units.None, Units.Bytes(n.MaxRssBytes),
                Units.Bytes(n.NetworkTxBytes), Units.Bytes(n.NetworkRxBytes), Units.Bytes(n.DiskWriteBytes),
            }),
            1);
        if (summary.ClientCounters.Count > 0)
        {
            html.Raw("<details><summary>The client's own counters</summary>");
            html.Table(
                ["counter", "value"],
                summary.ClientCounters.OrderBy(c => c.Key, StringComparer.Ordinal)
                    .Select(c => new[] { c.Key, Units.Count(c.Value) }));
            html.Raw("</details>\n");
        }
    }

    private static void Check(HtmlText html, CheckFigures check, string folder)
    {
        html.Element("h2", "Correctness");
        html.Table(
            ["result", "operations", "keys", "acknowledged writes", "lost", "stale reads", "corrupt reads",
                "unknown writes",
                "of these took effect", "time to check"],
            [
                [
                    check.Result, Units.Count(check.Operations), Units.Count(check.Keys),
                        Units.Count(check.AcknowledgedWrites),
                    Units.Count(check.LostWrites), Units.Count(check.StaleReads),
                        Units.Count(check.CorruptReads),
                    Units.Count(check.IndefiniteWrites), Units.Count(check.IndefiniteSeen),
                        Units.Seconds(check.CheckSeconds),
                ],
            ]);
        if (!string.IsNullOrWhiteSpace(check.Counterexample))
        {
            html.Element("p", "Counterexample:").Element("pre", check.Counterexample);
            if (folder.Length > 0 && File.Exists(Path.Combine(folder, "checks", "timeline.html")))
            {
                html.Raw("<p><a href=\"../checks/timeline.html\">Counterexamples as timelines</a></p>\n");
            }
        }
    }
}
