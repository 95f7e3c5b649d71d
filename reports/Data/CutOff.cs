using Testbed.Results;

namespace Testbed.Reports;

/// <summary>What can still be said of a run whose harness ended before it wrote a summary.</summary>
internal static class CutOff
{
    /// <summary>A summary of nothing but phases and faults, marked incomplete.</summary>
    public static Summary Summary(
        Manifest manifest, IReadOnlyList<WindowRow> windows, IReadOnlyList<FaultRow> faults)
    {
        PhaseSpan[] phases =
        [
            .. windows.GroupBy(w => w.Phase).Select(g => new PhaseSpan(
                g.Key, g.Min(w => w.TNs), g.Max(w => w.TNs) + WindowSeries.WindowNs))
                    .OrderBy(p => p.StartNs),
        ];
        return new Summary
        {
            RunId = manifest.RunId,
            Complete = false,
            Verdict = "unchecked",
            VerdictReason = "the run was cut off before it summed up; its history was not checked",
            ExitCode = 130,
            MeasuredNs = phases.Where(p => p.Name is not ("load" or "warm-up" or "drain"))
                .Sum(p => p.EndNs - p.StartNs),
            Phases = phases,
            Operations = [],
            Check = new CheckFigures("unchecked", 0, 0, 0, 0, 0, 0, 0, 0, 0, null),
            Bytes = new ByteFigures(0, 0, 0, null, 0, null, null, null, null, null),
            Faults = Availability.Compute(windows, faults),
            Nodes = [],
            ClientCounters = new Dictionary<string, long>(),
            Notes = [],
        };
    }
}
