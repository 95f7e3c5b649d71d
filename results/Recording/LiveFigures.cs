using HdrHistogram;

namespace Testbed.Results;

/// <summary>
/// What a status line shows. Rates and latency are of the last whole second, by completion.
/// </summary>
/// <param name="Phase">The phase.</param>
/// <param name="GoodputPerSecond">Operations that ended ok or not found.</param>
/// <param name="ReadP99Us">Latency of good reads and scans; null when there was none.</param>
/// <param name="WriteP99Us">Latency of all other good operations; null when there was none.</param>
/// <param name="FailuresPerSecond">Operations that failed, are unknown or corrupt.</param>
/// <param name="Ok">Good operations since the start.</param>
/// <param name="Failures">Bad ones since the start.</param>
/// <param name="Shed">Operations never sent since the start.</param>
public sealed record LiveFigures(
    string Phase, double GoodputPerSecond, double? ReadP99Us, double? WriteP99Us, double FailuresPerSecond, long Ok, long Failures,
    long Shed);

/// <summary>Gathers <see cref="LiveFigures"/>; collector only.</summary>
internal sealed class LiveMeter
{
    private const long SecondNanos = 1_000_000_000;

    private readonly LongHistogram _reads = Histograms.Create();
    private readonly LongHistogram _writes = Histograms.Create();
    private long _since = -1;
    private long _ok;
    private long _failures;
    private long _shed;
    private long _okBefore;
    private long _failuresBefore;

    public LiveFigures Figures { get; private set; } = new(PhaseBook.Unnamed, 0, null, null, 0, 0, 0, 0);

    public void Add(OperationType type, OperationOutcome outcome, long latencyNanos)
    {
        switch (outcome)
        {
            case OperationOutcome.Ok or OperationOutcome.NotFound:
                _ok++;
                (type is OperationType.Read or OperationType.Scan ? _reads : _writes).RecordValue(latencyNanos);
                break;
            case OperationOutcome.Shed:
                _shed++;
                break;
            default:
                _failures++;
                break;
        }
    }

    public void Tick(long nowNanos, string phase)
    {
        if (_since < 0)
        {
            _since = nowNanos;
        }

        var elapsed = nowNanos - _since;
        if (elapsed < SecondNanos)
        {
            Figures = Figures with { Phase = phase, Ok = _ok, Failures = _failures, Shed = _shed };
            return;
        }

        var seconds = elapsed / (double)SecondNanos;
        Figures = new LiveFigures(
            phase, (_ok - _okBefore) / seconds, Histograms.MicrosAt(_reads, 99),
            Histograms.MicrosAt(_writes, 99),
            (_failures - _failuresBefore) / seconds, _ok, _failures, _shed);
        _since = nowNanos;
        _okBefore = _ok;
        _failuresBefore = _failures;
        _reads.Reset();
        _writes.Reset();
    }
}
