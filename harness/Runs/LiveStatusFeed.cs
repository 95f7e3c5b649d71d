using Testbed.Harness.Cli.Views;
using Testbed.Harness.Load;
using Testbed.Results;

namespace Testbed.Harness.Runs;

/// <summary>Tells the view where the run stands, a few times per second.</summary>
internal sealed class LiveStatusFeed(RunOptions options, IRunView view, RunRecorder recorder, NodeSampler sampler,
    PhaseTracker tracker, LoadGenerator generator, RunClock clock)
{
    private long _from = -1;

    /// <summary>One update; called after each sample.</summary>
    public void Update()
    {
        var now = clock.NowNanos;
        tracker.Tick(now);
        var live = recorder.Live;
        if (live.Phase is not "load" && _from < 0)
        {
            _from = now;
        }

        view.Status(new LiveStatus
        {
            Seconds = _from < 0 ? 0 : (now - _from) / 1e9,
            TotalSeconds = (options.WarmupNanos + options.DurationNanos) / 1e9,
            Phase = live.Phase,
            OkPerSecond = live.GoodputPerSecond,
            OfferedPerSecond = live.Phase is "load" or "drain" ? null : options.RatePerSecond,
            ReadP99Micros = live.ReadP99Us,
            WriteP99Micros = live.WriteP99Us,
            Failures = live.Failures + live.Shed,
            InFlight = generator.InFlight,
            NodeStates = [.. sampler.Last.Select(r => r.State)],
        });
    }
}
