using System.Runtime.InteropServices;
using Testbed.Checker;

namespace Testbed.Tests.Unit.Checker;

/// <summary>
/// The fast check against the exhaustive search. <c>TESTBED_CHECKER_SEED</c> and
/// <c>TESTBED_CHECKER_HISTORIES</c> repeat a failure or run longer.
/// </summary>
public sealed class CheckerFuzzTests(ITestOutputHelper output)
{
    private static readonly KeyChecker Absent = Checker(0);
    private static readonly KeyChecker Present = Checker(100);

    /// <summary>One million in all; <c>TESTBED_CHECKER_HISTORIES=10000000</c> is the nightly number.</summary>
    [Theory]
    [InlineData(6, 700_000)]
    [InlineData(12, 270_000)]
    [InlineData(28, 30_000)]
    public void The_fast_check_agrees_with_the_exhaustive_search(int maxOperations, int histories)
    {
        var seed = Number("TESTBED_CHECKER_SEED", (ulong)Random.Shared.NextInt64());
        histories = (int)(histories * (Number("TESTBED_CHECKER_HISTORIES", 1_000_000) / 1e6));
        output.WriteLine($"TESTBED_CHECKER_SEED={seed}");
        var invalid = 0;
        var undecided = 0;
        var small = new SmallHistories(seed);
        for (var i = 0; i < histories; i++)
        {
            small.Reset(seed + ((ulong)i * 0x632BE59BD9B4E019ul));
            var history = small.Draw(maxOperations);
            var operations = CollectionsMarshal.AsSpan(history);
            var expected = WingGong.Check(operations, small.Initial, 200_000, 64 << 20).Verdict;
            var result = (small.Initial == 0 ? Absent : Present).Check(7, operations);
            if (expected == Verdict.Unknown)
            {
                undecided++;
                continue;
            }

            if (expected != result.Verdict)
            {
                Assert.Fail($"seed {seed}, history {i}, initial {small.Initial}: search {expected}, fast "
                    + $"{result.Verdict}\n{string.Join('\n', history)}");
            }

            invalid += expected == Verdict.Invalid ? 1 : 0;
            AssertWitnesses(result, small.Initial, $"seed {seed}, history {i}");
        }

        output.WriteLine($"{histories} histories, {invalid} invalid, {undecided} undecided");
        Assert.InRange(invalid, histories / 10, histories * 9 / 10);
        Assert.True(undecided <= histories / 20, $"{undecided} undecided");
    }

    [Fact]
    public void What_a_register_really_did_is_always_valid()
    {
        var seed = Number("TESTBED_CHECKER_SEED", (ulong)Random.Shared.NextInt64());
        output.WriteLine($"TESTBED_CHECKER_SEED={seed}");
        for (var i = 0; i < 2_000; i++)
        {
            var small = new SmallHistories(seed + ((ulong)i * 0x632BE59BD9B4E019ul));
            small.Mixed();
            var history = small.Executed(1 + small.Next(300));
            var result = Checker(0).Check(7, history.ToArray());
            Assert.True(result.Verdict == Verdict.Valid,
                $"seed {seed}, history {i}: {string.Join('\n', result.Violations.Select(v => v.Explanation))}");
        }
    }

    [Fact]
    public void The_order_in_which_operations_are_given_does_not_matter()
    {
        var random = new SmallHistories(42);
        for (var i = 0; i < 5_000; i++)
        {
            var operations = random.Draw(12).ToArray();
            var checker = Checker(random.Initial);
            var before = checker.Check(7, operations);
            new Random(i).Shuffle(operations);
            var after = checker.Check(7, operations);
            Assert.Equal(before.Verdict, after.Verdict);
            Assert.Equal(before.Counts.AcknowledgedWrites, after.Counts.AcknowledgedWrites);
        }
    }

    private static void AssertWitnesses(KeyResult result, ulong initial, string where)
    {
        Assert.Equal(result.Verdict == Verdict.Invalid, result.Violations.Count > 0);
        foreach (var violation in result.Violations)
        {
            var links = violation.Operations.Count(o => o.Kind == HistoryKind.Cas);
            Assert.InRange(violation.Operations.Count, 1, links == 0 ? 6 : 8 + links);
            var operations = Relaxed(violation, initial);
            var alone = WingGong.Check(operations, initial, 1_000_000, 64 << 20).Verdict;
            if (alone != Verdict.Invalid)
            {
                Assert.Fail($"{where}: not a counterexample by itself: {violation.Explanation}\n"
                    + string.Join('\n', violation.Operations));
            }

            Assert.True(violation.StalenessNanos is null or > 0);
        }
    }

    /// <summary>
    /// A compare-and-set whose expected value has no writer among the operations counts as a plain write, so
    /// that a counterexample must hold without the rest of its chain.
    /// </summary>
    private static HistoryOperation[] Relaxed(Violation violation, ulong initial)
    {
        var isPhantom = violation.Kind is ViolationKind.Phantom or ViolationKind.FailedWriteVisible;
        var operations = violation.Operations.ToArray();
        for (var i = 0; i < operations.Length && !isPhantom; i++)
        {
            var cas = operations[i];
            if (cas.Kind == HistoryKind.Cas && cas.Outcome != HistoryOutcome.Fail
                && violation.Kind != ViolationKind.LostUpdate && cas.Expected != initial
                && !violation.Operations.Any(o => o.Kind != HistoryKind.Read && o.Value == cas.Expected))
            {
                operations[i] = cas with { Kind = HistoryKind.Write };
            }
        }

        return operations;
    }

    private static KeyChecker Checker(ulong initial) => new(new CheckOptions
    {
        InitialValues = new Dictionary<long, ulong> { [7] = initial },
    });

    internal static ulong Number(string variable, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), out var value) ? value : otherwise;
}
