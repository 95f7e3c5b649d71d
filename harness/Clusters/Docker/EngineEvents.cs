using System.Globalization;
using Docker.DotNet.Models;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>
/// Keeps what the engine tells of a cluster's containers (start, die, kill, oom, pause, ...) in a file of the
/// run: a witness of the faults that is not the harness.
/// </summary>
internal sealed class EngineEvents : IAsyncDisposable
{
    private const int MaxLines = 100_000;
    private readonly CancellationTokenSource _end = new();
    private readonly StreamWriter _file;
    private readonly Task _listening;
    private int _lines;

    /// <summary>Begins to listen.</summary>
    public EngineEvents(Engine engine, string cluster, string path)
    {
        _file = new StreamWriter(path, append: false) { AutoFlush = true };
        _listening = ListenAsync(engine, cluster);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _listening.ConfigureAwait(false);
        await _file.DisposeAsync().ConfigureAwait(false);
        _end.Dispose();
    }

    private async Task ListenAsync(Engine engine, string cluster)
    {
        try
        {
            var filters = DockerLabels.Filter(DockerLabels.Cluster, cluster);
            filters["type"] = new Dictionary<string, bool> { ["container"] = true };
            await engine.Client.System.MonitorEventsAsync(
                new ContainerEventsParameters { Filters = filters }, new InlineProgress<Message>(Write), _end.Token).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // The stream ends with us or with the engine; the run does not depend on it.
        }
    }

    private void Write(Message message)
    {
        if (_end.IsCancellationRequested || ++_lines > MaxLines)
        {
            return;
        }

        var attributes = message.Actor?.Attributes;
        var time = DateTimeOffset.FromUnixTimeMilliseconds((message.TimeNano ?? 0) / 1_000_000);
        _file.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{time:yyyy-MM-dd'T'HH:mm:ss.fff'Z'} {Attribute(DockerLabels.Node)} {message.Action}{Suffix("exitCode")}{Suffix("signal")}"));

        string Attribute(string name) => attributes is not null && attributes.TryGetValue(name, out var value) ? value : "";
        string Suffix(string name) => Attribute(name) is { Length: > 0 } value ? $" {name}={value}" : "";
    }
}
