using Testbed.Checker;

namespace Testbed.Tests.Unit.Checker;

/// <summary>
/// What is wrong is called by its name, counted, and shown with the operations that prove it.
/// </summary>
public sealed class ViolationTests
{
    private const long Ms = 1_000_000;

    /// <summary>
    /// One hand-made violation of each class among operations that have nothing to do with it: which operations
    /// are named (by index), and whose answer is wrong.
    /// </summary>
    public static TheoryData<ViolationKind, HistoryOperation[], int[], int> HandMade() => new()
    {
        { ViolationKind.Phantom, [Write(1, 0, 1), Read(1, 2, 3), Read(9, 4, 5)], [2], 2 },
        { ViolationKind.FutureRead, [Write(1, 0, 1), Read(2, 2, 3), Read(1, 2, 3), Write(2, 4, 5)], [1, 3], 1 },
        { ViolationKind.WrongKey, [Write(9, 0, 1) with { Key = 8 }, Write(1, 0, 1), Read(9, 2, 3)], [2], 2 },
        {
            ViolationKind.FailedWriteVisible,
            [Write(1, 0, 1), Write(2, 2, 3, HistoryOutcome.Fail), Read(1, 4, 5), Read(2, 6, 7)], [1, 3], 3
        },
        {
            ViolationKind.StaleRead,
            [Write(1, 0, 1), Read(1, 1, 2), Write(2, 3, 4), Read(2, 5, 6), Read(1, 7, 8), Read(2, 9, 10)],
            [0, 2, 4, 5], 4
        },
        {
            ViolationKind.LostAcknowledgedWrite, [Write(1, 0, 1), Write(2, 2, 3), Read(1, 5, 6), Delete(9, 10)],
            [0, 1, 2], 2
        },
        {
            ViolationKind.ResurrectedValue,
            [Write(1, 0, 1), Delete(2, 3), Read(0, 4, 5), Read(1, 6, 7), Write(5, 8, 9)], [0, 1, 3], 3
        },
        { ViolationKind.LostDelete, [Write(1, 0, 1), Delete(2, 3), Read(1, 4, 5), Write(5, 8, 9)], [0, 1, 2], 2 },
        {
            ViolationKind.LostUpdate, [Write(1, 0, 1), Cas(1, 2, 2, 5), Cas(1, 3, 3, 6), Write(5, 8, 9)], [0, 1, 2], 2
        },
    };

    [Theory]
    [MemberData(nameof(HandMade))]
    public void Each_class_of_violation_names_the_operations_that_show_it(
        ViolationKind kind, HistoryOperation[] history, int[] named, int wrong)
    {
        var violation = LinearizabilityChecker.Check(history).Violations.First(v => v.Kind == kind);
        Assert.Equal(named.Select(i => history[i]), violation.Operations);
        Assert.Equal(history[wrong], violation.Offending);
    }

    [Fact]
    public void Texts_that_were_really_appended_are_valid_and_disturbed_ones_are_not()
    {
        var invalid = 0;
        for (var i = 0; i < 2_000; i++)
        {
            var random = new Random(i);
            var texts = new HistoryTexts();
            var history = new List<HistoryOperation>();
            var state = "";
            for (var n = 0; n < 12; n++)
            {
                var kind = (HistoryKind)(random.Next(3) switch { 0 => 0, 1 => 1, _ => 4 });
                var text = ((char)('a' + random.Next(3))).ToString();
                state = kind == HistoryKind.Read ? state : kind == HistoryKind.Write ? text : state + text;
                history.Add(new HistoryOperation(
                    n, kind, 7, texts.Intern(kind == HistoryKind.Read ? state : text), (n * 10) - random.Next(15),
                    (n * 10) + random.Next(15), HistoryOutcome.Ok));
            }

            var options = new CheckOptions { Texts = texts };
            Assert.Equal(Verdict.Valid, LinearizabilityChecker.Check(history, options).Verdict);
            history.Add(new HistoryOperation(99, HistoryKind.Read, 7, texts.Intern(state + "x"), 500, 501, HistoryOutcome.Ok));
            invalid += LinearizabilityChecker.Check(history, options).Verdict == Verdict.Invalid ? 1 : 0;
        }

        Assert.Equal(2_000, invalid);
    }

    [Fact]
    public void An_empty_history_is_valid()
    {
        var result = LinearizabilityChecker.Check(Array.Empty<HistoryOperation>());
        Assert.Equal(Verdict.Valid, result.Verdict);
        Assert.Equal(0, result.Counts.Operations);
    }

