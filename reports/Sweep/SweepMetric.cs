using Testbed.Results;

namespace Testbed.Reports;

/// <summary>A figure that a sweep follows over value sizes.</summary>
/// <param name="Key">Name in the CSV file.</param>
/// <param name="Label">Name in tables; short.</param>
/// <param name="Meaning">What it is, in a sentence.</param>
/// <param name="Measured">Of a run; null when it has none.</param>
/// <param name="Predicted">
/// What the design says for a run like this one with values of another size; null where it says nothing.
/// </param>
/// <param name="Format">For people.</param>
internal sealed record SweepMetric(
    string Key, string Label, string Meaning, Func<Findings, double?> Measured,
    Func<Findings, int, Bounds?> Predicted, Func<double?, string> Format)
{
    /// <summary>A part of the metric before it: left out of the terminal's table.</summary>
    public bool IsPart => Label[0] == '-';
}

/// <summary>The metrics of a sweep, in the order of its tables.</summary>
internal static class SweepMetrics
{
    /// <summary>All that the stores hold.</summary>
    public static readonly SweepMetric StoredTotal = new(
        "stored_total", "stored, total", "All that the stores of all nodes hold, per byte of the values.",
        f => PerLogical(f, f.Run.Summary.Bytes.StoredTotalBytes), Stored, Units.Times);

    /// <summary>Stores and the log in memory.</summary>
    public static readonly SweepMetric StoredAndLog = new(
        "stored_and_log", "stored, and log", "The same, and the memory that Raft's nodes hold for their log, free room "
            + "in it included.",
        f => f.Run.Summary.Memory is { StoreTotalBytes: long store } m
            ? PerLogical(f, store + (m.LogAllocatedBytes ?? 0)) : null,
        Stored, Units.Times);

    /// <summary>Managed heap above that of an empty node.</summary>
    public static readonly SweepMetric Heap = new(
        "heap_over_empty", "heap over empty", "Managed memory of all nodes after a collection, less that of the same nodes "
            + "before the first record, per byte of the values.",
        f => Over(f, m => m.GcHeapBytes, m => m.EmptyGcHeapBytes), Stored, Units.Times);

    /// <summary>Resident memory above that of an empty node.</summary>
    public static readonly SweepMetric Rss = new(
        "rss_over_empty", "RSS over empty", "Resident memory likewise: compiled code and buffers of all that ran are in it.",
        f => Over(f, m => m.RssBytes, m => m.EmptyRssBytes), Stored, Units.Times);

    /// <summary>Bytes sent per put.</summary>
    public static readonly SweepMetric SentPerPut = Sent(
        "sent_per_put", "sent per put", "Bytes that clients and nodes sent per put, over the value's bytes; while the "
            + "records were loaded.", "put", t => t.ClientSentBytes + t.NodeSentBytes, s => s.Total);

    /// <summary>Bytes sent per get.</summary>
    public static readonly SweepMetric SentPerGet = Sent(
        "sent_per_get", "sent per get", "The same per get; while every key was read once more in the end.",
        "get", t => t.ClientSentBytes + t.NodeSentBytes, s => s.Total);

    /// <summary>Processor time of the nodes.</summary>
    public static readonly SweepMetric Cpu = Plain(
        "cpu_us_per_op", "node CPU per op", "Processor time of all nodes per operation of the measured time.",
        f => f.Run.Summary.Bytes.CpuMicrosPerOperation, Units.Micros);

    /// <summary>Operations answered per second.</summary>
    public static readonly SweepMetric Goodput = Plain(
        "goodput_per_s", "goodput", "Operations answered per second of the measured time.",
        f => f.Total.Count == 0 ? null : f.Goodput, Units.Rate);

