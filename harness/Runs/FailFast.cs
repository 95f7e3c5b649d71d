using System.Globalization;
using Testbed.Checker;
using Testbed.Results;

namespace Testbed.Harness.Runs;

/// <summary>
/// Judges the history while it grows and asks the run to stop at the first violation. Works on the thread
/// that writes the history, so that no operation waits for it.
/// </summary>
internal sealed class FailFast : IHistoryWatch, IDisposable
{
    private readonly StreamingChecker _checker = new();
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Cancelled at the first violation.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>What was found; null for nothing. Read it once the history is complete.</summary>
    public StreamingViolation? Found => _checker.First;

    /// <summary>A violation for people.</summary>
    public static string Describe(StreamingViolation violation)
    {
        var entry = OperationEntry.From(violation.Operation);
        return string.Create(CultureInfo.InvariantCulture,
            $"key {entry.Key}, {entry.CompleteNs / 1e9:F3} s: process {entry.Process} {entry.F} "
            + $"{entry.Value ?? "absent"} ({entry.Type}): {violation.Reason}");
    }

    /// <inheritdoc/>
    public void Take(ReadOnlySpan<HistoryEvent> events)
    {
        foreach (ref readonly var e in events)
        {
            if (_checker.First is not null)
            {
                return;
            }

            if (e.Type == HistoryEventType.Invoke)
            {
                _checker.Invoke(e.Process, e.Kind, e.Key, e.Value, e.Expected, e.TimeNanos);
            }
            else if (!_checker.Complete(
                e.Process, e.Value, (HistoryOutcome)((int)e.Type - 1), e.TimeNanos))
            {
                // From a timer: what the stop sets going must not run on the thread that writes the history.
                _stop.CancelAfter(TimeSpan.Zero);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();
}