    [Fact]
    public void A_value_nobody_wrote_is_a_phantom() =>
        Assert.Equal(ViolationKind.Phantom, Only(Write(1, 0, 1), Read(9, 2, 3)).Kind);

    [Fact]
    public void A_read_that_ends_before_its_write_begins_is_a_future_read() =>
        Assert.Equal(ViolationKind.FutureRead, Only(Read(1, 0, 1), Write(1, 2, 3)).Kind);

    [Fact]
    public void A_read_and_a_write_that_touch_in_time_overlap() =>
        Assert.Equal(Verdict.Valid, LinearizabilityChecker.Check([Read(1, 0, 2), Write(1, 2, 3)]).Verdict);

    [Fact]
    public void A_value_written_to_another_key_is_called_so()
    {
        var result = LinearizabilityChecker.Check([Write(1, 0, 1) with { Key = 8 }, Read(1, 2, 3)]);
        var violation = Assert.Single(result.Violations);
        Assert.Equal(ViolationKind.WrongKey, violation.Kind);
        Assert.Equal(7, violation.Key);
        Assert.Contains("key 8", violation.Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_write_that_is_read_is_a_violation_of_its_own() =>
        Assert.Equal(ViolationKind.FailedWriteVisible,
            Only(Write(1, 0, 1, HistoryOutcome.Fail), Read(1, 2, 3)).Kind);

    [Fact]
    public void A_failed_delete_that_took_effect_is_a_violation_of_its_own() =>
        Assert.Equal(ViolationKind.FailedWriteVisible,
            Only(Write(1, 0, 1), Delete(2, 3, HistoryOutcome.Fail), Read(0, 4, 5)).Kind);

    [Fact]
    public void An_old_value_between_reads_of_the_new_one_is_a_stale_read()
    {
        var violation = Only(Write(1, 0, 1), Write(2, 2, 3), Read(2, 4, 5), Read(1, 6, 7), Read(2, 8, 9));
        Assert.Equal(ViolationKind.StaleRead, violation.Kind);
        Assert.Equal(3 * Ms, violation.StalenessNanos);
        Assert.Equal(1, violation.StalenessVersions);
    }

    [Fact]
    public void Writes_that_a_newer_value_overwrote_in_due_order_are_not_lost()
    {
        HistoryOperation[] history =
            [Write(1, 0, 1), Write(2, 2, 3), Write(3, 4, 5), Write(4, 6, 7), Read(1, 8, 9), Read(4, 10, 11)];
        var result = LinearizabilityChecker.Check(history);
        Assert.Equal(ViolationKind.StaleRead, Assert.Single(result.Violations).Kind);
        Assert.Equal((0, 1), (result.Counts.LostWrites, result.Counts.StaleReads));
    }

    [Fact]
    public void An_acknowledged_write_that_is_never_seen_again_is_lost()
    {
        HistoryOperation[] history = [Write(1, 0, 1), Write(2, 2, 3), Write(3, 4, 5), Read(1, 6, 7), Read(1, 8, 9)];
        var result = LinearizabilityChecker.Check(history);
        var violation = Assert.Single(result.Violations);
        Assert.Equal(ViolationKind.LostAcknowledgedWrite, violation.Kind);
        Assert.Equal(2, violation.StalenessVersions);
        Assert.Equal(2, result.Counts.LostWrites);
        Assert.Equal(2, result.Counts.StaleReads);
        Assert.Equal(3, result.Counts.AcknowledgedWrites);
    }

    [Fact]
    public void An_acknowledged_write_after_which_nothing_is_found_is_lost()
    {
        var result = LinearizabilityChecker.Check([Write(1, 0, 1), Read(1, 2, 3), Read(0, 4, 5)]);
        Assert.Equal(ViolationKind.LostAcknowledgedWrite, Assert.Single(result.Violations).Kind);
        Assert.Equal(1, result.Counts.LostWrites);
    }

    [Fact]
    public void A_delete_that_reads_contradict_is_lost()
    {
        var result = LinearizabilityChecker.Check([Write(1, 0, 1), Delete(2, 3), Read(1, 4, 5)]);
        Assert.Equal(ViolationKind.LostDelete, Assert.Single(result.Violations).Kind);
        Assert.Equal(1, result.Counts.LostWrites);
        Assert.Equal(1, result.Counts.StaleReads);
    }

    [Fact]
    public void A_value_that_returns_after_its_absence_was_seen_is_resurrected()
    {
        var result = LinearizabilityChecker.Check([Write(1, 0, 1), Delete(2, 3), Read(0, 4, 5), Read(1, 6, 7)]);
        Assert.Equal(Verdict.Invalid, result.Verdict);
        Assert.Contains(result.Violations, v => v.Kind == ViolationKind.ResurrectedValue);
    }

    [Fact]
    public void An_indefinite_delete_explains_absence_once_and_at_any_later_time()
    {
        var lateDelete = Delete(2, 3, HistoryOutcome.Info);
        HistoryOperation[] once = [Write(1, 0, 1), lateDelete, Read(1, 8, 9), Read(0, 20, 21), Read(0, 30, 31)];
        var result = LinearizabilityChecker.Check(once);
        Assert.Equal(Verdict.Valid, result.Verdict);
        Assert.Equal(1, result.Counts.IndefiniteWrites);
        Assert.Equal(1, result.Counts.IndefiniteSeen);

        HistoryOperation[] twice = [.. once, Write(2, 40, 41), Read(0, 50, 51)];
        Assert.Equal(Verdict.Invalid, LinearizabilityChecker.Check(twice).Verdict);
    }

    [Fact]
    public void An_indefinite_write_may_appear_late_or_never_but_not_come_and_go()
    {
        var indefinite = Write(2, 2, 3, HistoryOutcome.Info);
        var late = LinearizabilityChecker.Check([Write(1, 0, 1), indefinite, Read(1, 8, 9), Read(2, 20, 21)]);
        Assert.Equal(Verdict.Valid, late.Verdict);
        Assert.Equal(1, late.Counts.IndefiniteSeen);
        var never = LinearizabilityChecker.Check([Write(1, 0, 1), indefinite, Read(1, 8, 9)]);
        Assert.Equal(Verdict.Valid, never.Verdict);
        Assert.Equal(0, never.Counts.IndefiniteSeen);
        Assert.Equal(ViolationKind.StaleRead, Only(Write(1, 0, 1), indefinite, Read(2, 4, 5), Read(1, 6, 7)).Kind);
    }

    [Fact]
    public void Two_compare_and_sets_that_replace_the_same_value_lose_an_update()
    {
        var violation = Only(Write(1, 0, 1), Cas(1, 2, 2, 5), Cas(1, 3, 3, 6));
        Assert.Equal(ViolationKind.LostUpdate, violation.Kind);
        Assert.Equal([1ul, 2ul, 3ul], violation.Operations.Select(operation => operation.Value));
    }

    [Fact]
    public void A_value_read_after_it_was_replaced_is_stale()
    {
        HistoryOperation[] history = [Write(1, 0, 1), Cas(1, 2, 2, 3), Cas(2, 3, 4, 5), Read(1, 8, 9)];
        var violation = Assert.Single(LinearizabilityChecker.Check(history).Violations);
        Assert.Equal(ViolationKind.StaleRead, violation.Kind);
        Assert.Equal([history[0], history[1], history[3]], violation.Operations);
        Assert.Equal(5 * Ms, violation.StalenessNanos);
    }

    [Fact]
    public void A_write_between_the_ends_of_a_chain_is_named_with_the_chain()
    {
        HistoryOperation[] history = [Write(1, 0, 1), Write(9, 2, 3), Cas(1, 2, 4, 5), Read(2, 6, 7), Read(9, 4, 5)];
        var violation = Only(history);
        Assert.Contains(history[1], violation.Operations);
        Assert.Contains(history[2], violation.Operations);
        Assert.Equal(Verdict.Invalid, LinearizabilityChecker.Check(violation.Operations).Verdict);
    }

    [Fact]
    public void A_compare_and_set_of_a_value_nobody_wrote_is_a_phantom() =>
        Assert.Equal(ViolationKind.Phantom, Only(Write(1, 0, 1), Cas(8, 2, 2, 3)).Kind);

    [Fact]
    public void A_compare_and_set_of_a_failed_writes_value_shows_that_it_had_an_effect() =>
        Assert.Equal(ViolationKind.FailedWriteVisible,
            Only(Write(1, 0, 1, HistoryOutcome.Fail), Cas(1, 2, 2, 3)).Kind);

    [Fact]
    public void Compare_and_sets_in_a_circle_need_each_other_to_come_first() =>
        Assert.Equal(ViolationKind.FutureRead, Only(Cas(1, 2, 0, 9), Cas(2, 1, 0, 9)).Kind);

    [Fact]
    public void A_failed_compare_and_set_that_is_read_is_a_violation_of_its_own() =>
        Assert.Equal(ViolationKind.FailedWriteVisible,
            Only(Write(1, 0, 1), Cas(1, 2, 2, 3, HistoryOutcome.Fail), Read(2, 4, 5)).Kind);

    [Fact]
    public void An_indefinite_compare_and_set_counts_only_when_something_needs_it()
    {
        var indefinite = Cas(1, 2, 2, 3, HistoryOutcome.Info);
        var unseen = LinearizabilityChecker.Check([Write(1, 0, 1), indefinite, Read(1, 8, 9)]);
        Assert.Equal((Verdict.Valid, 0), (unseen.Verdict, unseen.Counts.IndefiniteSeen));
        var needed = LinearizabilityChecker.Check([Write(1, 0, 1), indefinite, Read(1, 8, 9), Cas(2, 3, 20, 21)]);
        Assert.Equal((Verdict.Valid, 1), (needed.Verdict, needed.Counts.IndefiniteSeen));
        Assert.Equal(Verdict.Invalid, LinearizabilityChecker.Check(
            [Write(1, 0, 1), indefinite, Cas(2, 3, 20, 21), Read(1, 30, 31)]).Verdict);
    }

    [Fact]
    public void A_compare_and_set_may_expect_absence()
    {
        Assert.Equal(Verdict.Valid, LinearizabilityChecker.Check([Read(0, 0, 1), Cas(0, 1, 2, 3)]).Verdict);
        Assert.Equal(ViolationKind.LostUpdate,
            LinearizabilityChecker.Check([Cas(0, 1, 2, 3), Cas(0, 2, 4, 5)]).Violations[0].Kind);
        HistoryOperation[] again = [Cas(0, 1, 2, 3), Delete(4, 5), Cas(0, 2, 6, 7)];
        Assert.Equal(Verdict.Valid, LinearizabilityChecker.Check(again).Verdict);
        Assert.Equal(ViolationKind.NoOrder, Only([.. again, Read(1, 8, 9)]).Kind);
    }

    [Fact]
    public void Values_that_are_not_unique_are_searched()
    {
        HistoryOperation[] valid = [Write(1, 0, 1), Write(2, 2, 3), Write(1, 4, 5), Read(1, 6, 7)];
        Assert.Equal(Verdict.Valid, LinearizabilityChecker.Check(valid).Verdict);
        Assert.Equal(ViolationKind.NoOrder, Only([.. valid, Read(2, 8, 9)]).Kind);
    }

    [Fact]
    public void A_search_that_runs_out_of_steps_says_unknown()
    {
        HistoryOperation[] history = [Write(1, 0, 1), Write(1, 2, 3), Read(1, 4, 5)];
        var result = LinearizabilityChecker.Check(history, new CheckOptions { SearchSteps = 2 });
        Assert.Equal(Verdict.Unknown, result.Verdict);
        Assert.Equal(1, result.Counts.UnknownKeys);
    }

    [Fact]
    public void An_operation_that_ends_before_it_begins_is_refused() =>
        Assert.Throws<ArgumentException>(() => LinearizabilityChecker.Check([Write(1, 5, 4)]));

    [Fact]
    public void The_paragraph_names_processes_values_and_times()
    {
        var value = ValueIdentity.Compose(4, 123);
        var violation = Only(Write(1, 0, 1), Write(value, 2, 3), Read(1, 2500, 2501));
        Assert.Equal(
            "Key 7: lost acknowledged write. Process 3 read 1 from 2.500000 s to 2.501000 s (ok). That answer "
            + "(written earlier: process 1 wrote 1 from 0.000000 s to 0.001000 s (ok)) had been overwritten "
            + "2497.000 ms before the read began, and is 1 version(s) old: process 1 wrote 4.123 from 0.002000 s to "
            + "0.003000 s (ok) had already ended. The newer value was acknowledged and is not seen again.",
            violation.Explanation);
    }

    private static Violation Only(params HistoryOperation[] history)
    {
        var result = LinearizabilityChecker.Check(history);
        Assert.Equal(Verdict.Invalid, result.Verdict);
        return Assert.Single(result.Violations);
    }

    private static HistoryOperation Write(
        ulong value, long from, long to, HistoryOutcome outcome = HistoryOutcome.Ok) =>
        new(1, HistoryKind.Write, 7, value, from * Ms, to * Ms, outcome);

    private static HistoryOperation Cas(
        ulong expected, ulong value, long from, long to, HistoryOutcome outcome = HistoryOutcome.Ok) =>
        new(4, HistoryKind.Cas, 7, value, from * Ms, to * Ms, outcome) { Expected = expected };

    private static HistoryOperation Delete(long from, long to, HistoryOutcome outcome = HistoryOutcome.Ok) =>
        new(2, HistoryKind.Delete, 7, 0, from * Ms, to * Ms, outcome);

    private static HistoryOperation Read(ulong value, long from, long to) =>
        new(3, HistoryKind.Read, 7, value, from * Ms, to * Ms, HistoryOutcome.Ok);
}
