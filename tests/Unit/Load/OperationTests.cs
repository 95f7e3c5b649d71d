using Testbed.Checker;
using Testbed.Client;
using Testbed.Harness.Load;
using Testbed.Results;
using Testbed.Workloads;

namespace Testbed.Tests.Unit.Load;

/// <summary>
/// What each kind of operation does and what becomes of its outcomes, one client, one operation at a time.
/// </summary>
public sealed class OperationTests
{
    private static readonly LoadOptions Options = new() { Clients = 1, LoadConcurrency = 1, Seed = 3, Writer = 7 };

    [Fact]
    public void A_read_returns_the_identity_that_was_written()
    {
        var (bench, operation, entries) = One("c");
        Assert.Equal((OperationType.Read, OperationOutcome.Ok), (operation.Type, operation.Outcome));
        var entry = Assert.Single(entries);
        var written = bench.Sink.Entries.Single(e => e.Kind == HistoryKind.Write && e.Key == entry.Key);
        Assert.Equal((HistoryKind.Read, HistoryOutcome.Ok, written.Value), (entry.Kind, entry.Outcome, entry.Value));
    }

    [Fact]
    public void Every_write_has_an_identity_of_its_own()
    {
        var bench = new Bench("a", Options);
        bench.LoadAll();
        RunFor(bench, 200);
        var writes = bench.Sink.Entries.Where(e => e.Kind == HistoryKind.Write).Select(e => e.Value).ToList();
        Assert.Equal(writes.Count, writes.Distinct().Count());
        Assert.All(writes, w => Assert.Equal(7UL, w >> 40));
    }

    [Fact]
    public void A_read_of_nothing_is_an_answer()
    {
        var (_, operation, entries) = One("c", Outcome.NotFound);
        Assert.Equal(OperationOutcome.NotFound, operation.Outcome);
        Assert.Equal((HistoryOutcome.Ok, 0UL), (entries[0].Outcome, entries[0].Value));
    }

    [Theory]
    [InlineData(Outcome.Failed)]
    [InlineData(Outcome.Unknown)]
    public void A_read_without_an_answer_failed_and_constrains_nothing(Outcome outcome)
    {
        var (_, operation, entries) = One("c", outcome);
        Assert.Equal((OperationOutcome.Failed, "scripted"), (operation.Outcome, operation.Reason));
        Assert.Equal(HistoryOutcome.Fail, Assert.Single(entries).Outcome);
    }

    [Theory]
    [InlineData(Outcome.Ok, OperationOutcome.Ok, HistoryOutcome.Ok)]
    [InlineData(Outcome.Failed, OperationOutcome.Failed, HistoryOutcome.Fail)]
    [InlineData(Outcome.Unknown, OperationOutcome.Unknown, HistoryOutcome.Info)]
    [InlineData(Outcome.NotFound, OperationOutcome.Unknown, HistoryOutcome.Info)]
    public void A_write_ends_as_the_client_says(Outcome client, OperationOutcome figures, HistoryOutcome history)
    {
        var (_, operation, entries) = One("a", client, "readproportion=0", "updateproportion=1");
        Assert.Equal((OperationType.Update, figures), (operation.Type, operation.Outcome));
        var entry = Assert.Single(entries);
        Assert.Equal((HistoryKind.Write, history), (entry.Kind, entry.Outcome));
        Assert.NotEqual(0UL, entry.Value);
    }

    [Fact]
    public void A_process_is_not_used_again_after_an_unknown_write()
    {
        var bench = Ready("a", ["readproportion=0", "updateproportion=1"], out var entriesBefore);
        var outcomes = new Queue<Outcome>([Outcome.Unknown, Outcome.Ok, Outcome.Failed, Outcome.Unknown, Outcome.Ok]);
        bench.Client.Script = _ => outcomes.Dequeue();
        RunFor(bench, 5);
        var processes = bench.EntriesFrom(entriesBefore).ToArray().Select(e => e.Process).ToArray();
        Assert.Equal([0, 1, 1, 1, 2], processes);
    }