    /// <summary>All, those without a value anywhere left out.</summary>
    public static IReadOnlyList<SweepMetric> For(IReadOnlyList<Findings> runs)
    {
        SweepMetric[] all =
        [
            new("stored_payload", "stored, payload", "Values or elements alone, per byte of the values.",
                f => PerLogical(f, f.Run.Summary.Bytes.StoredPayloadBytes),
                (f, v) => Bounds.Of(Prediction(f).StoredPayload(v) / v), Units.Times),
            StoredTotal, StoredAndLog, Heap, Rss,
            SentPerPut,
            Sent("sent_per_put_clients", "- by clients", "Of that, what clients sent.", "put",
                t => t.ClientSentBytes, s => s.ByClients),
            Sent("sent_per_put_nodes", "- by nodes", "Of that, what nodes sent, to clients and to each other.", "put",
                t => t.NodeSentBytes, s => s.ByNodes),
            SentPerGet,
            Sent("sent_per_get_clients", "- by clients", "Of that, what clients sent.", "get",
                t => t.ClientSentBytes, s => s.ByClients),
            Sent("sent_per_get_nodes", "- by nodes", "Of that, what nodes sent.", "get",
                t => t.NodeSentBytes, s => s.ByNodes),
            new("sent_per_op", "sent per op, mixed", "Bytes sent per operation of the measured time, over the value's bytes.",
                f => f.Run.Summary.Bytes.SentPerOperation / BytePrediction.ValueBytes(f.Run.Manifest),
                Mixed, Units.Times),
            Cpu, Goodput,
            .. OperationWords.Sorted(runs.SelectMany(r => r.Total).Select(o => o.Operation))
                .SelectMany(o => new[] { Latency(o, "p50", x => x.LatencyP50Us), Latency(o, "p99", x => x.LatencyP99Us) }),
        ];
        return [.. all.Where(m => runs.Any(r => m.Measured(r) is not null))];
    }

    /// <summary>What the design says about the cluster of a run.</summary>
    public static BytePrediction Prediction(Findings findings) => BytePrediction.Of(findings.Run.Manifest);

    private static Bounds? Stored(Findings f, int valueBytes) =>
        Bounds.Of(Prediction(f).StoredTotal(valueBytes) / valueBytes);

    private static SweepMetric Plain(
        string key, string label, string meaning, Func<Findings, double?> measured, Func<double?, string> format) =>
        new(key, label, meaning, measured, (_, _) => null, format);

    private static SweepMetric Latency(string operation, string name, Func<OperationFigures, double?> value) => Plain(
        $"{OperationWords.Normalise(operation)}_latency_{name}_us", $"{OperationWords.Plural(operation)} {name}",
        $"Latency of {OperationWords.Plural(operation)} from the intended start.",
        f => f.Of(Findings.Measured, operation) is OperationFigures o ? value(o) : null, Units.Micros);

    private static SweepMetric Sent(
        string key, string label, string meaning, string operation, Func<TrafficFigures, long> measured,
        Func<SentBounds, Bounds> part) => new(
        key, label, meaning,
        f => f.Run.Summary.Traffic?.FirstOrDefault(t => t.Operation == operation) is { Operations: > 0 } t
            ? (double)measured(t) / t.Operations / BytePrediction.ValueBytes(f.Run.Manifest) : null,
        (f, v) => part(operation == "put" ? Prediction(f).Put(v) : Prediction(f).Get(v)) * (1.0 / v), Units.Times);

    /// <summary>By the run's own shares of reads and writes; a read-modify-write is one of each.</summary>
    private static Bounds? Mixed(Findings f, int valueBytes)
    {
        double gets = 0;
        double puts = 0;
        double operations = 0;
        foreach (OperationFigures o in f.Total)
        {
            string name = OperationWords.Normalise(o.Operation);
            if (name is "scan" or "delete")
            {
                return null;
            }

            double count = o.Ok + o.NotFound + o.Failed + o.Unknown + o.Corrupt;
            operations += count;
            gets += name is "read" or "readmodifywrite" ? count : 0;
            puts += name is "read" ? 0 : count;
        }

        BytePrediction prediction = Prediction(f);
        return operations == 0 ? null
            : ((prediction.Get(valueBytes).Total * gets) + (prediction.Put(valueBytes).Total * puts))
                * (1 / operations / valueBytes);
    }

    private static double? PerLogical(Findings f, long bytes) =>
        f.Run.Summary.Bytes.LogicalBytes is > 0 and long logical ? (double)bytes / logical : null;

    private static double? Over(
        Findings f, Func<MemoryFigures, long?> full, Func<MemoryFigures, long?> empty) =>
        f.Run.Summary.Memory is { } m && full(m) - empty(m) is long more ? PerLogical(f, more) : null;
}
