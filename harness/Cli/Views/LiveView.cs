using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Testbed.Harness.Cli.Views;

/// <summary>
/// A live picture of the run on a terminal: progress, goodput over time, nodes, the newest events.
/// </summary>
internal sealed class LiveView : IRunView
{
    private const int SparkWidth = 60;
    private const int MaxEvents = 8;
    private const string Bars = "▁▂▃▄▅▆▇█";
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(250);

    private readonly TextWriter _output;
    private readonly IAnsiConsole _console;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Queue<double> _goodput = new();
    private readonly Queue<string> _events = new();
    private readonly Task _drawing;
    private LiveStatus? _status;
    private string _phase = "start";

    /// <summary>
    /// Draws on standard error, so that the summary on <paramref name="output"/> can be piped on.
    /// </summary>
    public LiveView(TextWriter output)
        : this(output, AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }))
    {
    }

    /// <summary>The same on a given console, for tests.</summary>
    internal LiveView(TextWriter output, IAnsiConsole console)
    {
        _output = output;
        _console = console;
        _drawing = DrawAsync();
    }

    /// <inheritdoc/>
    public void Phase(string name) => Event("[bold]" + Markup.Escape(name) + "[/]", () => _phase = name);

    /// <inheritdoc/>
    public void Status(LiveStatus status)
    {
        lock (_lock)
        {
            _status = status;
            _phase = status.Phase;
            _goodput.Enqueue(status.OkPerSecond);
            while (_goodput.Count > SparkWidth)
            {
                _goodput.Dequeue();
            }
        }
    }

    /// <inheritdoc/>
    public void FaultEvent(string text) => Event("[red]" + Markup.Escape(text) + "[/]", () => { });

    /// <inheritdoc/>
    public void Note(string text) => Event(Markup.Escape(text), () => { });

    /// <inheritdoc/>
    public void Done(string summary, string? path)
    {
        _stop.Cancel();
        // The live part must be off the screen before the summary is on it; drawing ends within one refresh.
        _drawing.Wait(TimeSpan.FromSeconds(2));
        SummaryText.Write(_output, summary, path);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _drawing.ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>The picture of this moment.</summary>
    internal IRenderable Picture()
    {
        lock (_lock)
        {
            var rows = new List<IRenderable> { new Markup(Head()) };
            if (_status is { } status)
            {
                rows.Add(new Markup(Progress(status)));
                rows.Add(new Markup(Figures(status)));
                rows.Add(new Markup("[blue]" + Spark() + "[/]"));
                rows.Add(new Markup(Nodes(status.NodeStates)));
            }

            rows.AddRange(_events.Select(e => new Markup("  " + e)));
            return new Rows(rows);
        }
    }

    private async Task DrawAsync()
    {
        await Task.Yield();
        await _console.Live(Picture()).AutoClear(true).StartAsync(async live =>
        {
            while (!_stop.IsCancellationRequested)
            {
                live.UpdateTarget(Picture());
                try
                {
                    await Task.Delay(Refresh, _stop.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }).ConfigureAwait(false);
    }

    private void Event(string markup, Action change)
    {
        lock (_lock)
        {
            change();
            var at = _status is { } status
                ? string.Create(CultureInfo.InvariantCulture, $"[grey]{status.Seconds,5:F1} s[/] ")
                : "[grey]    - s[/] ";
            _events.Enqueue(at + markup);
            while (_events.Count > MaxEvents)
            {
                _events.Dequeue();
            }
        }
    }

    private string Head() => "[bold]" + Markup.Escape(_phase) + "[/]";

    private static string Progress(LiveStatus status)
    {
        const int width = 40;
        var share = status.TotalSeconds > 0 ? Math.Clamp(status.Seconds / status.TotalSeconds, 0, 1) : 0;
        var full = (int)Math.Round(share * width);
        return "[green]" + new string('━', full) + "[/][grey]" + new string('━', width - full) + "[/] "
            + string.Create(CultureInfo.InvariantCulture, $"{status.Seconds:F0} s of {status.TotalSeconds:F0} s");
    }

    private static string Figures(LiveStatus status)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"[bold]{status.OkPerSecond:N0}[/] ok/s");
        if (status.OfferedPerSecond is { } offered)
        {
            text += string.Create(CultureInfo.InvariantCulture, $" of {offered:N0}");
        }

        text += status.ReadP99Micros is { } read ? "   read p99 [bold]" + StatusLine.Micros(read) + "[/]" : "";
        text += status.WriteP99Micros is { } write ? "   write p99 [bold]" + StatusLine.Micros(write) + "[/]" : "";
        var colour = status.Failures > 0 ? "yellow" : "grey";
        return text + string.Create(
            CultureInfo.InvariantCulture,
            $"   [{colour}]{status.Failures:N0} failed[/]   [grey]{status.InFlight:N0} in flight[/]");
    }

    private string Spark()
    {
        var top = _goodput.Max();
        return string.Concat(_goodput.Select(v =>
            top <= 0 ? Bars[0] : Bars[Math.Clamp((int)(v / top * Bars.Length), 0, Bars.Length - 1)]));
    }

    private static string Nodes(IReadOnlyList<string> states) => string.Join("  ", states.Select((state, i) =>
        string.Create(CultureInfo.InvariantCulture, $"[{Colour(state)}]n{i} {Markup.Escape(state)}[/]")));

    private static string Colour(string state) => state switch
    {
        "up" => "green",
        "down" => "red",
        "paused" => "yellow",
        _ => "blue",
    };
}
