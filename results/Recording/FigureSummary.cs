using HdrHistogram;

namespace Testbed.Results;

/// <summary>Sums up a phase book into the rows of the summary and of latency.csv.</summary>
internal sealed class FigureSummary(PhaseBook phases, long endNanos)
{
    /// <summary>Points per halving of the rest to 100 %: HdrHistogram's own default.</summary>
    private const int SpectrumTicks = 5;

    private readonly IReadOnlyList<PhaseSpan> _spans = phases.Spans(endNanos);
    private readonly PhaseCell?[] _measured = phases.Sum(IsMeasured);

    /// <summary>Whether a phase counts as measured.</summary>
    public static bool IsMeasured(string phase) => phase is not ("load" or "warm-up" or "drain");

    public IEnumerable<LatencyRow> LatencyRows()
    {
        foreach (var (phase, cells) in AllCells())
        {
            for (var i = 0; i < cells.Length; i++)
            {
                if (cells[i] is not { } cell)
                {
                    continue;
                }

                foreach (var row in Spectrum(phase, i, "latency", cell.Latency)
                    .Concat(Spectrum(phase, i, "service", cell.Service))
                    .Concat(Spectrum(phase, i, "lag", cell.Lag)))
                {
                    yield return row;
                }
            }
        }
    }

    public RunFigures ToFigures(Dictionary<string, long> reasons, long clamped, string? problem)
    {
        var measuredNs = _spans.Where(span => IsMeasured(span.Name)).Sum(span => span.EndNs - span.StartNs);
        var operations = new List<OperationFigures>();
        foreach (var (phase, cells) in AllCells())
        {
            var nanos = phase == RunRecorder.MeasuredPhase
                ? measuredNs
                : _spans.Where(span => span.Name == phase).Sum(span => span.EndNs - span.StartNs);
            for (var type = 0; type < OperationNames.Count; type++)
            {
                if (Figures(phase, (OperationType)type, cells, nanos) is { } figures)
                {
                    operations.Add(figures);
                }
            }
        }

        LongHistogram? lag = null;
        foreach (var cell in _measured)
        {
            Histograms.Merge(ref lag, cell?.Lag);
        }

        var every = phases.Sum(_ => true);
        var measured = operations.Where(figures => figures.Phase == RunRecorder.MeasuredPhase).ToList();
        var shed = measured.Sum(figures => figures.Shed);
        var offered = shed + measured.Sum(f => f.Ok + f.NotFound + f.Failed + f.Unknown + f.Corrupt);
        return new RunFigures
        {
            Phases = _spans,
            MeasuredNs = measuredNs,
            Operations = operations,
            ScheduleLagP99Ns = lag is null ? null : lag.GetValueAtPercentile(99),
            Attempted = offered - shed,
            Offered = offered,
            Corrupt = Enumerable.Range(0, OperationNames.Count).Sum(type =>
                every[Window.CellOf((OperationType)type, OperationOutcome.Corrupt)]?.Count ?? 0),
            Reasons =
            [
                .. reasons.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal),
            ],
            Clamped = clamped,
            Problem = problem,
        };
    }

    private IEnumerable<(string Phase, PhaseCell?[] Cells)> AllCells()
    {
        foreach (var name in phases.Names)
        {
            yield return (name, phases.Sum(other => other == name));
        }

        yield return (RunRecorder.MeasuredPhase, _measured);
    }

    private static OperationFigures? Figures(string phase, OperationType type, PhaseCell?[] cells, long nanos)
    {
        long Count(OperationOutcome outcome) => cells[Window.CellOf(type, outcome)]?.Count ?? 0;

        LongHistogram? latency = null;
        LongHistogram? service = null;
        long degraded = 0;
        long all = 0;
        for (var outcome = 0; outcome < OutcomeNames.Count; outcome++)
        {
            var cell = cells[Window.CellOf(type, (OperationOutcome)outcome)];
            all += cell?.Count ?? 0;
            degraded += cell?.Degraded ?? 0;
            if ((OperationOutcome)outcome is OperationOutcome.Ok or OperationOutcome.NotFound)
            {
                Histograms.Merge(ref latency, cell?.Latency);
                Histograms.Merge(ref service, cell?.Service);
            }
        }

        if (all == 0)
        {
            return null;
        }

        var good = Count(OperationOutcome.Ok) + Count(OperationOutcome.NotFound);
        return new OperationFigures(
            phase, OperationNames.Of(type), Count(OperationOutcome.Ok), Count(OperationOutcome.NotFound),
            Count(OperationOutcome.Failed), Count(OperationOutcome.Unknown), Count(OperationOutcome.Corrupt),
            Count(OperationOutcome.Shed), nanos > 0 ? Math.Round(good / (nanos / 1e9), 3) : 0,
            Histograms.MicrosAt(latency, 50), Histograms.MicrosAt(latency, 90), Histograms.MicrosAt(latency, 99),
            Histograms.MicrosAt(latency, 99.9), Histograms.MaxMicros(latency), Histograms.MicrosAt(service, 50),
            Histograms.MicrosAt(service, 99), degraded);
    }

    private static IEnumerable<LatencyRow> Spectrum(string phase, int cell, string kind, LongHistogram? histogram)
    {
        if (histogram is null || histogram.TotalCount == 0)
        {
            yield break;
        }

        var operation = OperationNames.Of(Window.TypeOf(cell));
        var outcome = OutcomeNames.Of(Window.OutcomeOf(cell));
        foreach (var point in histogram.Percentiles(SpectrumTicks))
        {
            yield return new LatencyRow(
                phase, operation, outcome, kind, point.PercentileLevelIteratedTo,
                Histograms.Micros(point.ValueIteratedTo), point.TotalCountToThisValue);
        }
    }
}
