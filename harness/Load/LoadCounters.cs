using Testbed.Results;

namespace Testbed.Harness.Load;

/// <summary>What a phase counted; written by the engine's owner.</summary>
internal sealed class LoadCounters
{
    public readonly long[] ByOutcome = new long[6];

    public LagHistogram Lag { get; } = new();

    public long Offered { get; set; }

    public long Attempted { get; set; }

    public long Abandoned { get; set; }

    public long Unfinished { get; set; }

    public int MaxInFlight { get; set; }

    public long StartNanos { get; set; }

    public long EndNanos { get; set; }

    /// <summary>
    /// The report; <paramref name="limits"/> is null for phases without a schedule, which are never void.
    /// </summary>
    public LoadReport ToReport(bool interrupted, LoadOptions? limits) => new()
    {
        Offered = Offered,
        Attempted = Attempted,
        Ok = ByOutcome[(int)OperationOutcome.Ok],
        NotFound = ByOutcome[(int)OperationOutcome.NotFound],
        Failed = ByOutcome[(int)OperationOutcome.Failed],
        Unknown = ByOutcome[(int)OperationOutcome.Unknown],
        Corrupt = ByOutcome[(int)OperationOutcome.Corrupt],
        Shed = ByOutcome[(int)OperationOutcome.Shed],
        Abandoned = Abandoned,
        Unfinished = Unfinished,
        MaxInFlight = MaxInFlight,
        LagP50Nanos = limits is null ? null : Lag.Percentile(50),
        LagP99Nanos = limits is null ? null : Lag.Percentile(99),
        LagMaxNanos = limits is null ? null : Lag.Max,
        StartNanos = StartNanos,
        EndNanos = EndNanos,
        Interrupted = interrupted,
        VoidReason = limits is null ? null : VoidReason(limits),
    };

    private string? VoidReason(LoadOptions limits)
    {
        var lag = Lag.Percentile(99) / 1000;
        if (lag > limits.MaxLagP99Micros)
        {
            return FormattableString.Invariant(
                $"the load generator was late: schedule lag p99 {lag / 1000.0:0.0} ms, ")
                + FormattableString.Invariant($"allowed {limits.MaxLagP99Micros / 1000.0:0.0} ms; ")
                + "lower --rate";
        }

        if (Attempted < limits.MinAttemptedShare * Offered)
        {
            return FormattableString.Invariant(
                $"only {100.0 * Attempted / Offered:0.0} % of {Offered} offered operations were attempted, ")
                + FormattableString.Invariant($"{ByOutcome[(int)OperationOutcome.Shed]} were shed at ")
                + FormattableString.Invariant($"{MaxInFlight} in flight; lower --rate");
        }

        return null;
    }
}
