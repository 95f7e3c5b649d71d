using Testbed.Results;

namespace Testbed.Reports;

/// <summary>A figure two runs are compared by.</summary>
internal sealed record Metric(
    string Key, string Label, Direction Direction, Func<Findings, double?> Value,
    Func<double?, string> Format);

/// <summary>
/// The figures compared, in the order that decides: cost per operation first, then latency, then outages.
/// </summary>
internal static class Metrics
{
    /// <summary>The metrics for which at least one run has a value.</summary>
    public static IReadOnlyList<Metric> For(IReadOnlyList<Findings> runs)
    {
        List<Metric> metrics =
        [
            Lower("cpu_us_per_op", "CPU per operation", f =>
                f.Run.Summary.Bytes.CpuMicrosPerOperation, Units.Micros),
            Lower("sent_bytes_per_op", "bytes sent per operation", f =>
                f.Run.Summary.Bytes.SentPerOperation, Units.Bytes),
            Lower("stored_payload_per_logical", "stored / logical, payload", f =>
                PerLogical(f, b => b.StoredPayloadBytes), Units.Times),
            Lower("stored_total_per_logical", "stored / logical, total", f =>
                PerLogical(f, b => b.StoredTotalBytes), Units.Times),
            Lower("stored_and_log_bytes", "stores and log in memory", f =>
                f.Run.Summary.Memory is { } m ? m.StoreTotalBytes + (m.LogAllocatedBytes ?? 0) : null, Units.Bytes),
            Lower("heap_over_empty_bytes", "heap over empty nodes", f =>
                f.Run.Summary.Memory is { } m ? m.GcHeapBytes - m.EmptyGcHeapBytes : null, Units.Bytes),
            Lower("rss_over_empty_bytes", "RSS over empty nodes", f =>
                f.Run.Summary.Memory is { } m ? m.RssBytes - m.EmptyRssBytes : null, Units.Bytes),
            Lower("max_rss_bytes", "largest node's memory", f =>
                f.Run.Summary.Nodes.Max(n => n.MaxRssBytes), Units.Bytes),
            new("goodput_per_s", "goodput", Direction.HigherIsBetter, f =>
                f.Total.Count == 0 ? null : f.Goodput, Units.Rate),
        ];
        foreach (string operation in OperationWords.Sorted(
            runs.SelectMany(r => r.Total).Select(o => o.Operation)))
        {
            AddLatencies(metrics, operation, runs);
        }

        if (runs.Any(r => r.Faults.Count > 0))
        {
            metrics.Add(Lower("read_stall_us", "longest read stall", f =>
                f.ReadStallNs / 1e3, Units.Micros));
            metrics.Add(Lower("write_stall_us", "longest write stall", f =>
                f.WriteStallNs / 1e3, Units.Micros));
        }

        metrics.Add(Lower("not_ok_share", "operations not ok", NotOkShare, Units.Percent));
        return [.. metrics.Where(m => runs.Any(r => m.Value(r) is not null))];
    }

    private static void AddLatencies(List<Metric> metrics, string operation, IReadOnlyList<Findings> runs)
    {
        string key = OperationWords.Normalise(operation);
        string plural = OperationWords.Plural(operation);
        void Add(string suffix, string label, Func<OperationFigures, double?> value) => metrics.Add(Lower(
            $"{key}_latency_{suffix}_us", $"{plural} {label}",
            f => f.Of(Findings.Measured, operation) is OperationFigures o ? value(o) : null, Units.Micros));
        Add("p50", "p50", o => o.LatencyP50Us);
        Add("p99", "p99", o => o.LatencyP99Us);
        Add("p999", "p99.9", o => o.LatencyP999Us);
        if (runs.Any(r => r.Faults.Count > 0))
        {
            metrics.Add(Lower(
                $"{key}_latency_p99_down_us", $"{plural} p99, nodes down",
                f => f.WhileDown(operation)?.LatencyP99Us, Units.Micros));
        }
    }

    private static Metric Lower(
        string key, string label, Func<Findings, double?> value, Func<double?, string> format) =>
        new(key, label, Direction.LowerIsBetter, value, format);

    private static double? PerLogical(Findings findings, Func<ByteFigures, long> stored)
    {
        ByteFigures bytes = findings.Run.Summary.Bytes;
        return bytes.LogicalBytes > 0 ? (double)stored(bytes) / bytes.LogicalBytes : null;
    }

    private static double? NotOkShare(Findings findings) =>
        findings.Attempted > 0 ? 1 - ((double)findings.Good / findings.Attempted) : null;
}
