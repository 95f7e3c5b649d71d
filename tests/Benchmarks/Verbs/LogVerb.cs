extern alias node;

using System.Diagnostics;
using node::Testbed.Node.Disk;
using Testbed.Benchmarks.Support;
using Testbed.Log;

namespace Testbed.Benchmarks.Verbs;

/// <summary>
/// <c>log</c>: how fast a log is read back; what a synced group costs in files that grow, are filled ahead or are
/// used again; what the ways to make a write durable cost in a file whose blocks are there.
/// </summary>
internal static class LogVerb
{
    private const int RecordBytes = 1024;
    private const int SegmentBytes = 8 * 1024 * 1024;
    private static readonly int[] RecordsOfGroup = [4, 64];

    private static readonly (string Name, LogOptions Options)[] Files =
    [
        ("grows with each group", new LogOptions()),
        ("256 KiB of zeros ahead", new LogOptions { PrefillBytes = 256 * 1024 }),
        ("1 MiB of zeros ahead", new LogOptions { PrefillBytes = 1024 * 1024 }),
        ("4 MiB of zeros ahead", new LogOptions { PrefillBytes = 4 * 1024 * 1024 }),
        ("used again", new LogOptions { PrefillBytes = 1024 * 1024, SpareSegments = 2 }),
    ];

    /// <summary>
    /// Measures in a folder of its own below <paramref name="parent"/>: <paramref name="recoveredBytes"/> read
    /// back, <paramref name="groups"/> groups per row and round.
    /// </summary>
    public static void Run(TextWriter output, string parent, int recoveredBytes, int rounds, int groups)
    {
        var folder = Path.Combine(parent, "testbed-log-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(folder);
        try
        {
            Recover(output, Path.Combine(folder, "recovery"), recoveredBytes, rounds);
            output.WriteLine();
            Append(output, Path.Combine(folder, "append"), rounds, groups);
            output.WriteLine();
            Sync(output, Path.Combine(folder, "sync"), rounds, groups);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Recover(TextWriter output, string folder, int bytes, int rounds)
    {
        using var directory = new DiskLogDirectory(folder);
        var group = Group(RecordsOfGroup[^1]);
        var written = 0L;
        using (var log = WriteAheadLog.Open(directory, new LogOptions { WriteIsDurable = true }, Ignore))
        {
            while (log.Bytes < bytes)
            {
                log.Write(group);
                written += group.Count;
            }

            written = (long)log.LastSequence;
        }

        var rates = new List<double>();
        for (var round = 0; round <= rounds; round++)
        {
            var (records, read) = (0L, 0L);
            var begun = Stopwatch.GetTimestamp();
            using var log = WriteAheadLog.Open(directory, new LogOptions { WriteIsDurable = true }, (_, payload) =>
            {
                records++;
                read += payload.Length;
            });
            rates.Add(log.Bytes / Stopwatch.GetElapsedTime(begun).TotalSeconds / 1e6);
            if (records != written || read != written * RecordBytes)
            {
                throw new InvalidOperationException("the log is not read back whole");
            }
        }

        // The first round warms up.
        rates.RemoveAt(0);
        rates.Sort();
        output.WriteLine($"Recovery: {TextTable.Number(bytes / 1e6)} MB in records of {RecordBytes} B, "
            + $"files in the system's cache: {TextTable.Number(rates[rates.Count / 2])} MB/s, "
            + $"median of {rounds} ({TextTable.Number(rates[0])} to {TextTable.Number(rates[^1])}).");
    }

    private static void Append(TextWriter output, string folder, int rounds, int groups)
    {
        var table = Table("the log's file");
        foreach (var records in RecordsOfGroup)
        {
            var times = Files.Select(_ => new List<double>()).ToArray();
            var group = Group(records);
            var folders = Files
                .Select((row, i) => new DiskLogDirectory(Path.Combine(folder, $"{records}-{i}"))).ToList();
            var open = Files.Select((row, i) =>
                WriteAheadLog.Open(folders[i], row.Options with { SegmentBytes = SegmentBytes }, Ignore)).ToList();
            if (groups > 1)
            {
                WearIn(open[^1], group);
            }

            for (var round = 0; round < rounds; round++)
            {
                for (var i = 0; i < Files.Length; i++)
                {
                    var log = open[(i + round) % Files.Length];
                    times[(i + round) % Files.Length].AddRange(Time(groups, _ =>
                    {
                        log.Write(group);
                        log.Sync();
                    }));
                    log.Release(log.LastSequence);
                }
            }

            open.ForEach(log => log.Dispose());
            folders.ForEach(directory => directory.Dispose());
            AddRows(table, group.Bytes, [.. Files.Select(row => row.Name)], times);
        }

        output.WriteLine("One group written and synced by the log, segments of "
            + $"{TextTable.Number(SegmentBytes / 1e6)} MB, {rounds * groups} groups per row in turns.");
        table.Print(output);
    }

    // Until every file it takes has been a segment before.
    private static void WearIn(WriteAheadLog log, LogGroup group)
    {
        for (var bytes = 0L; bytes < 5L * SegmentBytes; bytes += group.Bytes)
        {
            log.Write(group);
            if (bytes % SegmentBytes < group.Bytes)
            {
                log.Sync();
                log.Release(log.LastSequence);
            }
        }

        log.Sync();
    }

    private static void Sync(TextWriter output, string folder, int rounds, int groups)
    {
        if (!OperatingSystem.IsLinux())
        {
            output.WriteLine("The ways to make a write durable are compared on Linux only.");
            return;
        }

        var table = Table("way to make a write durable");
        Directory.CreateDirectory(folder);
        foreach (var bytes in RecordsOfGroup.Select(records => records * RecordBytes))
        {
            var times = DurableWrite.Ways.Select(_ => new List<double>()).ToArray();
            using var file = new DurableWrite(Path.Combine(folder, "file"), bytes, places: Math.Min(groups, 128));
            for (var round = 0; round < rounds; round++)
            {
                for (var i = 0; i < times.Length; i++)
                {
                    var way = (i + round) % times.Length;
                    times[way].AddRange(Time(groups, place => file.Write(way, place)));
                }
            }

            AddRows(table, bytes, DurableWrite.Ways, times);
        }

        output.WriteLine("One write made durable in a file whose blocks are there, in turns.");
        table.Print(output);
    }

    private static TextTable Table(string first) =>
        new(1, first, "bytes", "p10 us", "p50 us", "p90 us", "p99 us", "mean us");

    private static void AddRows(TextTable table, int bytes, IReadOnlyList<string> names, List<double>[] times)
    {
        for (var i = 0; i < times.Length; i++)
        {
            var sorted = times[i].Order().ToArray();
            table.Add(
            [
                names[i], TextTable.Number(bytes),
                .. new[] { 0.1, 0.5, 0.9, 0.99 }.Select(part => TextTable.Number(sorted[(int)(part * sorted.Length)])),
                TextTable.Number(sorted.Average()),
            ]);
        }
    }

    private static List<double> Time(int calls, Action<int> call)
    {
        var times = new List<double>(calls);
        for (var i = 0; i < calls; i++)
        {
            var begun = Stopwatch.GetTimestamp();
            call(i);
            times.Add(Stopwatch.GetElapsedTime(begun).TotalMicroseconds);
        }

        return times;
    }

    private static LogGroup Group(int records)
    {
        var group = new LogGroup();
        var body = BenchmarkData.Bytes(RecordBytes);
        for (var i = 0; i < records; i++)
        {
            group.Add(1, [], body);
        }

        return group;
    }

    private static void Ignore(byte type, ReadOnlyMemory<byte> payload)
    {
    }
}
