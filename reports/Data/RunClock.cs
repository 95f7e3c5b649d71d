using Testbed.Results;

namespace Testbed.Reports;

/// <summary>A phase on the report's clock.</summary>
internal readonly record struct ReportPhase(string Name, double Start, double End);

/// <summary>
/// The report's clock: seconds since the measured time began (the end of warm-up), because that is what the
/// options of a run are given in. Warm-up is negative.
/// </summary>
internal sealed class RunClock
{
    private readonly long originNs;

    private RunClock(long originNs, IReadOnlyList<ReportPhase> phases)
    {
        this.originNs = originNs;
        Phases = phases;
    }

    /// <summary>Phases in order, without loading.</summary>
    public IReadOnlyList<ReportPhase> Phases { get; }

    /// <summary>Where the measured time begins, in seconds since the run's start.</summary>
    public double OriginSeconds => originNs / 1e9;

    /// <summary>Seconds on the report's clock.</summary>
    public double Seconds(long nanos) => (nanos - originNs) / 1e9;

    /// <summary>The clock of a run.</summary>
    public static RunClock Of(Summary summary)
    {
        PhaseSpan? first = summary.Phases.FirstOrDefault(p => !IsBefore(p.Name) && p.Name != "measured");
        first ??= summary.Phases.FirstOrDefault(p => p.Name == "measured");
        long origin = first?.StartNs ?? 0;
        return new RunClock(
            origin,
            [
                .. summary.Phases.Where(p => p.Name is not ("load" or "measured"))
                    .Select(p => new ReportPhase(
                        p.Name, (p.StartNs - origin) / 1e9, (p.EndNs - origin) / 1e9)),
            ]);
    }

    /// <summary>Phases in which operations count or warm up: what a timeline shows.</summary>
    public static bool IsShown(string phase) => phase is not ("load" or "drain" or "final" or "verify");

    private static bool IsBefore(string phase) => phase is "load" or "warm-up" or "warmup" or "warm_up";
}
