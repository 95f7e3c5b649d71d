namespace Testbed.Harness.Cli.Views;

/// <summary>Plain lines on standard error, one status per 5 s; for pipes, CI and NO_COLOR.</summary>
internal sealed class PlainView(TextWriter output, TextWriter error, TimeProvider? time = null) : IRunView
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _lock = new();
    private long _last = -1;

    /// <inheritdoc/>
    public void Phase(string name) => Line("phase: " + name);

    /// <inheritdoc/>
    public void Status(LiveStatus status)
    {
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            if (_last >= 0 && _time.GetElapsedTime(_last, now) < Interval)
            {
                return;
            }

            _last = now;
        }

        Line(StatusLine.Of(status));
    }

    /// <inheritdoc/>
    public void FaultEvent(string text) => Line("fault: " + text);

    /// <inheritdoc/>
    public void Note(string text) => Line(text);

    /// <inheritdoc/>
    public void Done(string summary, string? path) => SummaryText.Write(output, summary, path);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Line(string text)
    {
        lock (_lock)
        {
            error.WriteLine(text);
            error.Flush();
        }
    }
}
