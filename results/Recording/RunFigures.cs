namespace Testbed.Results;

/// <summary>What the recorder found, ready for the summary.</summary>
public sealed record RunFigures
{
    /// <summary>Phases in order.</summary>
    public required IReadOnlyList<PhaseSpan> Phases { get; init; }

    /// <summary>Time of the phases that count as measured.</summary>
    public required long MeasuredNs { get; init; }

    /// <summary>Per phase and operation; then phase <see cref="RunRecorder.MeasuredPhase"/>.</summary>
    public required IReadOnlyList<OperationFigures> Operations { get; init; }

    /// <summary>Schedule lag p99 over the measured phases; null when nothing was sent.</summary>
    public required long? ScheduleLagP99Ns { get; init; }

    /// <summary>Operations of the measured phases that were sent.</summary>
    public required long Attempted { get; init; }

    /// <summary>Operations of the measured phases, shed ones included.</summary>
    public required long Offered { get; init; }

    /// <summary>Reads of any phase whose value was corrupt.</summary>
    public required long Corrupt { get; init; }

    /// <summary>How often each reason was given, of any phase, most frequent first.</summary>
    public required IReadOnlyList<KeyValuePair<string, long>> Reasons { get; init; }

    /// <summary>Times that were negative or above one hour and were clamped.</summary>
    public required long Clamped { get; init; }

    /// <summary>Null, or why the files of the recorder are not whole (disk full).</summary>
    public required string? Problem { get; init; }
}