    [Fact]
    public void A_corrupt_value_is_counted_and_kept_out_of_the_history()
    {
        var bench = Ready("c", [], out var entriesBefore);
        foreach (var record in bench.Client.Records.Values)
        {
            record[50] ^= 1;
        }

        RunFor(bench, 1);
        Assert.Equal(1, bench.Counters.ByOutcome[(int)OperationOutcome.Corrupt]);
        Assert.Equal("value fails its checksum", bench.Sink.Operations[^1].Reason);
        Assert.Equal(HistoryOutcome.Fail, bench.EntriesFrom(entriesBefore)[0].Outcome);
    }

    [Fact]
    public void A_value_of_another_key_is_corrupt_and_the_checker_sees_whose_it_is()
    {
        var bench = Ready("c", [], out var entriesBefore);
        var other = bench.Client.Records.Values.First();
        foreach (var key in bench.Client.Records.Keys.Skip(1).ToList())
        {
            bench.Client.Records[key] = other;
        }

        RunFor(bench, 1);
        Assert.Equal("value of another key", bench.Sink.Operations[^1].Reason);
        RecordValue.Check(other, 0, out var identity);
        var entry = bench.EntriesFrom(entriesBefore)[0];
        Assert.Equal((HistoryOutcome.Ok, identity), (entry.Outcome, entry.Value));
    }

    [Fact]
    public void A_read_modify_write_is_two_operations_of_one_process_in_the_history()
    {
        var (_, operation, entries) = One("f", null, "readproportion=0");
        Assert.Equal((OperationType.ReadModifyWrite, OperationOutcome.Ok), (operation.Type, operation.Outcome));
        Assert.Equal([HistoryKind.Read, HistoryKind.Write], entries.Select(e => e.Kind));
        Assert.Equal(entries[0].Process, entries[1].Process);
        Assert.Equal(entries[0].Key, entries[1].Key);
        Assert.Equal(entries[0].CompleteNanos, entries[1].InvokeNanos);
    }

    [Theory]
    [InlineData(Outcome.Failed, Outcome.Ok, OperationOutcome.Failed, 1)]
    [InlineData(Outcome.NotFound, Outcome.Ok, OperationOutcome.NotFound, 1)]
    [InlineData(null, Outcome.Failed, OperationOutcome.Failed, 2)]
    [InlineData(null, Outcome.Unknown, OperationOutcome.Unknown, 2)]
    public void A_read_modify_write_is_ok_only_when_both_halves_are(
        Outcome? get, Outcome put, OperationOutcome expected, int historyEntries)
    {
        var bench = Ready("f", ["readproportion=0"], out var entriesBefore);
        bench.Client.Script = o => o.Kind == OperationKind.Get ? get : put;
        RunFor(bench, 1);
        Assert.Equal(expected, bench.Sink.Operations[^1].Outcome);
        Assert.Equal(historyEntries, bench.EntriesFrom(entriesBefore).Length);
    }

    [Fact]
    public void An_update_of_one_field_reads_merges_and_writes()
    {
        var bench = Ready("a", ["readproportion=0", "updateproportion=1", "writeallfields=false"], out var entriesBefore);
        var old = bench.Client.Records.ToDictionary(r => r.Key, r => r.Value);
        RunFor(bench, 1);
        Assert.Equal(2, bench.EntriesFrom(entriesBefore).Length);
        Assert.Equal(OperationType.Update, bench.Sink.Operations[^1].Type);
        var key = bench.Client.Submitted[^1].Key;
        var (before, after) = (old[key], bench.Client.Records[key]);
        Assert.Equal(RecordCheck.Whole,
            RecordValue.Check(after, RecordValue.HashKey(System.Text.Encoding.ASCII.GetBytes(key)), out _));
        var changed = Enumerable.Range(RecordValue.HeaderBytes, after.Length - RecordValue.HeaderBytes)
            .Count(i => before[i] != after[i]);
        Assert.InRange(changed, 80, 97);
    }

    [Fact]
    public void An_update_of_one_field_of_a_missing_record_writes_all_of_it()
    {
        var bench = Ready("a", ["readproportion=0", "updateproportion=1", "writeallfields=false"], out _);
        bench.Client.Records.Clear();
        RunFor(bench, 1);
        Assert.Equal(OperationOutcome.Ok, bench.Sink.Operations[^1].Outcome);
        Assert.Equal(1000, Assert.Single(bench.Client.Records).Value.Length);
    }

