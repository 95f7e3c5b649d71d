using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Testbed.Wire;

namespace Testbed.Node.Server;

/// <summary>
/// A node's figures at one moment: the core's, and the host's own about process, network and log.
/// </summary>
internal sealed class NodeFigures : IStatusSink
{
    private readonly SortedDictionary<string, (long Value, bool IsCounter)> _numbers =
        new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _texts = new(StringComparer.Ordinal);

    private readonly SortedDictionary<string, TimeBuckets> _times = new(StringComparer.Ordinal);

    /// <summary>
    /// Asks host and core. While the node recovers its log there are the host's figures only.
    /// </summary>
    public static async Task<NodeFigures> CollectAsync(NodeRuntime node, CancellationToken cancel)
    {
        var figures = new NodeFigures();
        var options = node.Options;
        figures.Text("node", options.Id.ToString());
        figures.Text("strategy", options.Strategy);
        figures.Text("durability", options.Durability);
        figures.Text("build", RuntimeFeature.IsDynamicCodeSupported ? "jit" : "aot");
        figures.Gauge("nodes", options.Nodes.Count);
        figures.Gauge("data_elements", options.DataElements);
        figures.Counter("network_rx_bytes", node.Network.Received);
        figures.Counter("network_tx_bytes", node.Network.Sent);
        figures.Counter("peer_frames_rx_bytes", node.PeerTraffic.Received);
        figures.Counter("peer_frames_tx_bytes", node.PeerTraffic.Sent);
        figures.Counter("client_frames_rx_bytes", node.ClientTraffic.Received);
        figures.Counter("client_frames_tx_bytes", node.ClientTraffic.Sent);
        figures.Counter("cpu_micros", (long)CpuTime().TotalMicroseconds);
        figures.Counter("uptime_micros", (long)node.Uptime.TotalMicroseconds);
        figures.Gauge("rss_bytes", Environment.WorkingSet);
        var use = ProcessUse.Read();
        figures.IfKnown("working_set_bytes", use.WorkingSetBytes, isCounter: false);
        figures.IfKnown("disk_read_bytes", use.DiskReadBytes, isCounter: true);
        figures.IfKnown("disk_write_bytes", use.DiskWriteBytes, isCounter: true);
        figures.Gauge("gc_heap_bytes", GC.GetTotalMemory(forceFullCollection: false));
        figures.Counter("gc_pause_micros", (long)GC.GetTotalPauseDuration().TotalMicroseconds);
        figures.Gauge("log_bytes", node.Log?.LogBytes ?? 0);
        if (node.Log is { } log)
        {
            figures.Counter("log_written_records", log.Durable.Value);
            figures.Times("log_write_micros", log.WriteTimes);
        }

        if (node.Loop is { } loop)
        {
            figures.Times("loop_batch_micros", loop.BatchTimes);
            await loop.ReportAsync(figures).WaitAsync(cancel).ConfigureAwait(false);
        }

        return figures;
    }

    public void Gauge(string name, long value) => _numbers[name] = (value, false);

    public void Counter(string name, long value) => _numbers[name] = (value, true);

    public void Text(string name, string value) => _texts[name] = value;

    private void IfKnown(string name, long? value, bool isCounter)
    {
        if (value is { } known)
        {
            _numbers[name] = (known, isCounter);
        }
    }

    private void Times(string name, TimeBuckets times) => _times[name] = times;

    /// <summary>
    /// Everything as words, for the admin service; of distributions there is number and sum.
    /// </summary>
    public IEnumerable<KeyValuePair<string, string>> ByName() => _texts
        .Concat(_numbers.Select(number => Word(number.Key, number.Value.Value)))
        .Concat(_times.SelectMany(times => new[]
        {
            Word(times.Key + "_count", times.Value.Count), Word(times.Key + "_sum", times.Value.SumMicros),
        }));

    /// <summary>Prometheus text form, version 0.0.4; words become labels of one constant metric.</summary>
    public string ToPrometheus()
    {
        var text = new StringBuilder();
        foreach (var (name, (value, isCounter)) in _numbers)
        {
            var full = isCounter ? $"testbed_{name}_total" : $"testbed_{name}";
            text.Append(CultureInfo.InvariantCulture,
                $"# TYPE {full} {(isCounter ? "counter" : "gauge")}\n{full} {value}\n");
        }

        foreach (var (name, times) in _times)
        {
            times.Append(text, $"testbed_{name}");
        }

        text.Append("# TYPE testbed_info gauge\ntestbed_info{");
        text.AppendJoin(',', _texts.Select(word => $"{word.Key}=\"{Escaped(word.Value)}\""));
        return text.Append("} 1\n").ToString();
    }

    private static KeyValuePair<string, string> Word(string name, long value) =>
        KeyValuePair.Create(name, value.ToString(CultureInfo.InvariantCulture));

    private static string Escaped(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static TimeSpan CpuTime() =>
        OperatingSystem.IsIOS() || OperatingSystem.IsTvOS() ? TimeSpan.Zero : Environment.CpuUsage.TotalTime;
}
