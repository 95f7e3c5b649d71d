using System.Globalization;
using System.Text;
using Testbed.Benchmarks.Stores;
using Testbed.Benchmarks.Support;

namespace Testbed.Benchmarks.Verbs;

/// <summary>
/// <c>store</c>: bytes per key and CPU time per operation, against ConcurrentDictionary.
/// </summary>
internal static class StoreVerb
{
    // From here on payloads are small, so that all stores fit into memory side by side.
    private const int ManyKeys = 5_000_000;

    private static readonly string[] Columns =
    [
        "store", "payload B", "own bytes/key", "besides key and payload", "heap bytes/key", "resident bytes/key",
        .. StoreRun.Operations.Select(name => name + " ns"),
    ];

    /// <summary>Prints the table; writes the same as CSV when a file is named.</summary>
    public static void Run(TextWriter output, int keys, string? csvFile, CancellationToken cancel)
    {
        // All once before, so that nothing is compiled while it is measured.
        StoreRun.Measure(Math.Min(keys, 20_000), new byte[16], cancel);
        int[] sizes = keys >= ManyKeys ? [128] : [342, 1024];
        var figures = sizes.SelectMany(size => StoreRun.Measure(keys, BenchmarkData.Bytes(size), cancel)).ToList();
        output.WriteLine(
            $"Store: {TextTable.Number(keys)} keys of {BenchmarkData.KeyBytes} B in random order; KvStore keeps " +
            "keys in order as well; dictionaries do not.");
        output.WriteLine(
            "Bytes/key: the store's own books; the garbage collector's heap and the resident memory after a full " +
            "collection. Nanoseconds of CPU of the whole process: operations taking turns, median of 5.");
        var table = new TextTable(1, Columns);
        foreach (var row in figures)
        {
            table.Add(
            [
                row.Store, TextTable.Number(row.PayloadBytes), Own(row.OwnBytesPerKey),
                Own(row.OwnBytesPerKey - row.PayloadBytes - BenchmarkData.KeyBytes),
                TextTable.Number(row.HeapBytesPerKey, 1), TextTable.Number(row.ResidentBytesPerKey, 1),
                .. row.CpuNanos.Select(nanos => TextTable.Number(nanos)),
            ]);
        }

        table.Print(output);
        if (csvFile is not null)
        {
            File.WriteAllText(csvFile, Csv(figures));
            output.WriteLine($"CSV: {csvFile}");
        }
    }

    /// <summary>One line for each store and size of payload.</summary>
    internal static string Csv(IEnumerable<StoreFigures> figures)
    {
        var text = new StringBuilder("store,keys,payload_bytes,own_bytes_per_key,heap_bytes_per_key,"
            + "resident_bytes_per_key,insert_cpu_ns,get_cpu_ns,miss_cpu_ns,same_size_cpu_ns,other_size_cpu_ns\n");
        foreach (var row in figures)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"\"{row.Store}\",{row.Keys},{row.PayloadBytes},{row.OwnBytesPerKey:F1},");
            text.Append(CultureInfo.InvariantCulture, $"{row.HeapBytesPerKey:F1},{row.ResidentBytesPerKey:F1},");
            text.AppendJoin(',', row.CpuNanos.Select(nanos => nanos.ToString("F0", CultureInfo.InvariantCulture)));
            text.Append('\n');
        }

        return text.ToString();
    }

    private static string Own(double? bytes) => bytes is { } known ? TextTable.Number(known, 1) : "-";
}
