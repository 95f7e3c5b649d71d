namespace Testbed.Results;

/// <summary>Sees the events of a history as they are written, on the writer's thread.</summary>
public interface IHistoryWatch
{
    /// <summary>The next events, in the order in which they were added.</summary>
    void Take(ReadOnlySpan<HistoryEvent> events);
}
