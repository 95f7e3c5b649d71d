namespace Testbed.Harness.Clusters.Docker;

/// <summary>
/// Takes each message of a stream at once and in order; the framework's own hands them to other threads.
/// </summary>
internal sealed class InlineProgress<T>(Action<T> act) : IProgress<T>
{
    /// <inheritdoc/>
    public void Report(T value) => act(value);
}