    [Fact]
    public void A_scan_stays_out_of_the_history_but_its_values_are_checked()
    {
        var bench = Ready("e", ["insertproportion=0", "minscanlength=100"], out var entriesBefore);
        RunFor(bench, 1);
        Assert.Equal((OperationType.Scan, OperationOutcome.Ok),
            (bench.Sink.Operations[^1].Type, bench.Sink.Operations[^1].Outcome));
        Assert.Equal(entriesBefore, bench.Sink.Entries.Count);
        bench.Client.Records.Values.Last()[40] ^= 4;
        RunFor(bench, 1);
        Assert.Equal(OperationOutcome.Corrupt, bench.Sink.Operations[^1].Outcome);
    }

    [Fact]
    public void A_scan_that_runs_into_keys_of_others_does_not_judge_them()
    {
        var spec = WorkloadSpec.Parse(
            WorkloadFile.Shipped("e")!, ["recordcount=100", "insertproportion=0", "minscanlength=100"]).Spec!;
        var bench = new Bench(spec with { KeyPrefix = "m:" }, Options);
        bench.LoadAll();
        Assert.All(bench.Client.Records.Keys, k => Assert.StartsWith("m:user", k, StringComparison.Ordinal));
        bench.Client.Records["z:user"] = [1, 2, 3];
        RunFor(bench, 1);
        Assert.Equal(OperationOutcome.Ok, bench.Sink.Operations[^1].Outcome);
        bench.Client.Records.Last(r => r.Key.StartsWith("m:", StringComparison.Ordinal)).Value[40] ^= 4;
        RunFor(bench, 1);
        Assert.Equal(OperationOutcome.Corrupt, bench.Sink.Operations[^1].Outcome);
    }

    [Fact]
    public void A_delete_removes_the_record()
    {
        var (bench, operation, entries) = One("c", null, "readproportion=0", "deleteproportion=1");
        Assert.Equal((OperationType.Delete, OperationOutcome.Ok), (operation.Type, operation.Outcome));
        Assert.Equal((HistoryKind.Delete, HistoryOutcome.Ok, 0UL),
            (entries[0].Kind, entries[0].Outcome, entries[0].Value));
        Assert.Equal(99, bench.Client.Records.Count);
    }

    [Fact]
    public void The_numbers_of_operation_types_are_those_of_the_results()
    {
        foreach (var type in Enum.GetValues<WorkloadOperationType>())
        {
            Assert.Equal(type.ToString(), ((OperationType)type).ToString());
        }
    }

    private static Bench Ready(string workload, string[] overrides, out int entriesBefore)
    {
        var bench = new Bench(workload, Options, overrides);
        bench.LoadAll();
        entriesBefore = bench.Sink.Entries.Count;
        return bench;
    }

    private static (Bench Bench, CompletedOperation Operation, HistoryOperation[] Entries) One(
        string workload, Outcome? outcome = null, params string[] overrides)
    {
        var bench = Ready(workload, overrides, out var entriesBefore);
        bench.Client.Script = _ => outcome;
        RunFor(bench, 1);
        return (bench, bench.Sink.Operations[^1], bench.EntriesFrom(entriesBefore).ToArray());
    }

    // The clock moves when the client ends an operation, so the closed loop does exactly this many.
    private static void RunFor(Bench bench, int operations)
    {
        bench.Client.Manual = true;
        var phase = bench.Begin(bench.Generator.CreateClosedPhase(1_000_000_000));
        for (var i = 0; i < operations; i++)
        {
            var done = bench.Sink.Operations.Count;
            while (bench.Sink.Operations.Count == done)
            {
                if (i == operations - 1)
                {
                    phase.Stop();
                }

                bench.Clock.Nanos += 10;
                bench.Client.EndOne();
            }

            // A failed operation is followed by a pause.
            bench.Pass(2_000_000);
        }

        Assert.True(bench.Engine.IsQuiet());
        bench.Client.Manual = false;
    }
}
