using System.Diagnostics;
using HdrHistogram;
using Testbed.Results;
using Testbed.Tests.Unit.Support;

namespace Testbed.Tests.Unit.Results;

public sealed class RunRecorderTests(ITestOutputHelper output)
{
    private const long Ms = 1_000_000;
    private const long Second = 1_000_000_000;
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Operations_belong_to_the_phase_and_window_of_their_intended_start()
    {
        using var run = new Run();
        var worker = run.Recorder.CreateWorker();
        run.Recorder.SetPhase("load", 0);
        worker.Record(Operation(OperationType.Insert, OperationOutcome.Ok, 50 * Ms, latency: 2 * Ms));
        run.Recorder.SetPhase("steady", Second);
        worker.Record(Operation(OperationType.Read, OperationOutcome.Ok, Second, latency: 1 * Ms));
        worker.Record(Operation(OperationType.Read, OperationOutcome.Ok, Second + 99 * Ms, latency: 3 * Ms));
        worker.Record(Operation(OperationType.Read, OperationOutcome.NotFound, Second + 100 * Ms, latency: 5 * Ms));
        worker.Record(Operation(OperationType.Read, OperationOutcome.Unknown, Second + 100 * Ms, latency: 900 * Ms,
            reason: "timed out"));
        var figures = run.Recorder.Finish(3 * Second);

        Assert.Equal([new PhaseSpan("load", 0, Second), new PhaseSpan("steady", Second, 3 * Second)], figures.Phases);
        Assert.Equal(2 * Second, figures.MeasuredNs);
        Assert.Equal(["load insert", "steady read", "measured read"],
            figures.Operations.Select(row => $"{row.Phase} {row.Operation}"));
        var read = figures.Operations[^1];
        Assert.Equal((2, 1, 0, 1), (read.Ok, read.NotFound, read.Failed, read.Unknown));
        Assert.Equal(1.5, read.GoodputPerSecond);
        // Neither the unknown operation's 900 ms nor the load's insert is part of it.
        Assert.InRange(read.LatencyMaxUs!.Value, 5000, 5010);
        Assert.InRange(read.LatencyP50Us!.Value, 3000, 3005);
        Assert.Equal([KeyValuePair.Create("timed out", 1L)], figures.Reasons);

        Assert.Equal(
            [
                new WindowRow(0, "load", "insert", "ok", 1, 2000, 2000, 2000, 2000, 2000),
                new WindowRow(Second, "steady", "read", "ok", 2, 1000, 3000, 3000, 1000, 3000),
                new WindowRow(Second + 100 * Ms, "steady", "read", "not-found", 1, 5000, 5000, 5000, 5000, 5000),
                new WindowRow(Second + 100 * Ms, "steady", "read", "unknown", 1, 900_000, 900_000, 900_000, 900_000, 900_000),
            ],
            run.Folder.ReadWindows());
        Assert.Empty(Directory.GetFiles(run.Folder.FullPath, "*.partial"));
    }

    [Fact]
    public void Latency_counts_from_the_intended_start_service_from_the_actual_and_lag_is_between()
    {
        using var run = new Run();
        run.Recorder.SetPhase("steady", 0);
        run.Recorder.CreateWorker().Record(new CompletedOperation
        {
            Type = OperationType.Update, Outcome = OperationOutcome.Ok, IntendedNanos = 0, StartNanos = 4 * Ms,
            EndNanos = 10 * Ms,
        });
        var figures = run.Recorder.Finish(Second);
        var last = run.Folder.ReadLatency()
            .Where(row => row is { Phase: "measured", Percentile: 100 }).ToDictionary(row => row.Kind, row => row.ValueUs);
        Assert.InRange(last["latency"], 10_000, 10_010);
        Assert.InRange(last["service"], 6_000, 6_006);
        Assert.InRange(last["lag"], 4_000, 4_004);
        Assert.InRange(figures.ScheduleLagP99Ns!.Value, 4 * Ms, 4 * Ms + 4_000);
    }

    [Fact]
    public void Shed_operations_are_counted_and_have_no_latency()
    {
        using var run = new Run();
        run.Recorder.SetPhase("steady", 0);
        var worker = run.Recorder.CreateWorker();
        worker.Record(Operation(OperationType.Read, OperationOutcome.Shed, 0, 0));
        worker.Record(Operation(OperationType.Read, OperationOutcome.Ok, 0, Ms));
        var figures = run.Recorder.Finish(Second);
        Assert.Equal((2, 1), (figures.Offered, figures.Attempted));
        Assert.Equal(1, figures.Operations[^1].Shed);
        Assert.DoesNotContain(run.Folder.ReadLatency(), row => row.Outcome == "shed");
        Assert.Null(Assert.Single(run.Folder.ReadWindows(), row => row.Outcome == "shed").LatencyP50Us);
    }

