namespace Testbed.Harness.Cli.Views;

/// <summary>Prints the summary and nothing else.</summary>
internal sealed class QuietView(TextWriter output) : IRunView
{
    /// <inheritdoc/>
    public void Phase(string name)
    {
    }

    /// <inheritdoc/>
    public void Status(LiveStatus status)
    {
    }

    /// <inheritdoc/>
    public void FaultEvent(string text)
    {
    }

    /// <inheritdoc/>
    public void Note(string text)
    {
    }

    /// <inheritdoc/>
    public void Done(string summary, string? path) => SummaryText.Write(output, summary, path);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
