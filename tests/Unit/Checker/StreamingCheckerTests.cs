using System.Runtime.InteropServices;
using Testbed.Checker;
using Testbed.Tests.Unit.Support;

namespace Testbed.Tests.Unit.Checker;

/// <summary>
/// The check of a growing history against that of the whole one. <c>TESTBED_CHECKER_SEED</c> repeats a failure.
/// </summary>
public sealed class StreamingCheckerTests(ITestOutputHelper output)
{
    private static readonly CheckOptions Present =
        new() { InitialValues = new Dictionary<long, ulong> { [7] = 100 } };

    [Theory]
    [InlineData(6, 150_000)]
    [InlineData(14, 100_000)]
    [InlineData(60, 10_000)]
    public void Reads_and_writes_are_judged_as_in_the_whole_history(int maxOperations, int histories)
    {
        var seed = CheckerFuzzTests.Number("TESTBED_CHECKER_SEED", (ulong)Random.Shared.NextInt64());
        output.WriteLine($"TESTBED_CHECKER_SEED={seed}");
        var small = new SmallHistories(seed);
        var (plain, invalid, mixed, found) = (0, 0, 0, 0);
        for (var i = 0; i < histories; i++)
        {
            small.Reset(seed + ((ulong)i * 0x632BE59BD9B4E019ul));
            var history = small.Draw(maxOperations);
            var options = small.Initial == 0 ? CheckOptions.Default : Present;
            var whole = new KeyChecker(options).Check(7, CollectionsMarshal.AsSpan(history)).Verdict == Verdict.Invalid;
            var growing = Stream(history, options).First is not null;
            var onlyReadsAndWrites = history.All(o => o.Kind is HistoryKind.Read or HistoryKind.Write);
            if (growing != whole && (onlyReadsAndWrites || growing))
            {
                Assert.Fail($"seed {seed}, history {i}, initial {small.Initial}: whole invalid {whole}, growing "
                    + $"{Stream(history, options).First}\n{string.Join('\n', history)}");
            }

            plain += onlyReadsAndWrites ? 1 : 0;
            invalid += onlyReadsAndWrites && whole ? 1 : 0;
            mixed += !onlyReadsAndWrites && whole ? 1 : 0;
            found += !onlyReadsAndWrites && growing ? 1 : 0;
        }

        output.WriteLine($"{plain} plain, {invalid} of them invalid; with deletes or cas {found} of {mixed} invalid found");
        Assert.InRange(invalid, plain / 20, plain * 19 / 20);
        Assert.True(found > mixed / 2);
    }

    [Fact]
    public void A_key_at_rest_needs_fewer_than_200_bytes_and_a_busy_one_keeps_a_handful_of_clusters()
    {
        const int Keys = 100_000;
        var checker = new StreamingChecker();
        var bytes = Allocation.Least(() =>
        {
            checker = new StreamingChecker();
            var now = 0L;
            for (var round = 0; round < 5; round++)
            {
                for (var key = 0; key < Keys; key++)
                {
                    Write(checker, 1, key, ((ulong)round * Keys) + (ulong)key + 1, ref now);
                    Read(checker, 2, key, ((ulong)round * Keys) + (ulong)key + 1, ref now);
                }
            }
        }, rounds: 2);
        Assert.Null(checker.First);
        Assert.Equal(Keys, checker.Keys);
        Assert.Equal(Keys, checker.LiveClusters);
        output.WriteLine($"{checker.Bytes / (double)Keys:F0} B held, {bytes / (double)Keys:F0} B allocated per key");
        // What growing left behind is counted in the second, too.
        Assert.InRange(checker.Bytes / Keys, 60, 199);
        Assert.InRange(bytes / Keys, 60, 199);
    }

    [Fact]
    public void What_is_kept_of_a_long_history_does_not_grow()
    {
        var small = new SmallHistories(5);
        var history = small.Executed(20_000).Where(o => o.Outcome == HistoryOutcome.Ok).ToList();
        var checker = new StreamingChecker();
        var most = 0;
        Stream(history, checker, () => most = Math.Max(most, checker.LiveClusters));
        Assert.True(most < 40, $"{most} clusters");
    }

    [Fact]
    public void The_first_violation_names_the_operation_that_showed_it()
    {
        var checker = new StreamingChecker();
        var now = 0L;
        Write(checker, 1, 7, 1, ref now);
        Write(checker, 1, 7, 2, ref now);
        checker.Invoke(2, HistoryKind.Read, 7, 0, 0, ++now);
        Assert.False(checker.Complete(2, 1, HistoryOutcome.Ok, ++now));
        Assert.Equal(new HistoryOperation(2, HistoryKind.Read, 7, 1, 5, 6, HistoryOutcome.Ok), checker.First!.Operation);
        Assert.Contains("before and after the other", checker.First.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void An_operation_told_too_late_is_not_judged()
    {
        var checker = new StreamingChecker();
        var now = 10L;
        Write(checker, 1, 7, 1, ref now);
        Write(checker, 1, 7, 2, ref now);
        checker.Invoke(2, HistoryKind.Read, 7, 0, 0, 5);
        Assert.True(checker.Complete(2, 1, HistoryOutcome.Ok, 11));
        Assert.Equal((1, null), (checker.Late, checker.First));
    }

    [Fact]
    public void Deletes_that_came_to_nothing_are_noticed()
    {
        var checker = new StreamingChecker();
        var now = 0L;
        Write(checker, 1, 7, 1, ref now);
        checker.Invoke(1, HistoryKind.Delete, 7, 0, 0, ++now);
        Assert.True(checker.Complete(1, 0, HistoryOutcome.Ok, ++now));
        checker.Invoke(2, HistoryKind.Read, 7, 0, 0, ++now);
        Assert.True(checker.Complete(2, 0, HistoryOutcome.Ok, ++now));
        checker.Invoke(2, HistoryKind.Read, 7, 0, 0, ++now);
        Assert.False(checker.Complete(2, 1, HistoryOutcome.Ok, ++now));
    }

    private static void Write(StreamingChecker checker, int process, long key, ulong value, ref long now)
    {
        checker.Invoke(process, HistoryKind.Write, key, value, 0, ++now);
        checker.Complete(process, value, HistoryOutcome.Ok, ++now);
    }

    private static void Read(StreamingChecker checker, int process, long key, ulong value, ref long now)
    {
        checker.Invoke(process, HistoryKind.Read, key, 0, 0, ++now);
        checker.Complete(process, value, HistoryOutcome.Ok, ++now);
    }

    private static StreamingChecker Stream(List<HistoryOperation> history, CheckOptions options)
    {
        var checker = new StreamingChecker(options);
        Stream(history, checker, () => { });
        return checker;
    }

    /// <summary>In the order in which things happened; at equal times beginnings first, since those overlap.</summary>
    private static void Stream(List<HistoryOperation> history, StreamingChecker checker, Action after)
    {
        var events = new List<(long Time, bool Ends, int Index)>();
        for (var i = 0; i < history.Count; i++)
        {
            events.Add((history[i].InvokeNanos, false, i));
            events.Add((history[i].CompleteNanos, true, i));
        }

        events.Sort();
        foreach (var (time, ends, index) in events)
        {
            var operation = history[index];
            if (ends)
            {
                checker.Complete(index, operation.Value, operation.Outcome, time);
            }
            else
            {
                checker.Invoke(index, operation.Kind, 7,
                    operation.Kind == HistoryKind.Read ? 0 : operation.Value, operation.Expected, time);
            }

            after();
        }
    }
}
