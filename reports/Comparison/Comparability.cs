using System.Globalization;

namespace Testbed.Reports;

/// <summary>Whether two sets of runs may be compared.</summary>
/// <param name="Refusals">Differences that make any comparison misleading; refused unless forced.</param>
/// <param name="Cautions">Differences a reader must know.</param>
internal sealed record Comparability(IReadOnlyList<string> Refusals, IReadOnlyList<string> Cautions)
{
    /// <summary>
    /// Judges all runs together: a difference inside one side is as bad as one between the sides.
    /// </summary>
    public static Comparability Of(IReadOnlyList<RunData> baseline, IReadOnlyList<RunData> candidate)
    {
        List<string> refusals = [];
        List<string> cautions = [];
        RunData[] all = [.. baseline, .. candidate];
        Differ(refusals, all, "durability level", r => r.Manifest.Durability);
        Differ(refusals, all, "node build", r => r.Manifest.NodeBuild);
        Differ(refusals, all, "workload", r => r.Manifest.Workload);
        Differ(cautions, all, "offered rate", r =>
            r.Manifest.OfferedRate is double d ? Units.Rate(d) : "closed loop");
        Differ(cautions, all, "number of nodes", r =>
            r.Manifest.Nodes.ToString(CultureInfo.InvariantCulture));
        Differ(cautions, all, "tolerance", r => r.Manifest.Tolerance.ToString(CultureInfo.InvariantCulture));
        Differ(cautions, all, "cluster", r => r.Manifest.Cluster);
        Differ(cautions, all, "commit", r => r.Manifest.Commit + (r.Manifest.Dirty ? " (dirty)" : ""));
        Differ(cautions, all, "machine", r =>
            string.Join(", ", r.Manifest.Machine.OrderBy(p => p.Key, StringComparer.Ordinal)
            .Where(p => p.Key is "cpu" or "cores" or "host" or "hostname" or "os").Select(p => p.Value)));
        Differ(cautions, all, "workload properties", r => string.Join(", ", r.Manifest.WorkloadProperties
            .OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}={p.Value}")), name: false);
        Seeds(cautions, baseline, candidate);
        foreach (RunData run in all.Where(r => r.Summary.Verdict != "valid" || !r.Summary.Complete))
        {
            string how = run.Summary.Complete ? run.Summary.Verdict : "interrupted";
            cautions.Add($"{run.Manifest.RunId} is {how}: {run.Summary.VerdictReason}");
        }

        return new Comparability(refusals, cautions);
    }

    private static void Differ(
        List<string> into, RunData[] runs, string what, Func<RunData, string> value, bool name = true)
    {
        string[] values = [.. runs.Select(value).Distinct(StringComparer.Ordinal)];
        if (values.Length > 1)
        {
            into.Add($"the {what} differ{(what.EndsWith('s') ? "" : "s")}"
                + (name ? $": {string.Join(" / ", values)}" : ""));
        }
    }

    private static void Seeds(
        List<string> cautions, IReadOnlyList<RunData> baseline, IReadOnlyList<RunData> candidate)
    {
        for (int i = 0; i < Math.Min(baseline.Count, candidate.Count); i++)
        {
            if (baseline[i].Manifest.Seed != candidate[i].Manifest.Seed)
            {
                cautions.Add("paired runs have different seeds: they saw different operations");
                return;
            }
        }

        if (baseline.Count != candidate.Count)
        {
            cautions.Add($"{baseline.Count} baseline and {candidate.Count} candidate runs: only the first "
                + $"{Math.Min(baseline.Count, candidate.Count)} are paired");
        }
    }
}
