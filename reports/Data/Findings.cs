using Testbed.Results;

namespace Testbed.Reports;

/// <summary>Facts of a run that text, charts and page all state; computed once so that they agree.</summary>
internal sealed class Findings
{
    /// <summary>The phase that covers all after warm-up.</summary>
    public const string Measured = "measured";

    /// <summary>Coming back disturbs too: stalls count until so long after the last heal.</summary>
    private const double AfterHealSeconds = 5;

    /// <summary>Computes the facts of a run.</summary>
    public Findings(RunData run)
    {
        Run = run;
        Clock = RunClock.Of(run.Summary);
        Faults = Downtime.Spans(run, Clock);
        Deepest = Downtime.Deepest(Faults);
        Total = [.. Ordered(Measured)];
        Phases = [.. Clock.Phases.Select(p => p.Name).Distinct().Where(HasFigures)];
        Reads = WindowSeries.Of(run, Clock, OperationWords.IsRead);
        Writes = WindowSeries.Of(run, Clock, OperationWords.IsWrite);
    }

    /// <summary>The run.</summary>
    public RunData Run { get; }

    /// <summary>Its clock.</summary>
    public RunClock Clock { get; }

    /// <summary>Faults that were applied.</summary>
    public IReadOnlyList<FaultSpan> Faults { get; }

    /// <summary>The stretch with most nodes down.</summary>
    public DownSpan? Deepest { get; }

    /// <summary>Figures of the whole measured time, in the order of tables.</summary>
    public IReadOnlyList<OperationFigures> Total { get; }

    /// <summary>Phases that have figures, in order of time.</summary>
    public IReadOnlyList<string> Phases { get; }

    /// <summary>Windows of reads and scans.</summary>
    public WindowSeries Reads { get; }

    /// <summary>Windows of everything that writes.</summary>
    public WindowSeries Writes { get; }

    /// <summary>Ok and not found per second over the measured time.</summary>
    public double Goodput => Total.Sum(o => double.IsFinite(o.GoodputPerSecond) ? o.GoodputPerSecond : 0);

    /// <summary>Answered operations of the measured time.</summary>
    public long Good => Total.Sum(o => o.Ok + o.NotFound);

    /// <summary>Every operation of the measured time, whatever became of it.</summary>
    public long Attempted => Total.Sum(o => o.Ok + o.NotFound + o.Failed + o.Unknown + o.Corrupt + o.Shed);

    /// <summary>
    /// Longest stall of reads from the first fault to five seconds after the last was healed; null without.
    /// </summary>
    public long? ReadStallNs => Stall(Reads);

    /// <summary>Longest stall of writes.</summary>
    public long? WriteStallNs => Stall(Writes);

    /// <summary>
    /// Figures of one phase in the order of tables; operations that never happened are left out.
    /// </summary>
    public IEnumerable<OperationFigures> Ordered(string phase)
    {
        OperationFigures[] figures =
            [.. Run.Summary.Operations.Where(o => o.Phase == phase && IsOne(o.Operation) && Happened(o))];
        IReadOnlyList<string> order = OperationWords.Sorted(figures.Select(f => f.Operation));
        return order.SelectMany(name => figures.Where(f => f.Operation == name));
    }

    /// <summary>Figures of one operation in one phase.</summary>
    public OperationFigures? Of(string phase, string operation) =>
        Run.Summary.Operations.FirstOrDefault(o =>
            o.Phase == phase && o.Operation == operation && Happened(o));

    /// <summary>The figures of the phase in which nodes were down: degraded, else fault.</summary>
    public OperationFigures? WhileDown(string operation) =>
        Of("degraded", operation) ?? Of("fault", operation);

    private long? Stall(WindowSeries series) =>
        Faults.Count == 0 ? null
            : series.StallNs(Faults.Min(f => f.Start), Faults.Max(f => f.End) + AfterHealSeconds);

    private bool HasFigures(string phase) => Ordered(phase).Any();

    private static bool IsOne(string operation) =>
        OperationWords.IsRead(operation) || OperationWords.IsWrite(operation);

    private static bool Happened(OperationFigures o) =>
        o.Ok + o.NotFound + o.Failed + o.Unknown + o.Corrupt + o.Shed > 0;
}