    [Fact]
    public void Times_out_of_range_are_clamped_and_counted()
    {
        using var run = new Run();
        run.Recorder.SetPhase("steady", 0);
        var worker = run.Recorder.CreateWorker();
        worker.Record(Operation(OperationType.Read, OperationOutcome.Ok, 0, latency: -5));
        worker.Record(Operation(OperationType.Read, OperationOutcome.Ok, 0, latency: 7200 * Second));
        var figures = run.Recorder.Finish(Second);
        Assert.Equal(4, figures.Clamped);
        Assert.InRange(figures.Operations[^1].LatencyMaxUs!.Value, 3.59e9, 3.61e9);
    }

    [Fact]
    public void A_run_without_operations_has_empty_figures()
    {
        using var run = new Run();
        run.Recorder.SetPhase("steady", 0);
        var figures = run.Recorder.Finish(Second);
        Assert.Empty(figures.Operations);
        Assert.Null(figures.ScheduleLagP99Ns);
        Assert.Empty(run.Folder.ReadLatency());
        Assert.Empty(run.Folder.ReadWindows());
    }

    [Fact]
    public void A_window_is_written_while_running_once_it_is_old_and_late_operations_follow_at_the_end()
    {
        using var run = new Run();
        run.Recorder.SetPhase("steady", 0);
        var worker = run.Recorder.CreateWorker();
        worker.Record(Operation(OperationType.Read, OperationOutcome.Ok, 10 * Ms, Ms));
        run.Recorder.Collect(5 * Second + 99 * Ms);
        Assert.Empty(run.Folder.ReadWindows());
        run.Recorder.Collect(5 * Second + 100 * Ms);
        Assert.Single(run.Folder.ReadWindows());

        // A phase set after the fact still gets what is not yet written.
        worker.Record(Operation(OperationType.Read, OperationOutcome.Ok, 2 * Second, Ms));
        run.Recorder.Collect(6 * Second);
        run.Recorder.SetPhase("fault", 2 * Second - Ms);
        worker.Record(Operation(OperationType.Read, OperationOutcome.Unknown, 20 * Ms, 6 * Second));
        var figures = run.Recorder.Finish(7 * Second);
        Assert.Equal(
            [(0L, "ok"), (2 * Second, "ok"), (0L, "unknown")],
            run.Folder.ReadWindows().Select(row => (row.TNs, row.Outcome)));
        Assert.Equal(["steady", "fault", "measured"], figures.Operations.Select(row => row.Phase));
        Assert.Equal((1, 1), (figures.Operations[0].Ok, figures.Operations[0].Unknown));
    }

    [Fact]
    public void An_interrupted_recording_leaves_what_was_collected()
    {
        using var run = new Run();
        run.Recorder.SetPhase("steady", 0);
        run.Recorder.CreateWorker().Record(Operation(OperationType.Read, OperationOutcome.Ok, 0, Ms));
        run.Recorder.Dispose();
        Assert.Single(run.Folder.ReadWindows());
        Assert.True(File.Exists(run.Folder.WindowsPath + PartialFile.Suffix));
        using var log = File.OpenRead(run.Folder.HistogramsPath + PartialFile.Suffix);
        using var reader = new HistogramLogReader(log);
        Assert.NotEmpty(reader.ReadHistograms().ToList());
    }

    [Fact]
    public void The_status_line_gets_rates_of_the_last_second()
    {
        using var run = new Run();
        run.Recorder.SetPhase("steady", 0);
        var worker = run.Recorder.CreateWorker();
        run.Recorder.Collect(0);
        for (var i = 0; i < 100; i++)
        {
            worker.Record(Operation(OperationType.Read, i < 90 ? OperationOutcome.Ok : OperationOutcome.Failed, i, Ms));
        }

        run.Recorder.Collect(2 * Second);
        var live = run.Recorder.Live;
        Assert.Equal(("steady", 45.0, 5.0, 90, 10), (live.Phase, live.GoodputPerSecond, live.FailuresPerSecond, live.Ok, live.Failures));
        Assert.InRange(live.ReadP99Us!.Value, 1000, 1001);
    }

    [Fact]
    public void Workers_record_at_once_and_nothing_is_lost()
    {
        using var run = new Run();
        run.Recorder.SetPhase("steady", 0);
        run.Recorder.Start();
        const int Each = 150_000;
        Parallel.For(0, 3, index =>
        {
            var worker = run.Recorder.CreateWorker();
            for (var i = 0; i < Each; i++)
            {
                worker.Record(Operation((OperationType)index, OperationOutcome.Ok, i * 1000L, (i % 977) * 1000L));
            }
        });
        var figures = run.Recorder.Finish(Second);
        var measured = figures.Operations.Where(row => row.Phase == "measured").ToList();
        Assert.Equal([Each, Each, Each], measured.Select(row => row.Ok));
        Assert.Equal(3 * Each, run.Folder.ReadWindows().Sum(row => row.Count));
        Assert.Null(figures.Problem);
    }

