using Testbed.Results;

namespace Testbed.Tests.Unit.Results;

public sealed class AvailabilityTests
{
    private const long Ms = 1_000_000;
    private const long Second = 1_000_000_000;

    [Fact]
    public void An_outage_of_writes_is_measured_in_windows()
    {
        // A kill at 10.05 s: writes fail for 0.5 s, reads go on.
        var windows = Windows(0, 300, (i, _) => i is >= 100 and < 105 ? "write-failed" : "ok");
        var figures = Only(windows, Kill(10 * Second + 50 * Ms, healed: 20 * Second));
        Assert.Equal(0, figures.DetectNs);
        Assert.Equal(0, figures.UnavailableReadNs);
        Assert.Equal(500 * Ms, figures.UnavailableWriteNs);
        Assert.Equal(450 * Ms, figures.FirstSuccessNs);
        Assert.Equal(450 * Ms, figures.FullRecoveryNs);
        Assert.Equal((4 * 190) + (95 * 200), figures.OkWhileDown);
    }

    [Fact]
    public void A_fault_that_nobody_notices_costs_nothing()
    {
        var figures = Only(Windows(0, 300, (_, _) => "ok"), Kill(10 * Second, healed: 20 * Second));
        Assert.Null(figures.DetectNs);
        Assert.Equal((0, 0), (figures.UnavailableReadNs!.Value, figures.UnavailableWriteNs!.Value));
        Assert.Equal((0, 0), (figures.FirstSuccessNs!.Value, figures.FullRecoveryNs!.Value));
    }

    [Fact]
    public void A_slow_answer_is_noticed_too()
    {
        var windows = Windows(0, 300, (_, _) => "ok").Select(row =>
            row.TNs == 103 * 100 * Ms ? row with { LatencyMaxUs = 60_000 } : row).ToList();
        Assert.Equal(300 * Ms, Only(windows, Kill(10 * Second, healed: 20 * Second)).DetectNs);
    }

    [Fact]
    public void Recovery_needs_five_calm_seconds_and_is_unknown_when_the_run_ends_before()
    {
        var late = Windows(0, 300, (i, _) => i is >= 100 and < 140 ? "write-failed" : "ok");
        Assert.Equal(4 * Second, Only(late, Kill(10 * Second, null)).FullRecoveryNs);
        var never = Windows(0, 300, (i, _) => i is >= 100 and < 260 ? "write-failed" : "ok");
        Assert.Null(Only(never, Kill(10 * Second, null)).FullRecoveryNs);
        var slow = Windows(0, 300, (i, _) => i < 100 ? "ok" : "slow");
        Assert.Null(Only(slow, Kill(10 * Second, null)).FullRecoveryNs);
    }

    [Fact]
    public void Success_never_again_is_unknown()
    {
        var figures = Only(Windows(0, 200, (i, _) => i >= 100 ? "write-failed" : "ok"), Kill(10 * Second, null));
        Assert.Null(figures.FirstSuccessNs);
        Assert.Equal(10 * Second, figures.UnavailableWriteNs);
    }

    [Fact]
    public void A_fault_that_was_never_applied_has_no_figures()
    {
        var figures = Only(Windows(0, 100, (_, _) => "ok"), new FaultRow(1, "kill", "n1", 1, null, null, null, null, "", ""));
        Assert.Equal(new FaultFigures(1, "kill", "n1", null, null, null, null, null, null, null, null, 0), figures);
    }

    [Fact]
    public void Without_windows_or_faults_nothing_breaks()
    {
        Assert.Empty(Availability.Compute([], []));
        var figures = Only([], Kill(Second, null));
        Assert.Null(figures.FullRecoveryNs);
        Assert.Null(figures.FirstSuccessNs);
    }

    [Fact]
    public void Load_and_warm_up_are_no_baseline()
    {
        var windows = Windows(0, 300, (_, _) => "ok")
            .Select(row => row.TNs < 9 * Second ? row with { Phase = "warm-up", Count = row.Count * 100 } : row).ToList();
        Assert.Equal(0, Only(windows, Kill(10 * Second, null)).FullRecoveryNs);
    }

    private static FaultFigures Only(IReadOnlyList<WindowRow> windows, FaultRow fault) =>
        Assert.Single(Availability.Compute(windows, [fault]));

    private static FaultRow Kill(long applied, long? healed) =>
        new(1, "kill", "n1", applied - 1, applied, applied + 1, healed, healed, "", "");

    /// <summary>190 reads and 10 writes per window.</summary>
    private static List<WindowRow> Windows(int from, int to, Func<int, string, string> outcome)
    {
        var rows = new List<WindowRow>();
        for (var i = from; i < to; i++)
        {
            var what = outcome(i, "");
            var p99 = what == "slow" ? 4000 : 2000;
            rows.Add(new WindowRow(i * 100 * Ms, "steady", "read", "ok", 190, 500, p99, p99 + 100, 500, p99));
            rows.Add(new WindowRow(
                i * 100 * Ms, "steady", "update", what == "write-failed" ? "unknown" : "ok", 10, 700, 1900, 2000, 700, 1900));
        }

        return rows;
    }
}
