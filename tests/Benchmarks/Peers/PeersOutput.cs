using System.Globalization;
using Testbed.Reports;
using TextTable = Testbed.Benchmarks.Support.TextTable;

namespace Testbed.Benchmarks.Peers;

/// <summary>What was measured as tables, CSV and a chart.</summary>
internal static class PeersOutput
{
    /// <summary>First the rows that have a target, then all.</summary>
    public static void Print(TextWriter output, PeersData data, IReadOnlyList<int> nodes)
    {
        foreach (var size in nodes)
        {
            var rows = PeersSummary.Rows(data, size);
            if (rows.Count == 0)
            {
                continue;
            }

            output.WriteLine();
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{size} nodes: medians, [least-greatest] of rounds; ratio: testbed / etcd of the same round"));
            Print(output, rows.Where(row => row.TargetRatio is not null || row.TargetValue is not null));
            output.WriteLine();
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{size} nodes, all figures"));
            Print(output, rows);
        }
    }

    /// <summary>Writes the files; returns their paths.</summary>
    public static IReadOnlyList<string> Write(string folder, PeersData data, IReadOnlyList<int> nodes)
    {
        Directory.CreateDirectory(folder);
        PeerRow[] rows = [.. nodes.SelectMany(size => PeersSummary.Rows(data, size))];
        var paths = new List<string>
        {
            Csv(folder, "peers-cells.csv",
                "nodes,round,system,operation,clients,ok_per_second,latency_p50_us,latency_p99_us,"
                + "server_cpu_us_per_operation,client_cpu_us_per_operation,disk_write_bytes_per_operation,ok,failed",
                data.Cells.Select(c => Line(c.Nodes, c.Round, c.System, c.Operation, c.Clients, c.PerSecond,
                    c.P50Micros, c.P99Micros, c.ServerCpuMicrosPerOperation, c.ClientCpuMicrosPerOperation,
                    c.DiskBytesPerOperation, c.Operations, c.Failed))),
            Csv(folder, "peers-kills.csv", "nodes,round,system,first_put_ms,terms",
                data.Kills.Select(k => Line(k.Nodes, k.Round, k.System, k.FirstPutMillis, k.Terms))),
            Csv(folder, "peers-ratios.csv",
                "nodes,operation,clients,figure,etcd,testbed,ratio,ratio_least,ratio_greatest,"
                + "target_ratio,target_value,reached",
                rows.Select(r => Line(r.Nodes, r.Operation, r.Clients, r.Figure, r.Etcd.Median, r.Testbed.Median,
                    r.Ratio.Median, r.Ratio.Least, r.Ratio.Greatest, r.TargetRatio, r.TargetValue,
                    r.Reached is { } reached ? reached ? "yes" : "no" : null))),
        };
        if (rows.Length > 0)
        {
            paths.Add(PngRenderer.Write(PeersChart.Build(rows), folder));
        }

        return paths;
    }

    /// <summary>A number of clients in words.</summary>
    internal static string Clients(int count) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} client{(count == 1 ? "" : "s")}");

    private static void Print(TextWriter output, IEnumerable<PeerRow> rows)
    {
        var table = new TextTable(3, "operation", "clients", "figure", "etcd", "[spread]", "testbed", "[spread]",
            "ratio", "[spread]", "target", "reached");
        foreach (var row in rows)
        {
            var decimals = row.Figure is "server CPU us/op" ? 1 : 0;
            table.Add(row.Operation, row.Clients?.ToString(CultureInfo.InvariantCulture) ?? "", row.Figure,
                Number(row.Etcd.Median, decimals), Range(row.Etcd, decimals),
                Number(row.Testbed.Median, decimals), Range(row.Testbed, decimals),
                Number(row.Ratio.Median, 2), row.Clients is null ? "" : Range(row.Ratio, 2),
                Target(row), row.Reached is { } reached ? reached ? "yes" : "no" : "");
        }

        table.Print(output);
    }

    private static string Target(PeerRow row) => (row.TargetRatio, row.TargetValue) switch
    {
        (double ratio, _) => (row.LessIsBetter ? "<= " : ">= ") + Number(ratio, 2),
        (_, double value) => (row.LessIsBetter ? "<= " : ">= ") + Number(value, 0) + " ms",
        _ => "",
    };

    private static string Number(double value, int decimals) =>
        double.IsFinite(value) ? TextTable.Number(value, decimals) : "-";

    private static string Range(Spread spread, int decimals) => double.IsFinite(spread.Median)
        ? $"[{Number(spread.Least, decimals)}-{Number(spread.Greatest, decimals)}]"
        : "";

    private static string Csv(string folder, string name, string header, IEnumerable<string> lines)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllText(path, string.Concat(lines.Prepend(header).Select(line => line + "\n")));
        return path;
    }

    // Words here hold no comma and no quote.
    private static string Line(params object?[] fields) => string.Join(',', fields.Select(field => field switch
    {
        null => "",
        double number => double.IsFinite(number) ? number.ToString("0.####", CultureInfo.InvariantCulture) : "",
        _ => Convert.ToString(field, CultureInfo.InvariantCulture),
    }));
}