    [Fact]
    public void Recording_allocates_nothing_once_its_memory_is_there()
    {
        using var run = new Run();
        var worker = run.Recorder.CreateWorker();
        var operation = Operation(OperationType.Read, OperationOutcome.Ok, 0, Ms);
        void Turn()
        {
            for (var i = 0; i < 20_000; i++)
            {
                worker.Record(operation);
            }
        }

        Turn();
        run.Recorder.Collect(0);
        Turn();
        run.Recorder.Collect(0);
        var least = long.MaxValue;
        for (var round = 0; round < 8 && least > 0; round++)
        {
            run.Recorder.Collect(0);
            var start = Stopwatch.GetTimestamp();
            least = Math.Min(least, Allocation.Least(Turn, rounds: 1));
            var elapsed = Stopwatch.GetElapsedTime(start);
            output.WriteLine($"{elapsed.TotalNanoseconds / 20_000:F1} ns per record");
        }

        Assert.Equal(0, least);
    }

    [Fact]
    public void The_histogram_log_is_read_back_by_the_library()
    {
        using var _ = new CommaCulture();
        using var run = new Run();
        RecordThreeSeconds(run);
        var bytes = File.ReadAllBytes(run.Folder.HistogramsPath);
        Assert.Equal((byte)'#', bytes[0]);
        var text = File.ReadAllLines(run.Folder.HistogramsPath);
        Assert.Equal("#[Histogram log format version 1.3]", text[0]);
        Assert.Equal("#[StartTime: 1767355200.000 (seconds since epoch), 2026-01-02T12:00:00.0000000Z]", text[1]);
        Assert.Equal("#[BaseTime: 1767355200.000 (seconds since epoch)]", text[2]);
        Assert.Equal("\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"", text[3]);
        Assert.StartsWith("Tag=read.ok,0.000,1.000,", text[4], StringComparison.Ordinal);

        using var reader = new HistogramLogReader(new MemoryStream(bytes));
        var histograms = reader.ReadHistograms().ToList();
        // The library keeps a pattern's whole match, "Tag=" included or not, so only the end is looked at.
        Assert.Equal(["read.ok", "update.ok", "update.failed", ""],
            histograms.Take(4).Select(histogram => histogram.Tag ?? ""));
        var total = histograms.Where(histogram => histogram.Tag is null).ToList();
        Assert.Equal([1000, 1000, 1000], total.Select(histogram => histogram.TotalCount));
        Assert.InRange(total[0].GetValueAtPercentile(100), 999_000, 1_001_000);
    }

    [Fact]
    public void The_histogram_log_is_read_by_HdrHistograms_own_processor()
    {
        const string Jar = "/usr/share/java/hdrhistogram.jar";
        Assert.SkipUnless(File.Exists(Jar), $"{Jar} is not there (Debian: libhdrhistogram-java)");
        Assert.SkipUnless(Find("java"), "java is not on the path");
        using var run = new Run();
        RecordThreeSeconds(run);
        var all = Processor(Jar, run.Folder.HistogramsPath);
        Assert.Contains("#[Max     =        1.000, Total count    =         3000]", all, StringComparison.Ordinal);
        var tagged = Processor(Jar, run.Folder.HistogramsPath, "-tag", "update.failed");
        Assert.Contains("Total count    =          300]", tagged, StringComparison.Ordinal);
    }

    private static void RecordThreeSeconds(Run run)
    {
        run.Recorder.SetPhase("steady", 0);
        var worker = run.Recorder.CreateWorker();
        for (var i = 0; i < 3000; i++)
        {
            var at = i * Ms;
            var type = i % 2 == 0 ? OperationType.Read : OperationType.Update;
            worker.Record(Operation(type, OperationOutcome.Ok, at, (i % 1000 + 1) * 1000L));
            if (i % 10 == 1)
            {
                worker.Record(Operation(type, OperationOutcome.Failed, at, 50 * Ms));
            }
        }

        run.Recorder.Finish(3 * Second);
    }

    private static bool Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    private static string Processor(string jar, string path, params string[] more)
    {
        using var java = Process.Start(new ProcessStartInfo("java",
            ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", jar, "org.HdrHistogram.HistogramLogProcessor", "-i", path, .. more])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = java.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var text = java.StandardOutput.ReadToEnd();
        java.WaitForExit();
        Assert.True(java.ExitCode == 0, $"exit code {java.ExitCode}: {errors.GetAwaiter().GetResult()}");
        return text;
    }

    private static CompletedOperation Operation(
        OperationType type, OperationOutcome outcome, long intended, long latency, string? reason = null) => new()
    {
        Type = type, Outcome = outcome, IntendedNanos = intended, StartNanos = intended, EndNanos = intended + latency,
        Reason = reason,
    };

    private sealed class Run : IDisposable
    {
        private readonly TemporaryFolder _temporary = new();

        public Run()
        {
            Folder = RunFolder.Create(_temporary.FullPath, Noon, "ecc", "b", "none");
            Recorder = new RunRecorder(Folder, Noon, () => 0);
        }

        public RunFolder Folder { get; }

        public RunRecorder Recorder { get; }

        public void Dispose()
        {
            Recorder.Dispose();
            _temporary.Dispose();
        }
    }
}
