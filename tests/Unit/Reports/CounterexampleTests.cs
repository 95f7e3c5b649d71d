using System.Text.RegularExpressions;
using Testbed.Checker;
using Testbed.Reports;
using Testbed.Results;

namespace Testbed.Tests.Unit.Reports;

public sealed class CounterexampleTests
{
    private const long Ms = 1_000_000;

    [Fact]
    public void The_wrong_answer_is_marked_and_every_operation_has_its_hint()
    {
        HistoryOperation[] history =
        [
            new(1, HistoryKind.Write, 7, 1, 0, Ms, HistoryOutcome.Ok),
            new(2, HistoryKind.Write, 7, 2, 2 * Ms, 3 * Ms, HistoryOutcome.Ok),
            new(3, HistoryKind.Read, 7, 1, 4 * Ms, 5 * Ms, HistoryOutcome.Ok),
            new(4, HistoryKind.Write, 7, 9, 4 * Ms, 5 * Ms, HistoryOutcome.Info),
        ];
        var check = HistoryCheck.Run(history);
        var one = Assert.Single(check.Counterexamples);
        Assert.Equal([true, true, true, false], one.Operations.Select(o => o.IsWitness));
        Assert.Equal("read", Assert.Single(one.Operations, o => o.IsOffending).Operation.F);

        var page = CounterexampleReport.Render("<history>", check.Verdict, check.Counterexamples);
        Assert.Contains("&lt;history&gt;", page, StringComparison.Ordinal);
        Assert.Contains("process 3: read 1 (ok), 0.004000 s to 0.005000 s", page, StringComparison.Ordinal);
        Assert.Equal(4, Regex.Count(page, "</title></rect>"));
        Assert.Single(Regex.Matches(page, "<rect[^>]*fill=\"var\\(--vermilion\\)\"[^>]*><title>process 3"));
        Assert.Contains("stroke-dasharray", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hot_key_is_drawn_with_two_thousand_operations_in_a_bounded_number_of_rows()
    {
        var history = new List<HistoryOperation>();
        for (var i = 0; i < 10_000; i++)
        {
            history.Add(new HistoryOperation(i % 900, HistoryKind.Write, 7, (ulong)i + 1, i, i + 800, HistoryOutcome.Ok));
        }

        history.Add(new HistoryOperation(901, HistoryKind.Read, 7, 1, 9_000, 9_500, HistoryOutcome.Ok));
        var check = HistoryCheck.Run(history);
        var one = Assert.Single(check.Counterexamples);
        Assert.Equal(Counterexample.MaxOperations, one.Operations.Count);
        Assert.Equal(history.Count - Counterexample.MaxOperations, one.Omitted);
        Assert.Contains(one.Operations, o => o.IsOffending && o.Operation.Process == 901);
        var figure = CounterexampleChart.Build("timeline", one);
        Assert.InRange(Assert.Single(figure.Panels).Y.Ticks.Count, 2, 60);
        Assert.Equal(Counterexample.MaxOperations, figure.Panels[0].Marks.OfType<BoxMark>().Count());
    }

    [Fact]
    public void Of_many_keys_the_first_few_are_drawn()
    {
        var history = new List<HistoryOperation>();
        for (var key = 0; key < 9; key++)
        {
            history.Add(new HistoryOperation(1, HistoryKind.Write, key, 1, key * 10, (key * 10) + 1, HistoryOutcome.Ok));
            history.Add(new HistoryOperation(1, HistoryKind.Read, key, 0, (key * 10) + 2, (key * 10) + 3, HistoryOutcome.Ok));
        }

        Assert.Equal([0, 1, 2, 3], HistoryCheck.Run(history).Counterexamples.Select(c => c.Violation.Key));
    }
}
