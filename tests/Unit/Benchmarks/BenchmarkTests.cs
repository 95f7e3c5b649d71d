using System.Reflection;
using BenchmarkDotNet.Attributes;
using Testbed.Benchmarks.Support;
using Testbed.Benchmarks.Verbs;
using Testbed.Client;

namespace Testbed.Tests.Unit.Benchmarks;

/// <summary>
/// Every benchmark runs once with its smallest parameters, so that none is found broken on the day of
/// measuring.
/// </summary>
public sealed class BenchmarkTests
{
    public static TheoryData<string, string> Methods()
    {
        var data = new TheoryData<string, string>();
        foreach (var type in Testbed.Benchmarks.Program.MicroBenchmarks)
        {
            foreach (var method in type.GetMethods().Where(m =>
                m.GetCustomAttribute<BenchmarkAttribute>() is not null))
            {
                data.Add(type.Name, method.Name);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Microbenchmarks_run(string typeName, string methodName)
    {
        var type = Testbed.Benchmarks.Program.MicroBenchmarks.Single(type => type.Name == typeName);
        var instance = Activator.CreateInstance(type)!;
        foreach (var property in type.GetProperties())
        {
            if (property.GetCustomAttribute<ParamsAttribute>() is { } parameters)
            {
                property.SetValue(instance, parameters.Values[0]);
            }
        }

        Call<GlobalSetupAttribute>(instance);
        type.GetMethod(methodName)!.Invoke(instance, null);
        type.GetMethod(methodName)!.Invoke(instance, null);
        Call<GlobalCleanupAttribute>(instance);
    }

    [Fact]
    public void All_benchmark_classes_are_listed()
    {
        var assembly = typeof(Testbed.Benchmarks.Program).Assembly;
        var declared = assembly.GetTypes().Where(type =>
            type.GetMethods().Any(method => method.GetCustomAttribute<BenchmarkAttribute>() is not null));
        Assert.Equal(declared.Select(type => type.Name).Order(StringComparer.Ordinal),
            Testbed.Benchmarks.Program.MicroBenchmarks.Select(type => type.Name)
                .Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_codec_and_store_tables_are_printed_in_aligned_columns()
    {
        using var codec = new StringWriter();
        CodecVerb.Run(codec, TimeSpan.Zero);
        Assert.Contains("(9,6)", codec.ToString(), StringComparison.Ordinal);
        using var store = new StringWriter();
        StoreVerb.Run(store, keys: 500, csvFile: null, TestContext.Current.CancellationToken);
        var lines = store.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line =>
            line.TrimEnd());
        var table = lines.SkipWhile(line => !line.StartsWith("store", StringComparison.Ordinal)).ToList();
        Assert.Equal(8, table.Count);
        Assert.All(table, line => Assert.Equal(table[1].Length, line.Length));
        Assert.All(table.Skip(2), line => Assert.DoesNotContain("NaN", line, StringComparison.Ordinal));
    }

    [Fact]
    public void A_store_without_books_has_an_empty_cell_in_the_table_of_stores()
    {
        var csv = StoreVerb.Csv([new("a, b", 10, 128, null, 200.5, 300, [1, 2, 3, 4, 5])]);
        Assert.EndsWith("\n\"a, b\",10,128,,200.5,300.0,1,2,3,4,5\n", csv, StringComparison.Ordinal);
    }

    [Fact]
    public void The_log_is_read_back_and_every_way_to_sync_has_its_row()
    {
        using var output = new StringWriter();
        LogVerb.Run(output, Path.GetTempPath(), recoveredBytes: 1 << 20, rounds: 1, groups: 1);
        Assert.Contains("Recovery: 1 MB", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("used again", output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_cost_of_the_link_proxy_is_printed()
    {
        using var output = new StringWriter();
        await LinksVerb.EchoAsync(output, roundTrips: 20, TestContext.Current.CancellationToken);
        var lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, lines.Length);
        Assert.DoesNotContain("NaN", lines[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_load_table_has_a_row_for_every_case()
    {
        using var output = new StringWriter();
        await LoadVerb.RunAsync(output, TimeSpan.Zero, TimeSpan.FromMilliseconds(50),
            TestContext.Current.CancellationToken);
        Assert.Equal(3, output.ToString().Split("open ").Length - 1);
    }

    [Fact]
    public void The_checker_table_has_a_row_for_every_case()
    {
        using var output = new StringWriter();
        CheckerVerb.Run(output, 1_000, TestContext.Current.CancellationToken);
        var rows = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)[4..];
        Assert.Equal(["in memory", "file", "growing", "in memory", "in memory", "in memory", "in memory"],
            rows.Select(row => row[..9].TrimEnd()));
    }

    [Fact]
    public void The_machine_is_described() => Assert.Equal(4, Machine.Describe().Count);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_closed_loop_counts_what_ended_in_time(bool answersLater)
    {
        await using var client = new EchoClient(answersLater);
        var keys = ClosedLoopKeys.Make(10, new byte[16]);
        var result = await ClosedLoop.RunAsync(client, 4, TimeSpan.FromMilliseconds(10),
            TimeSpan.FromMilliseconds(50), (operation, worker, count) =>
            {
                keys.PrepareGet(operation, worker, count);
                if (count % 2 == 1)
                {
                    keys.PreparePut(operation, worker, count);
                }
            },
            new CountingTime());

        // The clock makes 60 ms out of 60 looks, two for each operation.
        Assert.InRange(result.Operations, 20, 40);
        Assert.True(result.PerSecond > 0 && result.P99Micros >= result.P50Micros && result.P50Micros > 0);
        Assert.True(result.Failed > 0, "puts fail with this client");
        Assert.True(result.Operations >= (result.PerSecond * 0.05) + result.Failed);
    }

    private static void Call<TAttribute>(object instance)
        where TAttribute : Attribute
    {
        foreach (var method in instance.GetType().GetMethods().Where(m =>
            m.GetCustomAttribute<TAttribute>() is not null))
        {
            method.Invoke(instance, null);
        }
    }

    // Every look at it takes a millisecond.
    private sealed class CountingTime : TimeProvider
    {
        private long _looks;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Interlocked.Increment(ref _looks);
    }

    // Gets end ok, puts fail; within Submit or on a thread of the pool.
    private sealed class EchoClient(bool answersLater) : IKvClient
    {
        public void Submit(KvOperation operation)
        {
            var outcome = operation.Kind == OperationKind.Get ? Outcome.Ok : Outcome.Failed;
            if (answersLater)
            {
                ThreadPool.UnsafeQueueUserWorkItem(_ => operation.CompleteAs(outcome), null);
            }
            else
            {
                operation.CompleteAs(outcome);
            }
        }

        public IReadOnlyDictionary<string, long> Counters() => new Dictionary<string, long>();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
