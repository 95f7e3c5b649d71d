namespace Testbed.Harness.Cli.Views;

/// <summary>
/// What a person watches while a run goes on. Calls come from one thread at a time and never block for long.
/// </summary>
public interface IRunView : IAsyncDisposable
{
    /// <summary>
    /// A phase begins: start, load, warm-up, steady, fault, degraded, recovery, recovered, drain, check,
    /// report.
    /// </summary>
    void Phase(string name);

    /// <summary>Where the run stands; called a few times per second.</summary>
    void Status(LiveStatus status);

    /// <summary>A fault was applied or healed.</summary>
    void FaultEvent(string text);

    /// <summary>A line worth keeping on the screen: a seed, a warning, a folder.</summary>
    void Note(string text);

    /// <summary>The run is over: the live part ends, the summary goes to standard output.</summary>
    void Done(string summary, string? path);
}

/// <summary>Where a run stands.</summary>
public sealed record LiveStatus
{
    /// <summary>Seconds of the current phase plan that are over (warm-up counts).</summary>
    public required double Seconds { get; init; }

    /// <summary>Seconds planned in total (warm-up and measured time).</summary>
    public required double TotalSeconds { get; init; }

    /// <summary>The phase.</summary>
    public required string Phase { get; init; }

    /// <summary>Goodput: ok per second over the last interval.</summary>
    public required double OkPerSecond { get; init; }

    /// <summary>Offered per second; null for closed loop.</summary>
    public double? OfferedPerSecond { get; init; }

    /// <summary>p99 latency of reads over the last interval, in microseconds; null without reads.</summary>
    public double? ReadP99Micros { get; init; }

    /// <summary>p99 latency of writes over the last interval, in microseconds; null without writes.</summary>
    public double? WriteP99Micros { get; init; }

    /// <summary>Operations failed, unknown or shed since the run began.</summary>
    public required long Failures { get; init; }

    /// <summary>Operations outstanding.</summary>
    public required long InFlight { get; init; }

    /// <summary>State of each node: up, down, paused, starting.</summary>
    public required IReadOnlyList<string> NodeStates { get; init; }
}
